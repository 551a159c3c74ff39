"""Generators: their files, their trainings, and what is measured of pictures for an AmbientGAN."""

import json

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.images import save_png
from engine.priors.base import Card
from engine.priors.generators.decoders import Decoder, DecoderShape
from engine.priors.generators.fitting import best_latents
from engine.priors.generators.network_prior import NetworkGenerator, as_latents
from engine.priors.library import priors
from engine.priors.networks.registry import read_prior
from engine.priors.training.generators import trainer_for
from engine.priors.training.generators.corruptions import CORRUPTIONS, filled
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.session import prepare_settings, run_session
from engine.runs import RunSpec, reconstruct
from engine.seeds import RowGenerators, generator

SHAPES = [
    DecoderShape("mlp", 5, (16, 16), (1, 12, 9)),
    DecoderShape("conv", 6, (16, 8), (3, 13, 10), "sphere"),
]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        save_png(folder / f"{i:02}.png", rng.random((1, 16, 16), np.float32))
    return folder


@pytest.mark.parametrize("shape", SHAPES, ids=["mlp", "conv"])
def test_a_file_is_read_as_it_was_written(tmp_path, shape):
    torch.manual_seed(0)
    prior = NetworkGenerator(Decoder(shape).eval().requires_grad_(False), 0.3, 0.2, Card("made", "Made"))
    path = prior.save(tmp_path / "made.safetensors")
    again = read_prior(path)
    z = prior.draw_latents(RowGenerators([generator(0, "latent", i) for i in range(4)]))
    x = again.generate(z)
    assert x.shape == (4, *shape.image_shape) and 0 <= float(x.min()) <= float(x.max()) <= 1
    assert torch.allclose(x, prior.generate(z), atol=2e-3)  # kept in half precision
    assert torch.equal(again.generate(z[:1]), again.generate(z)[:1]) or torch.allclose(
        again.generate(z[:1]), x[:1], atol=1e-6
    )


def test_sparse_latents_keep_what_is_largest_in_size_of_either_sign():
    normal = torch.tensor([[-3.0, 1.0, 2.0, 0.1, -0.5], [0.2, -0.1, -0.3, 0.05, 0.0]])
    kept = torch.tensor([[-3.0, 0.0, 2.0, 0.0, 0.0], [0.2, 0.0, -0.3, 0.0, 0.0]])
    assert torch.equal(as_latents(normal, "sparse", 2), kept)
    torch.manual_seed(0)
    shape = DecoderShape("mlp", 5, (16,), (1, 6, 6), "sparse", kept=2)
    prior = NetworkGenerator(Decoder(shape).eval().requires_grad_(False), 0.3, 0.2, Card("made", "Made"))
    assert torch.equal(prior.on_latents(normal), kept)
    assert torch.equal(prior.generate(normal), prior.generate(kept))
    assert not torch.equal(prior.generate(normal[:1]), prior.generate(normal[:1].abs()))


def test_a_file_that_was_tampered_with_is_one_sentence(tmp_path):
    from safetensors.torch import load_file, save_file

    prior = NetworkGenerator(Decoder(SHAPES[0]).eval(), 0.3, 0.2, Card("made", "Made"))
    path = prior.save(tmp_path / "made.safetensors")
    from engine.priors.header import read_header

    facts, tensors = read_header(path), load_file(path)
    for change in (
        {"network": facts["network"] | {"latent": 1 << 40}}, {"network": facts["network"] | {"kind": "other"}},
        {"network": {}}, {"image_shape": [1, 12, 10]}, {"mean": "much"}, {"network": facts["network"] | {"layers": []}},
        {"kind": "edm"}, {"deviation": float("nan")}, {"meta": {"method": "dcs", "steps": 3, "rate": float("inf")}},
        {"meta": {"method": "dcs", "steps": 1 << 40, "rate": 0.1}}, {"network": facts["network"] | {"layers": [1 << 15] * 8}},
    ):  # fmt: skip
        save_file(tensors, path, metadata={"qcs": json.dumps(facts | change)})
        with pytest.raises(InputError) as error:
            read_prior(path)
        assert "\n" not in str(error.value)


