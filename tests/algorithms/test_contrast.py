"""Contrast inference, the linear baseline and unconditional samples, against what is exactly known."""

import math

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.messages.contrast import infer_contrast
from engine.experiments.bussgang import bussgang_lmmse
from engine.images.extent import extent, lost_extent
from engine.priors.exact.gaussian import GaussianPrior, MixturePrior
from engine.priors.library import priors
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 16, 16)


def measured(quantizer, noise, offset=0.0, count=2):
    prior = priors().parse("gaussian").load("cpu", SHAPE)
    x = prior.sample(count, torch.Generator().manual_seed(3))
    operator = OPERATORS.parse("gaussian measurements=200").build(SHAPE, 0)
    return prior, x, simulate(x, operator, QUANTIZERS.parse(quantizer), noise, 0, offset=offset)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.7])
def test_thresholds_tell_the_contrast_and_signs_do_not(factor):
    _, x, seen = measured("uniform bits=4", 0.001)
    z = seen.operator.forward(x).double()
    variance = torch.full((2, 1), 1e-4, dtype=torch.float64)
    one = torch.ones(2, dtype=torch.float64)
    found = infer_contrast(seen.channel, z / factor, variance, 0.001, 0 * one, 0.3 * one)
    assert torch.allclose(found.factor, torch.full((2,), factor, dtype=torch.float64), rtol=0.05)
    assert float(found.spread.max()) < 0.06
    _, x, seen = measured("one-bit", 0.0)
    z = seen.operator.forward(x).double()
    found = infer_contrast(
        seen.channel, z / factor, (0.1 * z.std() / factor) ** 2 * torch.ones(2, 1), 0.0, math.log(0.8) * one, 0.3 * one
    )
    assert torch.allclose(found.factor, torch.full((2,), 0.8, dtype=torch.float64), rtol=0.02)
    assert torch.allclose(found.spread, torch.full((2,), 0.3, dtype=torch.float64), rtol=0.1)


def two_amplitudes(quantizer, noise):
    """Pictures of one law at a third of the contrast or at all of it, and their measurement about their mean."""
    index = torch.arange(8, dtype=torch.float64)
    along = 0.8 ** (index[:, None] - index).abs()
    mean, covariance = torch.full((64,), 0.5, dtype=torch.float64), torch.kron(along, along)
    parts = [GaussianPrior((1, 8, 8), mean, a**2 * covariance) for a in (0.1, 0.3)]
    prior = MixturePrior(parts, torch.ones(2))
    truth = torch.cat([prior.sample(1, torch.Generator().manual_seed(i)) for i in range(4)])
    operator = OPERATORS.parse("gaussian measurements=40").build((1, 8, 8), 0)
    return prior, truth, simulate(truth, operator, QUANTIZERS.parse(quantizer), noise, 0, offset=0.5)


def test_signs_leave_both_amplitudes_as_likely_as_they_were():
    prior, _, seen = two_amplitudes("one-bit", 0.001)
    *_, end = ALGORITHMS.parse("turbo").iterates(seen, prior, Draws(0, range(4), range(60)))
    x = end.x.double().reshape(4, 60, -1)
    small = (
        torch.stack([prior.log_joint(rows.reshape(-1, 1, 8, 8), 0.02).argmax(0) == 0 for rows in x]).double().mean(1)
    )
    assert bool((small > 0.25).all() and (small < 0.75).all())
    assert float(small.mean()) == pytest.approx(0.5, abs=0.1)
    from_samples = x.mean(1)
    assert float((end.mean.flatten(1) - from_samples).square().mean().sqrt()) < 0.04
    error = (x - end.mean.double().reshape(4, 1, -1)).square().mean((1, 2)).sqrt()
    assert torch.allclose(end.predicted_rmse, error, rtol=0.3)


@pytest.mark.parametrize("quantizer", ["uniform bits=3", "dithered", "none"])
def test_what_tells_the_amplitude_keeps_it(quantizer):
    prior, truth, seen = two_amplitudes(quantizer, 0.01)
    *_, end = ALGORITHMS.parse("turbo").iterates(seen, prior, Draws(0, range(4), range(8)))
    found = (end.x.double().reshape(4, 8, -1) - 0.5).square().mean(2).sqrt()
    true = (truth.double() - 0.5).square().flatten(1).mean(1).sqrt()
    assert torch.allclose(found.mean(1), true, rtol=0.4)
    assert float((found.std(1) / true).max()) < 0.3


def test_turbo_says_what_it_does_not_know_of_the_contrast(monkeypatch):
    monkeypatch.setattr(
        "engine.algorithms.messages.gains.infer_gains", lambda *_: None
    )  # as with a prior without a density
    prior, _, seen = measured("one-bit", 0.001, offset=0.45)
    algorithm, draws = ALGORITHMS.parse("turbo rounds=8 levels=4"), Draws(0, [0, 1], range(6))

    def run():
        return list(algorithm.iterates(seen, prior, draws))[-1]

    plain = run()
    prior.contrast = (0.25, 0.3)
    told = run()
    signal = (told.mean - 0.45).square().flatten(1).mean(1)
    more = told.predicted_rmse**2 - 0.3**2 * signal
    assert bool((told.predicted_rmse > plain.predicted_rmse).all())
    assert bool((more < plain.predicted_rmse**2 * 2).all())
    sizes = (told.x - 0.45).square().flatten(1).mean(1).sqrt().reshape(2, 6)
    assert float(sizes.log().std(1).mean()) > 0.1


