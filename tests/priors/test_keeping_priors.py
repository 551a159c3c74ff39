"""Priors on disk and in memory: full disks, and fitted priors that several runs share."""

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import InputError
from engine.images import save_png
from engine.priors.library import priors
from engine.priors.training.denoiser import DenoiserTrainer
from engine.priors.training.settings import DenoiserTraining
from engine.priors.weights_file import save_weights
from engine.runs.fit import scaled_rows, with_share_of_rows
from engine.runs.spec import RunSpec


@pytest.fixture
def pictures(tmp_path):
    folder, draw = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for i in range(20):
        save_png(folder / f"{i}.png", draw.random((1, 8, 8), np.float32))
    return folder


@pytest.fixture
def full_disk():
    """No file grows beyond 4 kB, as on a disk that is almost full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_weights_on_a_full_disk_are_a_sentence_and_leave_the_old_file(tmp_path, full_disk):
    path = save_weights(tmp_path / "a.safetensors", {"w": torch.zeros(8)}, {"sigma": float("inf")})
    before = path.read_bytes()
    assert b"Infinity" not in before
    with pytest.raises(InputError, match=r"^Cannot write '[^\n]*a\.safetensors' \(File too large\); free space"):
        save_weights(path, {"w": torch.zeros(100_000)}, {})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_on_a_full_disk_is_a_sentence(tmp_path, pictures, full_disk):
    settings = DenoiserTraining(
        images=str(pictures), out=str(tmp_path / "a.safetensors"), steps=2, batch=2, width=16, threads=1
    )
    trainer = DenoiserTrainer(settings)
    with pytest.raises(InputError, match=r"^Cannot write '[^\n]*a\.checkpoint' \(File too large\); free space"):
        trainer.save()
    assert not trainer.checkpoint.exists()


def test_an_import_on_a_full_disk_is_a_sentence(tmp_path, capsys):
    resource = pytest.importorskip("resource")
    from importlib.resources import files

    source = files("resources") / "priors" / "vae-mnist.safetensors"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        assert main(["import-prior", "--file", str(source), "--name", "mine"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert "Cannot write" in said and "internal" not in said


@pytest.mark.parametrize("written", ["gaussian images={} side=8", "mixture images={} side=8 components=2"])
def test_a_fitted_prior_stays_where_its_user_has_it(pictures, written):
    choice = priors().parse(written.format(pictures))
    here = choice.load("cpu")
    elsewhere = choice.load("meta")
    assert elsewhere.centre.device.type == "meta" and here.centre.device.type == "cpu"
    for part in getattr(here, "parts", [here]):
        assert part.values.device.type == "cpu"
    x = torch.rand(2, 1, 8, 8)
    assert torch.isfinite(here.denoise(x, 0.1)).all() and choice.load("cpu").card == here.card


@pytest.mark.parametrize("operator", ["inpainting", "inpainting measurements=60", "identity", "dct measurements=60"])
def test_a_smaller_picture_is_measured_by_a_share_of_what_there_was(operator):
    before = RunSpec(operator=operator, prior="gaussian", size="8x8")
    now = before.replace(size="4x4")
    found = with_share_of_rows((1, 8, 8), before, now)
    assert found.operator.rows_for((1, 4, 4)) == {"inpainting": 8, "identity": 16}.get(operator, 15)
    assert scaled_rows(now, (1, 8, 8), (1, 4, 4)).operator.rows_for((1, 4, 4)) <= 16


@pytest.mark.parametrize("name", ["vae-mnist", "mnist"])
def test_the_programs_own_priors_can_be_imported_under_another_name(capsys, name):
    from importlib.resources import files

    source = files("resources") / "priors" / f"{name}.safetensors"
    assert main(["import-prior", "--file", str(source), "--name", "mine"]) == 0, capsys.readouterr().err
    assert "mine" in priors().choices