def test_latents_of_every_kind_have_their_distribution():
    normal = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0))
    uniform = as_latents(normal, "uniform")
    assert float(uniform.abs().max()) <= 1 and float(uniform.square().mean()) == pytest.approx(1 / 3, abs=0.01)
    assert torch.allclose(as_latents(normal, "sphere").norm(dim=1), torch.ones(4000), atol=1e-5)


@pytest.mark.slow
def test_the_best_latent_of_a_generated_picture_is_found():
    prior = priors().parse("vae-mnist").load()
    z = prior.draw_latents(RowGenerators([generator(3, "latent", i) for i in range(2)]))
    pictures = prior.generate(z)
    found = prior.generate(best_latents(prior, pictures))
    assert float((found - pictures).square().mean()) < 0.003


@pytest.mark.slow
@pytest.mark.parametrize("method", ["vae", "gan", "ambient-gan"])
def test_a_training_that_was_broken_off_goes_on_the_same(tmp_path, pictures, method):
    common = {
        "images": str(pictures), "method": method, "latent": 4, "width": 8, "hidden": 16, "batch": 4, "critic_steps": 2,
        "steps": 4, "threads": 1,
        "decoder": "conv", "measurement": "drop share=0.5" if method == "ambient-gan" else "",
    }  # fmt: skip
    whole = trainer_for(GeneratorTraining(out=str(tmp_path / "whole.safetensors"), **common))
    losses = [progress.loss for progress in whole]
    half = trainer_for(GeneratorTraining(out=str(tmp_path / "half.safetensors"), **common))
    for progress in half:
        if progress.step == 2:
            break
    half.save()
    again = trainer_for(GeneratorTraining(out=str(tmp_path / "half.safetensors"), **common))
    assert [progress.loss for progress in again] == pytest.approx(losses[2:], rel=1e-5)
    prior = again.finish()
    assert prior.card.quality["best_latent"]["pictures"] == 1
    assert prior.card.notes.startswith("4 steps")


@pytest.mark.slow
def test_a_session_adds_a_generator_to_the_list(tmp_path, pictures, monkeypatch):
    from engine.control import Control

    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    settings = GeneratorTraining(images=str(pictures), prior="mine", latent=4, hidden=16, batch=4, steps=6, threads=1)
    frames = []
    assert run_session(prepare_settings(settings), Control(), frames.append, lambda: True) == "mine"
    choice = priors().parse("mine")
    assert choice.kind == "generator" and choice.image_shape == (1, 16, 16)
    assert choice.facts["card"]["command"].startswith("qcs train --kind vae --images pictures")
    assert frames[-1].samples.shape == (8, 1, 16, 16) and frames[-1].measures == "PSNR of the best latent"


@pytest.mark.parametrize(
    "written", ["drop share=0.5", "patch side=5", "patch side=5 kept=inside", "blur", "project", "bits"]
)
def test_what_is_measured_is_seeded_differentiable_and_a_picture(written):
    corruption = CORRUPTIONS.parse(written)
    x = torch.rand(6, 1, 16, 12, generator=torch.Generator().manual_seed(0)).requires_grad_()
    seen, mask = corruption.apply(x, torch.Generator().manual_seed(1))
    again, _ = corruption.apply(x, torch.Generator().manual_seed(1))
    assert torch.equal(seen, again) and seen.shape == x.shape and mask.shape == (6, 1, 16, 12)
    (slope,) = torch.autograd.grad(seen.sum(), x)
    assert float(slope.abs().sum()) > 0
    whole = filled(seen.detach(), mask)
    assert torch.equal(whole * mask, seen.detach() * mask)


