"""Contrast inference, the linear baseline and unconditional samples, against what is exactly known."""

import math

import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.messages.contrast import infer_contrast
from engine.experiments.benchmark_priors import bussgang_lmmse
from engine.priors.exact.gaussian import GaussianPrior
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
    now = torch.ones(2, dtype=torch.float64)
    found = infer_contrast(seen.channel, z / factor, variance, 0.001, now, 1.0, 0.3)
    assert torch.allclose(found.factor, torch.full((2,), factor, dtype=torch.float64), rtol=0.05)
    assert float(found.spread.max()) < 0.06
    _, x, seen = measured("one-bit", 0.0)
    z = seen.operator.forward(x).double()
    found = infer_contrast(
        seen.channel, z / factor, (0.1 * z.std() / factor) ** 2 * torch.ones(2, 1), 0.0, now, 0.8, 0.3
    )
    assert torch.allclose(found.factor, torch.full((2,), 0.8, dtype=torch.float64), rtol=0.02)
    assert torch.allclose(found.spread, torch.full((2,), 0.3, dtype=torch.float64), rtol=0.1)


def test_turbo_says_what_it_does_not_know_of_the_contrast():
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