def test_a_picture_unlike_the_priors_is_left_its_contrast_where_the_measurements_tell_it():
    """Thresholds that say clearly a fifth, against a prior that is sure of the whole."""
    _, x, seen = measured("uniform bits=4", 0.001)
    z = seen.operator.forward(x).double()
    variance, one = torch.full((2, 1), 1e-4, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    found = infer_contrast(seen.channel, z / 0.4, variance, 0.001, 0 * one, 0.05 * one)
    assert torch.allclose(found.factor, 0.4 * one, rtol=0.06)


def test_the_extent_is_what_a_thousandth_of_the_pixels_exceeds():
    x = torch.full((1, 1, 100, 100), 0.4, dtype=torch.float64)
    x[..., 0, :5], x[..., 1, :20] = 1.0, 0.1
    assert float(extent(x - 0.4, 0.4)) == pytest.approx(0.75)
    x[..., 2, :20] = 0.88
    assert float(extent(x - 0.4, 0.4)) == pytest.approx(0.8)
    assert float(extent(0.5 * (x - 0.4), 0.4)) == pytest.approx(0.4)
    assert float(extent(x, 0.0)) == pytest.approx(0.88)
    assert float(extent(torch.zeros(1, 1, 4, 4), 0.4)) > 0


def test_what_blur_takes_of_the_extent_is_alike_for_tensors_and_arrays():
    shares = [0.0, 0.02, 0.3, 2.0]
    lost = lost_extent(np.array(shares))
    assert lost == pytest.approx(lost_extent(torch.tensor(shares, dtype=torch.float64)).numpy())
    assert lost[0] == 0 and bool((np.diff(lost) > 0).all()) and lost[-1] < 0.5


def test_the_extent_tells_turbo_a_contrast_that_signs_do_not():
    """Pictures that go as far as others but differ in their mean square, as photographs do."""
    prior, x, seen = measured("one-bit", 0.001, offset=0.45)
    algorithm, draws = ALGORITHMS.parse("turbo rounds=8 levels=4"), Draws(0, [0, 1], range(1))
    sizes = (x - 0.45).square().flatten(1).mean(1).sqrt()
    prior.contrast = (3 * float(sizes.mean()), 0.3)
    wrong = list(algorithm.iterates(seen, prior, draws))[-1].mean
    reach = extent((x - 0.45).double(), 0.45)
    prior.extent = (float(reach.log().mean().exp()), 0.05)
    told = list(algorithm.iterates(seen, prior, draws))[-1].mean
    errors = [float((m - x).square().mean()) for m in (wrong, told)]
    assert errors[1] < 0.5 * errors[0]


def test_the_linear_baseline_is_the_posterior_mean_where_nothing_is_quantized():
    prior, _, seen = measured("none", 0.1, offset=0.45)
    estimate = bussgang_lmmse(seen, prior)
    a = seen.operator.matrix.double()
    unit = torch.eye(256, dtype=torch.float64).reshape(-1, *SHAPE)
    basis = prior.analyse(unit)
    covariance = basis @ torch.diag(prior.values) @ basis.T
    gain = covariance @ a.T @ torch.linalg.inv(a @ covariance @ a.T + 0.01 * torch.eye(200))
    residual = seen.values.double() - (a @ (prior.centre.flatten() - 0.45))
    exact = prior.centre.flatten() + residual @ gain.T
    assert torch.allclose(estimate.flatten(1).double(), exact, atol=2e-3)


def test_more_bits_help_the_linear_baseline():
    errors = []
    for quantizer in ("one-bit", "uniform bits=3", "none"):
        prior, x, seen = measured(quantizer, 0.01, offset=0.45, count=8)
        errors.append(float((bussgang_lmmse(seen, prior) - x).square().mean()))
    assert errors == sorted(errors, reverse=True)


def test_unconditional_samples_have_the_priors_moments():
    prior = GaussianPrior((1, 4, 4), 0.4, 0.04)
    _, _, seen = measured("one-bit", 0.0)
    operator = OPERATORS.parse("identity").build((1, 4, 4), 0)
    seen = simulate(torch.zeros(1, 1, 4, 4), operator, QUANTIZERS.parse("one-bit"), 0.1, 0)
    end = list(
        ALGORITHMS.parse("sample levels=60 sigma_first=20 sigma_last=0.005").iterates(
            seen, prior, Draws(0, [0], range(400))
        )
    )[-1]
    assert end.is_last
    assert float(end.x.mean()) == pytest.approx(0.4, abs=4 * 0.2 / math.sqrt(6400))
    assert float(end.x.std()) == pytest.approx(0.2, rel=0.05)
