"""The contract of every denoiser, and the refusal of files that are not one."""

import json
import math
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import InputError
from engine.images import load_image
from engine.images.bundled import sample_names, sample_path
from engine.priors.exact.gaussian import GaussianPrior
from engine.priors.library import priors, user_folder
from engine.priors.networks.edm import EdmDenoiser
from engine.priors.networks.registry import load_prior


def all_priors():
    """Every prior there is, at every number of channels it knows: (choice, shape)."""
    found = {}
    for name, cls in priors().choices.items():
        choice = cls()
        for channels in choice.channels:
            if choice.kind != "denoiser":
                continue
            side = min(choice.image_shape[1], 32)
            shape = (channels, side, side) if choice.any_size else choice.image_shape
            found[f"{name}-{channels}"] = (choice, shape)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", list(all_priors()))
def test_denoiser_contract(name):
    choice, shape = all_priors()[name]
    prior = choice.load("cpu", shape)
    gen = torch.Generator().manual_seed(0)
    x = torch.rand(5, *shape, generator=gen)
    levels = torch.tensor([0.02, 0.1, 0.3, 1.0, 3.0])
    out = prior.denoise(x, levels)
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert torch.equal(out, prior.denoise(x, levels))
    for i in range(5):
        assert torch.allclose(prior.denoise(x[i : i + 1], float(levels[i])), out[i : i + 1], atol=1e-3)
    assert torch.allclose(prior.denoise(x, 1e-5), x, atol=1e-3)
    assert 0 <= prior.sigma_min < prior.sigma_max
    assert choice.facts["sigma_min"] == prior.sigma_min
    assert choice.facts["sigma_max"] == prior.sigma_max
    if prior.sigma_max > 20:  # above the diameter of the data, all that is left is their mean
        top = min(prior.sigma_max, 1e4)
        far = prior.denoise(0.5 + top * torch.randn(64, *shape, generator=gen), top)
        assert float(far.mean()) == pytest.approx(prior.mean, abs=0.05)
        assert float(far.std(0).mean()) < 0.1
    score = prior.score(x, 0.3)
    assert torch.allclose(score, (prior.denoise(x, 0.3) - x) / 0.09, atol=1e-4)


def test_mixture_denoiser_against_its_own_density():
    """Tweedie: (D(x) - x) / sigma^2 is the gradient of the log density, here by finite differences."""
    prior = priors().parse("mixture").load("cpu", (1, 4, 5))
    gen = torch.Generator().manual_seed(0)
    x, sigma = torch.rand(2, 1, 4, 5, generator=gen, dtype=torch.float64), 0.2
    score = prior.score(x, sigma)
    for at in ((0, 1), (3, 4)):
        step = torch.zeros_like(x)
        step[:, 0, at[0], at[1]] = 1e-5
        slope = (prior.log_prob(x + step, sigma) - prior.log_prob(x - step, sigma)) / 2e-5
        assert torch.allclose(slope, score[:, 0, at[0], at[1]], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3])
