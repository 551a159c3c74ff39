"""State evolution: exact where the posterior is known, as turbo does elsewhere, and what quantizers make of it."""

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.priors.exact.gaussian import GaussianPrior
from engine.sensing.cell_information import standard
from engine.sensing.evolution import DenoisingProfile, Evolution, QuantizedView
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS, Levels
from engine.sensing.quantizers.base import seen_by

SHAPE, VARIANCE, NOISE = (1, 28, 28), 0.09, 0.1
SIGMA = np.geomspace(0.001, 30, 60)


def white_profile(pictures=3):
    """What the exact denoiser of white Gaussian pictures about 0 leaves."""
    mse = np.tile(VARIANCE * SIGMA**2 / (VARIANCE + SIGMA**2), (pictures, 1))
    zero = np.zeros(pictures)
    return DenoisingProfile(SIGMA, mse, mse, zero, zero + VARIANCE, VARIANCE)


def evolution(operator, offset=0.0):
    rows = operator.rows_for(SHAPE)
    values = np.array(operator.typical_eigenvalues(SHAPE))
    return Evolution(white_profile(), values, rows / 784, rows, NOISE, offset)


@pytest.mark.slow
@pytest.mark.parametrize("written", ["dct measurements=300", "gaussian measurements=300", "gaussian measurements=1600"])
def test_real_values_of_white_pictures_are_predicted_exactly(written):
    operator = OPERATORS.parse(written)
    built = operator.build(SHAPE, 0)
    values = built.gram_eigenbasis().values.double().numpy()
    left = VARIANCE * (1 - (VARIANCE * values / (VARIANCE * values + NOISE**2)).sum() / 784)
    found = evolution(operator).errors(QuantizedView(None))
    assert found.shape == (1, 3)
    assert found == pytest.approx(left, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "quantizer", ["one-bit", "one-bit flip=0.1", "uniform bits=3", "dithered", "dithered known=false"]
)
def test_what_turbo_reaches_with_cells_is_predicted(quantizer):
    operator, choice = OPERATORS.parse("gaussian measurements=600"), QUANTIZERS.parse(quantizer)
    prior = GaussianPrior(SHAPE, 0.0, VARIANCE * torch.eye(784, dtype=torch.float64))
    truth = VARIANCE**0.5 * torch.randn((12, *SHAPE), generator=torch.Generator().manual_seed(0))
    seen = simulate(truth, operator.build(SHAPE, 1), choice, NOISE, 1)
    for iterate in ALGORITHMS.parse("turbo rounds=25").iterates(seen, prior, Draws(0, range(12), range(1))):
        if iterate.phase != "message passing":
            break
        mean = iterate.mean
    reached = float((mean - truth).square().mean())
    scale = float((784 / 600 * 0.35**2 + NOISE**2) ** 0.5)
    told = choice.typical_thresholds(Levels(scale))
    more = getattr(choice.replace(width=scale), "forgotten_deviation", 0.0) if "known=false" in quantizer else 0.0
    found = evolution(operator).errors(QuantizedView(told[None], np.array([more]), getattr(choice, "flip", 0.0)))
    assert float(found.mean()) == pytest.approx(reached, rel=0.04)


def test_finer_cells_serve_a_good_prior_and_are_stored():
    operator = OPERATORS.parse("dct measurements=300")
    levels = Levels(0.6, rows=300, evolution=evolution(operator))
    gaussian = QUANTIZERS.parse("uniform bits=3 rule=gaussian").build(levels).thresholds.diff()[0]
    predicted = QUANTIZERS.parse("uniform bits=3").build(levels).thresholds.diff()[0]
    errors = {
        step: float(levels.evolution.errors(seen_by([QUANTIZERS.parse(f"uniform bits=3 step={step}")], levels)).mean())
        for step in (float(gaussian), float(predicted))
    }
    assert errors[float(predicted)] <= errors[float(gaussian)] * 1.03
    assert QUANTIZERS.parse("uniform bits=3 step=0.5").build(levels).thresholds.diff()[0] == pytest.approx(0.5)
    assert QUANTIZERS.parse("uniform bits=3").build(Levels(0.6)).thresholds.diff()[0] == pytest.approx(float(gaussian))
    assert QUANTIZERS.parse("uniform bits=3 rule=optimal").build(levels).thresholds.diff()[0] == pytest.approx(
        float(gaussian)
    )


