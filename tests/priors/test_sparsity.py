"""Sparsity priors: the contract of proximal maps for each, and oracles."""

import numpy as np
import pytest
import pywt
import torch

from engine.errors import InputError
from engine.priors.library import priors
from engine.priors.sparsity import SPARSITY

WRITTEN = (
    "pixels",
    "pixels non_negative=true",
    "wavelet",
    "wavelet family=db1 levels=2",
    "total-variation",
    "two-valued",
)
SHAPES = ((1, 16, 16), (3, 7, 13), (1, 5, 1), (1, 1, 1))


def load(written, shape):
    return priors().parse(written).load("cpu", shape)


def draw(shape, count=2, seed=0):
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_every_family_member_is_walked_here():
    assert {w.split()[0] for w in WRITTEN} == {cls.name for cls in SPARSITY}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("written", WRITTEN)
def test_prox_is_the_minimiser_firm_and_per_image(written, shape):
    prior, x, step = load(written, shape), draw(shape), 0.2

    def objective(u):
        return prior.penalty(u) + (u - x).square().flatten(1).sum(1) / (2 * step)

    best = prior.prox(x, step)
    for seed in range(20):
        other = best + 0.05 * (draw(shape, seed=seed) - 0.5)
        other = other.clamp_min(0) if "non_negative" in written else other
        assert bool((objective(other) >= objective(best) - 1e-4).all())
    moved = x + 0.3 * (draw(shape, seed=99) - 0.5)
    gap = (prior.prox(moved, step) - best).flatten(1)
    assert bool(((gap * (moved - x).flatten(1)).sum(1) >= gap.square().sum(1) - 1e-4).all())  # firmly non-expansive
    assert torch.allclose(prior.prox(x[1:], step)[0], best[1], atol=1e-4)
    assert torch.allclose(prior.prox(x, torch.tensor([step, 0.0]))[1], x[1], atol=1e-6)
    flat = torch.full_like(x, prior.mean)
    assert float(prior.penalty(flat).abs().max()) < 1e-9 and torch.allclose(prior.prox(flat, step), flat, atol=1e-6)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 12, 12), (3, 37, 53)])
@pytest.mark.parametrize("written", ["pixels", "wavelet", "wavelet family=db1", "wavelet family=coif1 levels=3"])
def test_basis_is_orthonormal_for_every_size(written, shape):
    prior, x = load(written, shape), draw(shape)
    w = prior.analyse(x)
    assert torch.allclose(prior.synthesise(w), x, atol=1e-9)
    assert torch.allclose(w.norm(), (x - prior.mean).norm(), rtol=1e-9)


def test_wavelets_are_those_of_pywavelets():
    x = draw((1, 32, 32), 1)
    for family in ("db1", "db4", "sym4"):
        mine = load(f"wavelet family={family} levels=1 level=0", (1, 32, 32)).analyse(x)[0]
        # the libraries may begin the pairs of samples at even or odd places
        theirs = [
            pywt.coeffs_to_array(
                pywt.wavedec2(np.roll(x[0, 0].numpy(), (i, i), (0, 1)), family, "periodization", level=1)
            )[0]
            for i in (0, 1)
        ]
        sorted_ = [np.sort(np.abs(w).ravel()) for w in (mine.numpy(), *theirs)]
        assert any(np.allclose(sorted_[0], other, atol=1e-9) for other in sorted_[1:])


@pytest.mark.slow
def test_total_variation_prox_agrees_with_chambolle_run_to_convergence():
    from skimage.restoration import denoise_tv_chambolle

    x = draw((1, 24, 24), 1)
    x[..., 6:18, 6:18] += 0.5
    for step in (0.02, 0.1, 0.3):
        oracle = denoise_tv_chambolle(x[0, 0].numpy(), weight=step, eps=0, max_num_iter=40_000)
        mine = load("total-variation", (1, 24, 24)).prox(x, step)[0, 0].numpy()
        assert np.abs(mine - oracle).max() < 1e-4


@pytest.mark.slow
def test_memory_only_saves_work():
    prior, x, memory = load("total-variation", (1, 16, 16)), draw((1, 16, 16)), {}
    for _ in range(60):
        u = prior.prox(x, 0.2, memory)
    assert torch.allclose(u, prior.prox(x, 0.2), atol=1e-4)


@pytest.mark.parametrize("written", ["wavelet family=nothing", "wavelet family=bior2.2", "wavelet levels=0"])
def test_what_is_no_orthogonal_wavelet_is_one_sentence(written):
    with pytest.raises(InputError, match=r"family=nothing|not orthogonal|levels"):
        priors().parse(written)


def test_two_grey_levels_bound_the_minimiser_and_do_not_only_cut_it_off():
    prior, x, step = load("two-valued", (1, 12, 12)), 4 * draw((1, 12, 12)) - 1.5, 0.4

    def objective(u):
        return prior.penalty(u) + (u - x).square().flatten(1).sum(1) / (2 * step)

    best = prior.prox(x, step)
    assert 0 <= float(best.min()) <= float(best.max()) <= 1
    cut_off = load("total-variation level=0", (1, 12, 12)).prox(x, step).clamp(0, 1)
    assert bool((objective(best) < objective(cut_off) - 0.01).all())
    for seed in range(20):
        other = (best + 0.05 * (draw((1, 12, 12), seed=seed) - 0.5)).clamp(0, 1)
        assert bool((objective(other) >= objective(best) - 1e-4).all())
