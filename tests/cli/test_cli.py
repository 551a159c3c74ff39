"""The command line: what it writes, and exit status 2 with one sentence for bad input."""

import json
import os
import socket

import numpy as np
import pytest

from engine.cli import main

FAST = ["--algorithm", "guided steps=4", "--samples", "2", "--device", "cpu"]


def run(capsys, *arguments):
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.slow
def test_run_evaluate_measure(capsys, tmp_path, digit):
    status, out, _ = run(capsys, "run", *FAST, "--out", tmp_path / "r")
    assert status == 0
    assert json.loads(out)["psnr_mean"] > 5
    status, _, _ = run(capsys, "measure", "--image", "sample:digit-3", "--out", tmp_path / "m.npz", "--seed", 0)
    assert status == 0
    status, out, _ = run(capsys, "run", "--measurement", tmp_path / "m.npz", *FAST, "--out", tmp_path / "r2")
    assert status == 0
    assert "psnr_mean" not in json.loads(out)  # no truth, no such metric
    with np.load(tmp_path / "r" / "result.npz") as a, np.load(tmp_path / "r2" / "result.npz") as b:
        assert np.array_equal(a["samples"], b["samples"])

    (tmp_path / "images").mkdir()
    from engine.images import save_png

    for i in range(3):
        save_png(tmp_path / "images" / f"{i}.png", digit)
    status, _, _ = run(
        capsys, "evaluate", "--images", tmp_path / "images", "--limit", 2, *FAST, "--out", tmp_path / "e"
    )
    assert status == 0
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert len(summary["images"]) == summary["count"] == 2
    wanted = {"psnr_sample", "psnr_mean", "cosine_sample", "cosine_mean", "ssim_sample", "ssim_mean", "consistency"}
    assert wanted | {"seconds", "network_calls"} <= summary["mean"].keys()
    assert (tmp_path / "e" / "reconstructions.png").exists()


@pytest.mark.slow
def test_options_complete_a_measurement_file(capsys, tmp_path):
    run(capsys, "measure", "--image", "sample:digit-3", "--noise", 0.1, "--out", tmp_path / "whole.npz", "--seed", 4)
    with np.load(tmp_path / "whole.npz") as file:
        np.savez(tmp_path / "part.npz", y=2 * file["y"] - 1, offset=file["offset"])
    base = ["run", "--measurement", tmp_path / "part.npz", *FAST, "--out", tmp_path / "part", "--seed", 4]
    status, _, error = run(capsys, *base, "--operator", "gaussian measurements=200", "--measurement-offset", 0.3)
    assert status == 2
    assert "--measurement-offset does not go" in error
    status, _, error = run(capsys, *base, "--operator", "gaussian measurements=150", "--noise", 0.1)
    assert status == 2
    assert not (tmp_path / "part").exists()
    status, _, error = run(capsys, *base, "--operator", "gaussian measurements=200", "--noise", 0.1)
    assert status == 0, error
    again = ["run", "--measurement", tmp_path / "whole.npz", *FAST, "--seed", 4, "--out", tmp_path / "whole"]
    assert run(capsys, *again)[0] == 0
    with np.load(tmp_path / "part" / "result.npz") as a, np.load(tmp_path / "whole" / "result.npz") as b:
        assert np.array_equal(a["samples"], b["samples"])
    assert (tmp_path / "part" / "measurement.npz").exists()