@pytest.mark.parametrize("written", ["lloyd-max bits=2", "dithered", "dithered kind=logistic", "dithered known=false"])
def test_other_quantizers_follow_the_prediction_too(written):
    operator = OPERATORS.parse("dct measurements=300")
    levels = Levels(0.6, rows=300, evolution=evolution(operator))
    choice = QUANTIZERS.parse(written)
    tried = choice.candidates(levels)
    errors = levels.evolution.errors(seen_by(tried, levels)).mean(1)
    chosen = errors[tried.index(choice.settled(levels))]
    assert chosen <= errors.min() * 1.03


def test_operators_that_are_not_random_like_predict_nothing():
    for written in ("inpainting", "blur", "identity", "phase-retrieval", "single-pixel differential=false"):
        assert OPERATORS.parse(written).typical_eigenvalues(SHAPE) is None


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 200, 784, 5000])
def test_typical_eigenvalues_are_those_of_the_matrix(rows):
    operator = OPERATORS.parse(f"gaussian measurements={rows}")
    typical = np.array(operator.typical_eigenvalues(SHAPE))
    assert typical.mean() == pytest.approx(784 / rows)
    if rows > 50:
        built = operator.build(SHAPE, 0)
        exact = np.linalg.eigvalsh((built.matrix @ built.matrix.T).double().numpy()).clip(0)
        for t in (0.1, 1.0):
            assert (1 / (t + typical)).mean() == pytest.approx((1 / (t + exact)).mean(), rel=0.05)


def test_the_normal_distribution_is_scipys():
    from scipy.special import ndtr

    t = np.linspace(-40, 40, 4001)[:, None]
    below, density = standard(t)
    assert below[:, 1] == pytest.approx(ndtr(t[:, 0]), abs=1e-7)
    assert density[:, 1] == pytest.approx(np.exp(-0.5 * t[:, 0] ** 2) / np.sqrt(2 * np.pi), rel=1e-12)
    ends = standard(np.array([[-np.inf, np.inf]]))
    assert ends[0].tolist() == [[0, 0, 1, 1]] and ends[1].tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("v_z", [1e-4, 1e-3, 0.02, 0.1])
@pytest.mark.parametrize("edges", [[0.0], [-0.07, 0.0, 0.07], [-0.6, -0.2, 0.1, 0.9], list(np.arange(-31, 32) * 0.025)])
def test_what_cells_leave_is_that_of_a_fine_grid(v_z, edges):
    """Cells far wider or narrower than what is known of z, where few nodes would step over every edge."""
    from scipy.special import ndtr

    total, noise = 0.12, 0.01
    evolution = Evolution(None, np.ones(4), 1.0, 100, noise, 0.0)
    left = evolution._left(QuantizedView(np.array([edges])), np.array([v_z]), np.array([total]))
    deviation, spread = np.sqrt(v_z + noise**2), np.sqrt(total - v_z)
    z = np.linspace(-8 * spread, 8 * spread, 40_001)[:, None]
    ends = np.array([-np.inf, *edges, np.inf])
    t = (ends - z) / deviation
    density = np.where(np.isfinite(t), np.exp(-0.5 * np.where(np.isfinite(t), t, 0) ** 2) / np.sqrt(2 * np.pi), 0)
    shares = np.diff(ndtr(t), axis=1)
    told = np.where(shares > 1e-14, np.diff(density, axis=1) ** 2 / np.maximum(shares, 1e-14), 0).sum(1)
    weight = np.exp(-0.5 * (z[:, 0] / spread) ** 2)
    exact = v_z - v_z**2 / deviation**2 * float((told * weight).sum() / weight.sum())
    assert left[0] == pytest.approx(exact, rel=0.01)
