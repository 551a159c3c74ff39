"""Coverage by ranks: of exact samples, and of turbo's on Gaussian priors with truths drawn from them."""

import math

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.priors.exact.gaussian import GaussianPrior
from engine.runs.calibration import calibration, coverage
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE, MEAN, SD = (1, 16, 16), 0.4, 0.3


@pytest.mark.parametrize("count", [8, 20, 39])
def test_ranks_are_unbiased_for_any_number_of_samples(count):
    rng = np.random.default_rng(count)
    truth, samples = rng.normal(size=40000), rng.normal(size=(count, 40000))
    assert coverage(samples, truth).mean() == pytest.approx(0.9, abs=0.006)
    assert coverage(0.5 * samples, truth).mean() < 0.8
    assert coverage(samples, truth, 0.5).mean() == pytest.approx(0.5, abs=0.01)


def test_spread_and_error_count_uncertain_pixels_only():
    rng = np.random.default_rng(0)
    samples, truth = np.zeros((10, 1, 4, 4)), np.zeros((1, 4, 4))
    samples[:, 0, 0, 0] = rng.normal(size=10)
    truth[0, 0, 0], truth[0, 3, 3] = 0.5, 9.0
    found = calibration(samples, samples.mean(0), truth)
    assert found["error_rms"] == pytest.approx(abs(samples[:, 0, 0, 0].mean() - 0.5))
    assert found["std_rms"] == pytest.approx(samples[:, 0, 0, 0].std(ddof=1))
    assert calibration(samples[:5], truth, truth)["coverage_90"] is None


def test_a_picture_that_is_sure_everywhere_is_judged_too():
    rng = np.random.default_rng(1)
    samples, truth = 0.01 * rng.normal(size=(20, 1, 40, 40)), 0.01 * rng.normal(size=(1, 40, 40))
    assert calibration(samples, samples.mean(0), truth)["coverage_90"] == pytest.approx(0.9, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["one-bit", "uniform bits=3"])
@pytest.mark.parametrize("operator", ["gaussian measurements=200", "dct measurements=200"])
def test_turbo_covers_what_it_should_on_gaussian_priors(operator, quantizer):
    """Truths are drawn from the prior; pixels are correlated, so that the posterior is far from the prior."""
    index = torch.arange(math.prod(SHAPE), dtype=torch.float64)
    prior = GaussianPrior(SHAPE, MEAN, SD**2 * 0.8 ** (index[:, None] - index).abs())
    gen = torch.Generator().manual_seed(1)
    images, samples = 24, 39
    white = torch.randn(images, len(index), generator=gen, dtype=torch.float64)
    truth = ((white * prior.values.sqrt()) @ prior.vectors.T + MEAN).reshape(images, *SHAPE).float()
    seen = simulate(truth, OPERATORS.parse(operator).build(SHAPE, 0), QUANTIZERS.parse(quantizer), 0.05, 0)
    for iterate in ALGORITHMS.parse("turbo").iterates(seen, prior, Draws(0, range(images), range(samples))):
        last = iterate
    drawn = last.x.reshape(images, samples, *SHAPE).numpy()
    covered = np.mean([coverage(s, t).mean() for s, t in zip(drawn, truth.numpy(), strict=True)])
    assert covered == pytest.approx(0.9, abs=0.03)
    error = float((last.mean - truth).square().mean().sqrt())
    assert float(last.predicted_rmse.square().mean().sqrt()) == pytest.approx(error, rel=0.1)