@pytest.mark.slow
def test_a_full_disk_leaves_the_results_before(capsys, tmp_path, monkeypatch):
    from engine.runs import reconstruction

    folder = tmp_path / "r"
    assert run(capsys, "run", *FAST, "--out", folder)[0] == 0
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reconstruction.np, "savez_compressed", full)
    status, _, error = run(capsys, "run", *FAST, "--seed", 1, "--out", folder)
    monkeypatch.undo()
    assert status == 2
    assert "No space left" in error
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_describe(capsys):
    status, out, _ = run(capsys, "describe", "--json")
    assert status == 0
    facts = json.loads(out)
    assert {"operators", "quantizers", "priors", "algorithms"} <= facts.keys()
    assert "turbo" in [a["name"] for a in facts["algorithms"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--operator", "gaussian measurements=0"],
        ["run", "--operator", "gausian"],
        ["run", "--operator", "gaussian measurments=10"],
        ["run", "--operator", "gaussian measurements=9999999", "--algorithm", "guided"],
        ["run", "--quantizer", "two-bit"],
        ["run", "--noise", "nan"],
        ["run", "--noise", "-1"],
        ["run", "--prior", "cats"],
        ["run", "--algorithm", "turbo rounds=0"],
        ["run", "--samples", "0"],
        ["run", "--samples", "many"],
        ["run", "--seed", "-1"],
        ["run", "--device", "tpu"],
        ["run", "--image", "missing.png"],
        ["run", "--image", "sample:cat"],
        ["run", "--measurement", "missing.npz"],
        ["run", "--image", "a", "--measurement", "b"],
        ["run", "--threads", "-1"],
        ["run", "--measurement", "m.npz", "--noise", "1"],
        ["train", "--images", "missing", "--sigma-min", "5", "--sigma-max", "1"],
        ["run", "--nonsense"],
        ["evaluate", "--images", "missing"],
        ["evaluate", "--images", ".", "--limit", "0"],
        ["evaluate", "--images", ".", "--limit", "x"],
        ["measure", "--image", "sample:digit-1", "--noise", "inf"],
        ["train", "--images", "missing"],
        ["frobnicate"],
        [],
    ],
    ids=" ".join,
)
def test_bad_input_is_status_2_and_one_sentence(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    if arguments and arguments[0] in ("run", "evaluate", "measure", "train"):
        suffix = {"measure": "m.npz", "train": "w.safetensors"}.get(arguments[0], "out")
        arguments = [*arguments, "--out", str(tmp_path / suffix)]
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("qcs: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--image", "pipe"],
        ["run", "--measurement", "pipe.mat"],
        ["run", "--measurement", "pipe.csv"],
        ["run", "--operator", "matrix file=pipe.npy"],
        ["measure", "--image", "pipe"],
        ["evaluate", "--images", "pipe"],
        ["evaluate", "--images", "folder"],
        ["denoise", "--noise", "0.1", "--images", "pipe"],
        ["denoise", "--noise", "0.1", "--images", "folder"],
        ["train", "--images", "pipe"],
        ["train", "--images", "folder"],
        ["import-prior", "--file", "pipe.pth"],
        ["import-prior", "--file", "network"],
    ],
    ids=" ".join,
)
def test_pipes_and_sockets_are_not_read(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "network"):
        (tmp_path / folder).mkdir()
    for name in ("pipe", "pipe.mat", "pipe.csv", "pipe.npy", "pipe.pth", "folder/a.png", "network/config.json"):
        os.mkfifo(tmp_path / name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("folder/b.png")
        if arguments[0] != "import-prior":
            arguments = [*arguments, "--out", "x.npz" if arguments[0] == "measure" else "x.safetensors"]
        status, _, err = run(capsys, *arguments)
    assert status == 2, err
    assert err.startswith("qcs: ")
    assert len(err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "operator", ["phase-retrieval", "inpainting", "blur", "super-resolution factor=4", "single-pixel"]
)
def test_any_operator_measures_and_reconstructs_without_naming_an_algorithm(capsys, tmp_path, operator):
    file = tmp_path / "m.npz"
    status, _, error = run(capsys, "measure", "--image", "sample:digit-1", "--operator", operator, "--out", file)
    assert (status, error) == (0, "")
    status, out, error = run(
        capsys, "run", "--measurement", file, "--samples", 1, "--threads", 1, "--out", tmp_path / "o"
    )
    assert (status, error) == (0, "")
    assert "psnr" not in out


def test_unwritable_folder(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, _, err = run(capsys, "run", *FAST, "--out", tmp_path / "file" / "sub")
    assert status == 2
    assert "Cannot write" in err


def test_engine_failure_is_status_1(capsys, tmp_path):
    algorithm = "qcs-sgm step=80 guard=false levels=60 sigma_last=0.001"
    status, _, err = run(capsys, "run", "--algorithm", algorithm, "--samples", 1, "--out", tmp_path / "o")
    assert status == 1
    assert "diverged" in err


@pytest.mark.slow
def test_train_and_resume(capsys, tmp_path, digit):
    import torch

    from engine.images import save_png

    (tmp_path / "images").mkdir()
    for i in range(16):
        save_png(tmp_path / "images" / f"{i:02}.png", np.roll(digit, i - 8, axis=2))
    (tmp_path / "images" / "05a.png").write_bytes(b"no picture")
    content = np.stack([np.rint(np.roll(digit[0], i, 1) * 255).astype(np.uint8) for i in range(20)])
    status, out, _ = run(
        capsys, "train", "--images", tmp_path / "images", "--side", 12, "--width", 16, "--blocks", 1, "--batch", 4,
        "--steps", 2, "--out", tmp_path / "folder.safetensors",
    )  # fmt: skip
    assert status == 0
    assert out.startswith("1 picture could not be read and was left out: '05a.png'.\n")
    idx = tmp_path / "set-idx3-ubyte"
    idx.write_bytes(bytes([0, 0, 8, 3]) + np.array(content.shape, ">u4").tobytes() + content.tobytes())
    common = ["--images", idx, "--width", 16, "--blocks", 1, "--batch", 4, "--validation", idx, "--threads", 1]
    run(capsys, "train", *common, "--steps", 6, "--out", tmp_path / "whole.safetensors")
    from engine.priors.training.denoiser import DenoiserTrainer
    from engine.priors.training.settings import DenoiserTraining

    half = DenoiserTraining(
        images=str(idx),
        validation=str(idx),
        width=16,
        blocks=1,
        batch=4,
        steps=6,
        out=str(tmp_path / "half.safetensors"),
        threads=1,
    )
    trainer = DenoiserTrainer(half)
    for progress in trainer:
        if progress.step == 3:
            break
    trainer.save()
    status, out, _ = run(capsys, "train", *common, "--steps", 6, "--out", tmp_path / "half.safetensors")
    assert status == 0
    card = json.loads(out[out.index("{") :])
    for change in (["--seed", 5, "--steps", 6], ["--steps", 2]):
        status, _, err = run(capsys, "train", *common, *change, "--out", tmp_path / "half.safetensors")
        assert status == 2
        assert "half.checkpoint" in err
    assert len(card["quality"]["rmse"]) >= 8
    from engine.priors.networks.edm import EdmDenoiser

    a, b = (EdmDenoiser.load(tmp_path / f"{n}.safetensors") for n in ("whole", "half"))
    for key, value in a.network.state_dict().items():
        assert torch.allclose(value, b.network.state_dict()[key], atol=1e-4), key


@pytest.mark.slow
def test_a_prior_is_rated_and_its_weights_stay(capsys, tmp_path):
    import shutil

    from engine.images.bundled import sample_path
    from engine.priors.header import read_header
    from engine.priors.library import priors

    file = tmp_path / "rated.safetensors"
    shutil.copy(priors().parse("mnist").path, file)
    folder = tmp_path / "digits"
    folder.mkdir()
    for name in ("digit-3", "digit-5"):
        found = sample_path(f"sample:{name}")
        if found is not None:
            shutil.copy(found, folder)
    status, out, _ = run(capsys, "rate-prior", file, "--images", folder, "--threads", 1)
    assert status == 0
    told = json.loads(out)
    card = read_header(file)["card"]
    assert card["quality"]["psnr"] == told["psnr"]
    assert len(card["quality"]["pictures"]["rmse"]) == told["pictures"] >= 1
    import torch
    from safetensors.torch import load_file

    before = load_file(priors().parse("mnist").path)
    assert all(torch.equal(v, before[k]) for k, v in load_file(file).items())
    status, _, err = run(capsys, "rate-prior", tmp_path / "none.safetensors", "--images", folder)
    assert status == 2
    assert "does not exist" in err


@pytest.mark.slow
def test_copies_of_training_pictures_would_show(capsys, tmp_path):
    from PIL import Image

    from engine.priors.library import priors

    folder = tmp_path / "digits"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for i in range(20):
        Image.fromarray(draw.integers(0, 255, (28, 28), dtype=np.uint8)).save(folder / f"{i:02}.png")
    file, sheet = priors().parse("mnist").path, tmp_path / "sheet.png"
    status, out, _ = run(capsys, "check-copies", file, "--images", folder, "--samples", 2, "--out", sheet)
    assert status == 0
    told = json.loads(out)
    assert told["samples"] == 2 and told["held_out"] == 1
    assert told["median_distance"] > 0.2  # digits are not noise
    with Image.open(sheet) as drawn:
        assert drawn.size == (56, 56)
    status, out, _ = run(capsys, "check-copies", priors().parse("vae-mnist").path, "--images", folder, "--out", sheet)
    assert status == 0 and json.loads(out)["samples"] == 8
    any_size = priors().parse("natural").path
    status, _, err = run(capsys, "check-copies", any_size, "--images", folder, "--out", sheet)
    assert status == 2 and "any size" in err


@pytest.mark.slow
def test_a_prior_that_copies_is_seen():
    import torch

    from engine.experiments.copies import nearest

    pool = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found, distance = nearest(torch.stack([pool[3], pool[1].flip(2)]), pool)
    assert torch.equal(found, torch.stack([pool[3], pool[1].flip(2)]))
    assert float(distance.max()) < 1e-3


def test_made_pictures_have_the_rank_that_was_asked_for(tmp_path, capsys):
    import numpy as np

    from engine.images import load_image

    assert (
        main(
            [
                "make-picture",
                "low-rank",
                "--rank",
                "3",
                "--condition",
                "4",
                "--size",
                "30x20",
                "--out",
                str(tmp_path / "a.tif"),
            ]
        )
        == 0
    )
    values = np.linalg.svd(load_image(tmp_path / "a.tif").pixels[0].astype(float) - 0.5, compute_uv=False)
    assert values[2] > 1e-3 and values[3] < 1e-5 and values[0] / values[2] == pytest.approx(4, rel=1e-3)
    assert main(["make-picture", "film", "--frames", "3", "--size", "10x8", "--out", str(tmp_path / "b.png")]) == 0
    assert load_image(tmp_path / "b.png").pixels.shape == (1, 24, 10)
    assert main(["make-picture", "low-rank", "--rank", "99", "--size", "30x20", "--out", str(tmp_path / "c.tif")]) == 2
    assert "give 1 to 20" in capsys.readouterr().err


def test_a_file_whose_pictures_the_usual_prior_does_not_know_gets_another(capsys, tmp_path):
    from argparse import Namespace

    from engine.cli.sources import completed_measurement

    def of(**entries):
        np.savez(tmp_path / "m.npz", **entries)
        return completed_measurement(Namespace(recipe_measurement=str(tmp_path / "m.npz"), threads=0))

    rows = {"transform": "walsh", "index": np.arange(40), "y": np.linspace(-1, 1, 40)}
    assert of(**rows, shape=[28, 28]).prior.name == "mnist"
    assert capsys.readouterr().err == ""
    assert of(**rows, shape=[32, 64]).prior.name == "natural"
    assert "The prior is natural" in capsys.readouterr().err
    scan = {"y": np.ones((5, 12)), "gain": "auto"}
    assert of(**scan, angles=[0, 15, 30, 45, 60]).prior.name == "two-valued"
    assert "of others, take natural or total-variation" in capsys.readouterr().err
    assert of(**scan, angles=[0, 40, 80, 120, 160]).prior.name == "natural"


@pytest.mark.slow
def test_a_sample_that_an_instrument_measured_is_run_by_its_name(capsys, tmp_path):
    words = ["--prior", "total-variation", "--algorithm", "lasso iterations=2 penalty=0.1", "--device", "cpu"]
    status, _, err = run(
        capsys, "run", "--measurement", "sample:lensless-hand", *words, "--save", "hand", "--out", tmp_path / "o"
    )
    assert status == 0, err
    told = json.loads((tmp_path / "o" / "result.json").read_text())
    assert told["recipe"]["measurement"] == "sample:lensless-hand"
    assert run(capsys, "run", "--from", "hand", "--no-save", "--out", tmp_path / "again")[0] == 0
    status, _, err = run(capsys, "run", "--measurement", "sample:digit-3", "--out", tmp_path / "p")
    assert status == 2 and err.count("\n") == 1
