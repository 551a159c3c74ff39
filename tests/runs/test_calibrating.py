"""Shift of thresholds, probability of wrong bits and width of a blur, inferred beside the picture."""

import json

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import InputError
from engine.images import load_image
from engine.images.bundled import sample_path
from engine.priors.library import priors
from engine.runs.blur_width import blur_width, settle_blur
from engine.runs.inferring import infer
from engine.runs.job import prepare
from engine.runs.spec import RunSpec
from engine.sensing.entries import assemble
from engine.sensing.files import pieces_of, save_pieces
from engine.sensing.operators.blur import Blur

MNIST = "mnist"


def simulated(quantizer, noise=0.05, seed=0, measurements=400):
    """The file of a simulated measurement of a digit."""
    spec = RunSpec(
        image="sample:digit-3", prior=MNIST, operator=f"gaussian measurements={measurements}", quantizer=quantizer, noise=noise,
        seed=seed,
    )  # fmt: skip
    job = prepare(spec)
    return pieces_of(job.measurement, job.spec.operator, job.spec.matrix_seed)


def within(found, truth, errors=2.0):
    return abs(found.value - truth) < errors * found.error


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_the_probability_of_wrong_bits_is_found(seed):
    made, found = infer(
        simulated("one-bit flip=0.1", seed=seed) | {"flip": np.array("auto")}, priors().parse(MNIST), seed
    )
    assert within(found[0], 0.1)
    assert found[0].error < 0.03
    assert float(made["flip"]) == found[0].value
    assert assemble(made).channel.flip == found[0].value
    assert "mnist" in found[0].source


@pytest.mark.parametrize(("quantizer", "shift"), [("one-bit", 0.15), ("uniform bits=2", -0.2)])
def test_a_common_shift_of_thresholds_is_found(quantizer, shift):
    pieces = simulated(quantizer)
    pieces["thresholds"] = (
        np.asarray(pieces.get("thresholds", np.zeros(1))) - shift
    )  # the file has them so much too low
    made, found = infer(pieces | {"shift": np.array("auto")}, priors().parse(MNIST), 0)
    assert within(found[0], shift)
    assert found[0].error < 0.03
    assert assemble(made).lower.max() == pytest.approx(float(np.max(pieces["thresholds"])) + found[0].value)


@pytest.mark.slow
def test_noise_and_wrong_bits_together():
    pieces = simulated("one-bit flip=0.1", noise=0.2) | {"flip": np.array("auto")}
    del pieces["noise"]
    by_name = {each.name: each for each in infer(pieces, priors().parse(MNIST), 0)[1]}
    assert within(by_name["noise"], 0.2)
    assert within(by_name["probability of a wrong bit"], 0.1)


@pytest.mark.slow
def test_wrong_bits_of_single_pixels_are_found():
    spec = RunSpec(
        image="sample:photo-camera", prior="natural", operator="inpainting", quantizer="one-bit flip=0.1", size="32",
        colour="grey",
    )  # fmt: skip
    job = prepare(spec)
    pieces = pieces_of(job.measurement, job.spec.operator, job.spec.matrix_seed) | {"flip": np.array("auto")}
    assert within(infer(pieces, priors().parse("natural"), 0)[1][0], 0.1)
    with pytest.raises(InputError, match="darker picture"):
        infer(pieces | {"flip": np.array(0.1), "shift": np.array("auto")}, priors().parse("natural"), 0)


SCENE = load_image(sample_path("sample:photo-lake")).pixels.mean(0)[:96, :96].astype(np.float32)


def blurred(border, width=2.0, noise=0.01, scene=SCENE):
    operator = Blur(width=width, border=border).build((1, *scene.shape), 0)
    clean = operator.forward(torch.from_numpy(np.ascontiguousarray(scene))[None, None]).numpy()
    side = scene.shape if border != "cropped" else tuple(n - 2 * int(np.ceil(4 * width)) for n in scene.shape)
    return clean.reshape(side) + noise * np.random.default_rng(0).normal(size=side)


def recipe(words):
    return np.array(json.dumps({"recipe": words, "seed": 0}))


@pytest.mark.parametrize("border", ["cropped", "periodic"])
def test_the_width_of_a_blur_is_found(border):
    seen = blurred(border)
    for y in (seen, 4000 * seen + 300):  # counts of a camera
        pieces = {"y": y, "operator": recipe(f"blur width=auto border={border}")}
        if border == "periodic":
            pieces["shape"] = np.array(SCENE.shape)
        made, found = settle_blur(pieces)
        assert within(found[0], 2.0)
        assert found[0].error < 0.4
        assert found[0].unit == "px"
        assert assemble(made | {"noise": np.array(0.01)}).operator.image_shape == pytest.approx((1, 96, 96), abs=2)


