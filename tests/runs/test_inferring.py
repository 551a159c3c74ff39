"""Gain, dark level and noise that a measurement file leaves open are inferred beside the picture."""

import json

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import InputError
from engine.images import load_image
from engine.images.bundled import sample_path
from engine.priors.library import priors
from engine.runs.inferring import infer
from engine.runs.job import reconstruct
from engine.runs.spec import RunSpec
from engine.sensing.entries import assemble
from engine.sensing.files import load_measurement

SIDE = 24


def scene():
    pixels = load_image(sample_path("sample:photo-camera")).pixels.mean(0)[8:248, 8:248]
    part = pixels.reshape(SIDE, 10, SIDE, 10).mean((1, 3))
    return (part - part.min()) / (part.max() - part.min())


def counted(gain=4000.0, dark=0.0, noise=20.0, rows=500):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(rows, SIDE * SIDE)) / np.sqrt(rows)
    y = gain * (matrix @ scene().ravel()) + dark + noise * rng.normal(size=rows)
    return {"y": y, "A": matrix.astype(np.float32), "shape": np.array([SIDE, SIDE])}


def test_gain_dark_level_and_noise_are_found():
    pieces = counted(dark=700.0) | {"gain": np.array("auto"), "dark": np.array("auto"), "unit": np.array("counts")}
    made, found = infer(pieces, priors().parse("natural"), 0)
    by_name = {each.name: each for each in found}
    assert by_name["gain"].value == pytest.approx(4000, rel=0.1)
    assert by_name["dark level"].value == pytest.approx(700, abs=4 * by_name["dark level"].error)
    assert by_name["dark level"].error < 100
    assert by_name["noise"].value < 4 * 20
    assert by_name["gain"].unit == "counts"
    assert float(made["gain"]) == by_name["gain"].value
    assert "auto" not in {str(v) for k, v in made.items() if k in ("gain", "dark")}
    assert infer(made, priors().parse("natural"), 0) == (made, ())  # nothing is left open


def test_noise_of_a_camera_that_does_not_mix_is_found():
    rng = np.random.default_rng(1)
    kernel = np.ones((3, 3)) / 9
    height = SIDE - 2
    wide = torch.from_numpy(scene())[None, None].float()
    clean = assemble({"y": np.ones((height, height)), "kernel": kernel}).predict(wide).numpy().reshape(height, height)
    y = clean + 0.02 * rng.normal(size=clean.shape)
    made, found = infer({"y": y, "kernel": kernel}, priors().parse("natural"), 0)
    assert float(made["noise"]) == pytest.approx(0.02, rel=0.35)
    assert found[0].error < 0.01


def test_a_run_says_what_was_inferred_and_shows_its_own_units(tmp_path):
    np.savez(tmp_path / "counts.npz", **(counted() | {"gain": "auto", "unit": "counts"}))
    spec = RunSpec(
        measurement=str(tmp_path / "counts.npz"), prior="natural", algorithm="plug-and-play steps=6", device="cpu"
    )
    result = reconstruct(spec)
    told = result.as_dict()["inferred"]
    assert {each["name"] for each in told} == {"gain", "noise"}
    assert "noise" in result.notes[0] and "gain" in result.notes[0]
    assert "counts" in result.notes[0]
    with np.load(result.write_npz(tmp_path / "out.npz")) as arrays:
        own = arrays["mean_in_units"][0]
    truth = 4000 * scene()
    assert float((own * truth).sum() / (truth * truth).sum()) == pytest.approx(1, abs=0.05)
    assert 20 * np.log10(4000 / np.sqrt(np.mean((own - truth) ** 2))) > 18


def test_noise_and_gain_of_each_measurement(tmp_path):
    rng = np.random.default_rng(2)
    matrix, x = rng.normal(size=(40, 16)), rng.random(16)
    gain, noise = rng.uniform(1, 3, 40), rng.uniform(0.1, 0.5, 40)
    y = gain * (matrix @ x) + 5 + noise * rng.normal(size=40)
    np.savez(tmp_path / "m.npz", y=y, A=matrix, shape=[4, 4], noise=noise, gain=gain, dark=5.0)
    seen = load_measurement(tmp_path / "m.npz")
    residual = (seen.values.double() - seen.predict(torch.from_numpy(x.reshape(1, 1, 4, 4))).double())[0].numpy()
    expected = (y - 5 - gain * (matrix @ x)) / noise  # of deviation 1 each
    assert residual / seen.noise == pytest.approx(expected, abs=1e-4)
    np.savez(tmp_path / "bad.npz", y=y, A=matrix, shape=[4, 4], noise=noise[:7])
    with pytest.raises(InputError, match="one for each of the 40 rows"):
        load_measurement(tmp_path / "bad.npz")


def test_gain_and_dark_are_flags_of_the_command_line(tmp_path, capsys):
    np.savez(tmp_path / "bare.npz", **(counted() | {"noise": 20.0}))
    words = [
        "run",
        "--measurement",
        str(tmp_path / "bare.npz"),
        "--prior",
        "wavelet",
        "--algorithm",
        "lasso iterations=5",
    ]
    words += ["--gain", "auto", "--dark", "0", "--no-save", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    told = json.loads((tmp_path / "out" / "result.json").read_text())["inferred"]
    assert [each["name"] for each in told] == ["gain"]
    assert main([*words, "--gain", "much"]) == 2
    assert "gain=much is not valid" in capsys.readouterr().err


def test_the_gain_of_two_grey_levels_is_not_said_to_be_of_the_brightest_pixels():
    from engine.priors.library import priors

    scan = {"y": np.linspace(0, 3, 60).reshape(5, 12), "angles": np.array([0, 15, 30, 45, 60]), "gain": np.array("auto"),
            "noise": np.array(0.1)}  # fmt: skip
    told = {name: infer(scan, priors().parse(name), 0)[1][-1].source for name in ("two-valued", "total-variation")}
    assert told["two-valued"].startswith("two grey levels") and told["total-variation"].startswith("brightest pixels")