def test_projections_keep_the_mean_along_every_angle():
    x = torch.zeros(40, 1, 17, 17)
    x[:, :, 8, 8] = 1.0
    seen, _ = CORRUPTIONS.parse("project").apply(x, torch.Generator().manual_seed(0))
    ridge = seen.flatten(1).max(1).values  # a point becomes a line through it, whatever the angle
    assert float(ridge.std() / ridge.mean()) < 0.2
    assert float((seen[:, 0, 8, 8] / ridge).min()) > 0.7


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"method": "ambient-gan"}, "needs a measurement"),
        ({"method": "ambient-gan", "measurement": "dropp"}, "drop"),
        ({"method": "gan", "decoder": "mlp"}, "convolutional decoder"),
        ({"method": "ambient-gan", "measurement": "drop", "augment": True}, "leave out augment"),
    ],
)
def test_bad_settings_are_one_sentence(tmp_path, pictures, more, words):
    with pytest.raises(InputError, match=words):
        trainer_for(
            GeneratorTraining(images=str(pictures), out=str(tmp_path / "x.safetensors"), latent=4, width=8, **more)
        )


def test_the_frechet_distance_of_gaussians_is_exact():
    from engine.experiments.frechet import features, frechet

    rng = np.random.default_rng(0)
    first = rng.normal(size=(20000, 3)) * (1.0, 2.0, 0.5)
    second = rng.normal(size=(20000, 3)) * (1.0, 1.0, 0.5) + (0.5, 0.0, 0.0)
    assert frechet(first, second) == pytest.approx(0.25 + (2 - 1) ** 2, abs=0.05)
    assert frechet(first, first) == pytest.approx(0, abs=1e-6)
    pictures = torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    seen = features(pictures)
    near, far = features((pictures + 0.02).clamp(0, 1)), features(pictures * 0.5)
    assert 0 < frechet(near, seen) < frechet(far, seen)


@pytest.mark.slow
def test_generators_are_rated_by_the_command(tmp_path, capsys):
    from engine.cli import main

    rng = np.random.default_rng(0)
    for i in range(200):
        save_png(tmp_path / f"{i:03}.png", rng.random((1, 28, 28), np.float32))
    sheet = tmp_path / "out" / "sheet.png"
    sheet.parent.mkdir()
    status = main(["rate-generators", "vae-mnist", "--images", str(tmp_path), "--limit", "200", "--sheet", str(sheet)])
    assert status == 0 and sheet.exists()
    (row,) = json.loads(capsys.readouterr().out)
    assert row["frechet"] > 10 * row["frechet_of_real_halves"]
    assert main(["rate-generators", "mnist", "--images", str(tmp_path)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dcs", "sdlss"])
def test_a_matrix_can_be_learnt_with_the_steps(tmp_path, pictures, method, monkeypatch):
    common = {
        "images": str(pictures), "method": method, "latent": 6, "hidden": 16, "batch": 4, "threads": 1, "device": "cpu",
        "measurements": 9, "sparsity": 3, "matrix": "learnt",
    }  # fmt: skip
    whole = trainer_for(GeneratorTraining(out=str(tmp_path / "whole.safetensors"), steps=8, **common))
    first = whole.learnt.detach().clone()
    for _ in whole:
        pass
    whole.finish()
    path = tmp_path / "whole-matrix.npy"
    matrix = np.load(path)
    assert matrix.shape[0] == 9 and np.allclose(matrix, whole.learnt.detach().numpy())
    assert not np.allclose(matrix, first.numpy()), "it has been learnt"
    half = trainer_for(GeneratorTraining(out=str(tmp_path / "half.safetensors"), steps=4, **common))
    for _ in half:
        pass
    half.finish()
    again = trainer_for(GeneratorTraining(out=str(tmp_path / "half.safetensors"), steps=8, **common))
    for _ in again:
        pass
    assert np.allclose(again.learnt.detach().numpy(), matrix, atol=1e-4)
    # and it is measured with
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path))
    (tmp_path / "priors").mkdir()
    (tmp_path / "priors" / "whole.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes())
    spec = RunSpec(prior="whole", operator=f"matrix file='{path}'", quantizer="none", noise=0.001, algorithm=method, samples=2,
                   image="sample:digit-3")  # fmt: skip
    result = reconstruct(spec)
    assert np.isfinite(result.mean).all() and result.measured["y"].shape[-1] == 9