def test_where_a_width_cannot_be_found():
    grain = np.random.default_rng(0).normal(size=(64, 64))
    with pytest.raises(InputError, match="too narrow, or noise hides"):
        blur_width(grain[None], Blur(width=None), None)
    with pytest.raises(InputError, match="24 each way"):
        blur_width(grain[None, :20], Blur(width=None), None)
    with pytest.raises(InputError, match="for real values alone"):
        settle_blur({"y": grain > 0, "operator": recipe("blur width=auto")})
    with pytest.raises(InputError, match="must be \\(height, width\\)"):
        settle_blur({"y": grain.ravel(), "operator": recipe("blur width=auto border=cropped")})
    with pytest.raises(InputError, match="give a measurement, or a number to simulate one"):
        prepare(RunSpec(image="sample:digit-3", operator="blur width=auto", quantizer="none"))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"shift": "auto", "y": [0.3, 0.2]}, "'shift' is of bits and codes, but y holds real values"),
        ({"flip": "auto", "y": [0.3, 0.2]}, "'flip' is of bits and codes"),
        ({"flip": "auto", "y": [0, 2], "thresholds": [-1.0, 1.0]}, "one bit only"),
        ({"shift": "auto", "y": [0, 1], "dither": "gaussian", "dither_width": 0.3}, "thresholds were recorded"),
        ({"shift": "auto", "y": [3, 1], "photons": '{"kind": "counts"}'}, "y holds photons"),
    ],
)
def test_what_cannot_be_inferred_is_said(entries, message):
    matrix = np.random.default_rng(0).normal(size=(2, 16))
    pieces = {k: np.array(v) for k, v in entries.items()} | {"A": matrix, "noise": np.array(0.1)}
    with pytest.raises(InputError, match=message):
        infer(pieces, priors().parse("gaussian"), 0)


@pytest.mark.slow
def test_the_light_of_photons_is_found(tmp_path):
    scene = SCENE[:48, :48] / SCENE[:48, :48].max()
    clicks = np.random.default_rng(0).random((24, *scene.shape)) < 1 - np.exp(-0.4 * scene)
    pieces = {
        "y": clicks.sum(0), "photons": np.array('{"kind": "clicks", "frames": 24}'), "gain": np.array("auto"),
        "operator": recipe("identity"), "shape": np.array(scene.shape), "noise": np.array(0.0),
    }  # fmt: skip
    made, found = infer(pieces, priors().parse("natural"), 0)
    assert found[0].value == pytest.approx(24 * 0.4, rel=0.15)  # white is the brightest thousandth, which noise blurs
    assert float(made["gain"]) == found[0].value
    with pytest.raises(InputError, match="for real values alone"):
        infer(pieces | {"gain": np.array(9.6), "dark": np.array("auto")}, priors().parse("natural"), 0)


def test_a_run_shows_the_table(tmp_path, capsys):
    save_pieces(tmp_path / "bits.npz", simulated("one-bit flip=0.1"))
    words = ["run", "--measurement", str(tmp_path / "bits.npz"), "--prior", "mnist", "--algorithm", "turbo"]
    words += ["--flip", "auto", "--samples", "1", "--no-save", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    shown = capsys.readouterr().err
    assert "probability of a wrong bit" in shown
    assert "message passing with the prior mnist" in shown
    told = json.loads((tmp_path / "out" / "result.json").read_text())["inferred"]
    assert told[0]["error"] > 0
    assert told[0]["source"].startswith("likeliest")
    assert main([*words, "--flip", "often"]) == 2


@pytest.mark.slow
def test_a_picture_through_a_blur_of_unknown_width(tmp_path):
    y = blurred("cropped")
    from PIL import Image

    Image.fromarray(np.clip(255 * y, 0, 255).round().astype(np.uint8)).save(tmp_path / "seen.png")
    words = ["run", "--measurement", str(tmp_path / "seen.png"), "--operator", "blur width=auto border=cropped"]
    words += ["--prior", "natural", "--algorithm", "plug-and-play steps=4", "--no-save", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    told = {each["name"]: each for each in json.loads((tmp_path / "out" / "result.json").read_text())["inferred"]}
    width = told["width of the blur"]
    assert abs(width["value"] - 2) < 2 * width["error"]
    assert "noise" in told