def test_spectral_gaussian_is_the_dense_one(channels):
    spectrum = torch.rand(channels, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    prior = GaussianPrior.of_spectrum(0.4, spectrum)
    unit = torch.eye(12 * channels, dtype=torch.float64).reshape(-1, channels, 4, 3)
    basis = prior.analyse(unit)
    dense = GaussianPrior((channels, 4, 3), 0.4, basis @ torch.diag(spectrum.flatten()) @ basis.T)
    x = torch.rand(3, channels, 4, 3, dtype=torch.float64)
    assert torch.allclose(prior.denoise(x, 0.3), dense.denoise(x, 0.3))
    assert torch.allclose(prior.log_prob(x, 0.3), dense.log_prob(x, 0.3))


@pytest.mark.slow
def test_gaussian_and_mixture_are_fitted_to_a_folder(tmp_path):
    from engine.images import save_png

    truth = priors().parse("gaussian exponent=2").load("cpu", (1, 12, 12))
    x = truth.sample(300, torch.Generator().manual_seed(0))
    for i, picture in enumerate(x.clamp(0, 1).numpy()):
        save_png(tmp_path / f"{i:03}.png", picture)
    held = x[:50].clamp(0, 1)
    noisy = held + 0.2 * torch.randn(held.shape, generator=torch.Generator().manual_seed(1))
    for written in (f"gaussian images='{tmp_path}'", f"mixture images='{tmp_path}' components=3"):
        choice = priors().parse(written)
        assert choice.image_shape == (1, 12, 12)
        assert not choice.any_size
        error = float((choice.load().denoise(noisy, 0.2) - held).square().mean().sqrt())
        assert error < 0.12
    spectrum = priors().parse(f"gaussian images='{tmp_path}' model=spectrum")
    assert spectrum.any_size
    assert spectrum.load("cpu", (1, 20, 24)).denoise(torch.rand(1, 1, 20, 24), 0.1).shape == (1, 1, 20, 24)
    with pytest.raises(InputError, match="does not exist"):
        priors().parse("gaussian images=/nowhere").load()


@pytest.mark.slow
def test_mnist_denoises_unseen_digits_as_its_card_says():
    prior = priors().get("mnist")().load()
    digits = torch.stack(
        [
            torch.from_numpy(load_image(sample_path(f"sample:{n}")).pixels)
            for n in sample_names()
            if n.startswith("digit")
        ]
    )
    card = dict(zip(prior.card.quality["sigma"], prior.card.quality["rmse"], strict=True))
    gen = torch.Generator().manual_seed(0)
    for sigma in (0.1, 0.5):
        noisy = digits + sigma * torch.randn(digits.shape, generator=gen)
        rmse = float((prior.denoise(noisy, sigma) - digits).square().mean().sqrt())
        assert rmse == pytest.approx(card[sigma], rel=0.3)


def test_gaussian_denoiser_is_the_conditional_mean():
    covariance = torch.tensor([[1.0, 0.6], [0.6, 2.0]], dtype=torch.float64)
    prior = GaussianPrior((1, 1, 2), 0.25, covariance)
    x = torch.tensor([[[[1.0, -1.0]]]], dtype=torch.float64)
    want = 0.25 + covariance @ torch.linalg.inv(covariance + 0.49 * torch.eye(2)) @ (x.flatten() - 0.25)
    assert torch.allclose(prior.denoise(x, 0.7).flatten(), want)
    assert math.isinf(prior.sigma_max)


@pytest.fixture
def weights(tmp_path):
    return priors().get("mnist")().path, tmp_path / "w.safetensors"


def test_bad_weight_files_are_refused(weights):
    source, target = weights
    from engine.priors.header import read_header

    header = {"qcs": json.dumps(read_header(source))}
    tensors = load_file(source)
    missing = {k: v for k, v in tensors.items() if k != "first.weight"}
    poisoned = tensors | {"first.bias": tensors["first.bias"] * math.nan}
    for broken in (missing, poisoned, tensors | {"extra": torch.zeros(1)}):
        save_file(broken, target, metadata=header)
        with pytest.raises(InputError):
            EdmDenoiser.load(target)
    save_file(tensors, target)  # no header of ours
    with pytest.raises(InputError, match="not a"):
        EdmDenoiser.load(target)
    target.write_bytes(source.read_bytes()[:100_000])
    with pytest.raises(InputError):
        EdmDenoiser.load(target)
    target.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError):
        EdmDenoiser.load(target)


def test_user_priors_appear_and_damaged_ones_do_not_hurt(weights):
    source, _ = weights
    user_folder().mkdir(parents=True)
    (user_folder() / "broken.safetensors").write_bytes(b"nonsense")
    prior = load_prior(source)
    from dataclasses import replace

    card, prior.card = prior.card, replace(prior.card, name="mine", title="Mine")
    prior.save(user_folder() / "mine.safetensors")
    prior.card = card
    assert {"mnist", "mine"} <= priors().choices.keys()
    assert "broken" not in priors().choices
    assert priors().parse("mine").load().card.title == "Mine"
