"""The cell likelihood against 60-digit arithmetic and against automatic differentiation."""

import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sensing.cells import cell_log_prob, cell_moments

INF = math.inf


def exact(lower, upper, mean, variance):
    """ln Z, d ln Z / d mean and the variance ratio with 60 digits."""
    with mpmath.workdps(60):
        s = mpmath.sqrt(mpmath.mpf(variance))
        a, b = (mpmath.mpf(lower) - mean) / s, (mpmath.mpf(upper) - mean) / s
        a, b, sign = (-b, -a, -1) if a > 0 else (a, b, 1)
        z = mpmath.erfc(-b / mpmath.sqrt(2)) / 2 - mpmath.erfc(-a / mpmath.sqrt(2)) / 2
        pa, pb = (mpmath.mpf(0) if mpmath.isinf(t) else mpmath.npdf(t) / z for t in (a, b))
        score = pa - pb
        ratio = 1 + (0 if pa == 0 else a * pa) - (0 if pb == 0 else b * pb) - score**2
        return float(mpmath.log(z)), float(sign * score / s), float(ratio)


def check(lower, upper, mean, variance):
    tensors = (torch.tensor([float(v)], dtype=torch.float64) for v in (lower, upper, mean, variance))
    log_prob, score, ratio = (float(v) for v in cell_moments(*tensors))
    want = exact(lower, upper, mean, variance)
    assert log_prob == pytest.approx(want[0], rel=1e-9, abs=1e-10)
    assert score == pytest.approx(want[1], rel=1e-6, abs=1e-10 / math.sqrt(variance))
    assert ratio == pytest.approx(want[2], rel=1e-6)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    position=st.floats(-41, 41),
    log_width=st.floats(-2, 2),
    kind=st.sampled_from(["finite", "lower", "upper"]),
    log_sd=st.floats(-3, 2),
    mean=st.floats(-3, 3),
)
def test_moments_match_mpmath(position, log_width, kind, log_sd, mean):
    sd = 10**log_sd
    lower = mean * sd + position * sd
    upper = lower + 10**log_width * sd
    if kind == "lower":
        lower = -INF
    elif kind == "upper":
        upper = INF
    check(lower, upper, mean * sd, sd**2)


@pytest.mark.parametrize("tail", [5, 10, 20, 30, 40])
@pytest.mark.parametrize("width", [0.01, 0.02, 0.1, 0.49, 0.51, 1.0, 3.0, INF])
def test_far_tail_keeps_relative_accuracy(tail, width):
    """A violated cell ``tail`` sd away: the score must still pull with full strength, on either side."""
    check(tail, tail + width, 0.0, 1.0)
    check(-tail - width, -tail, 0.0, 1.0)


@pytest.mark.parametrize("tail", [50.5, 60, 100, 1000])
@pytest.mark.parametrize("width", [0.5, 1.0, 3.0, INF])
def test_beyond_fifty_deviations_the_variance_keeps_its_accuracy(tail, width):
    """There it is what 1 less nearly 1 leaves, so a series takes over; its first term alone would be wrong by 6 / tail^2."""
    check(tail, tail + width, 0.0, 1.0)
    check(-tail - width, -tail, 0.0, 1.0)
    # a half-line is computed in another way beside cells that end
    lower = torch.tensor([float(tail), 0.0], dtype=torch.float64)
    upper = torch.tensor([float(tail + width), 1.0], dtype=torch.float64)
    beside = cell_moments(lower, upper, torch.zeros(2), torch.ones(2))
    assert float(beside.ratio[0]) == pytest.approx(exact(tail, tail + width, 0.0, 1.0)[2], rel=1e-6)


@pytest.mark.parametrize("tail", [200.0, 1000.0])
def test_beyond_fifty_deviations_the_far_edge_counts_where_it_is_near(tail):
    """A cell so narrow that a share of 1e-6 of the variance is what its far edge cuts off."""
    lower, upper = torch.tensor([tail]).double(), torch.tensor([tail + 20.02 / tail]).double()
    ratio = cell_moments(lower, upper, torch.zeros(1), torch.ones(1)).ratio
    assert float(ratio) == pytest.approx(exact(float(lower), float(upper), 0.0, 1.0)[2], rel=1e-7)


def test_beyond_any_table_is_finite_and_right_to_leading_order():
    t = torch.tensor([1e3, 1e5, 1e8], dtype=torch.float64)
    moments = cell_moments(t, torch.full_like(t, INF), torch.zeros(3), torch.ones(3))
    assert torch.allclose(moments.score, t, rtol=1e-5)
    assert torch.allclose(moments.ratio, 1 / t**2, rtol=1e-4)


def test_score_is_the_gradient_of_the_log_probability():
    generator = torch.Generator().manual_seed(0)
    lower = 20 * torch.randn(4000, generator=generator, dtype=torch.float64)
    width = 10 ** (4 * torch.rand(4000, generator=generator, dtype=torch.float64) - 2)
    upper = torch.where(width > 30, torch.inf, lower + width)
    lower = torch.where(width < 0.03, -torch.inf, lower)
    mean = torch.zeros(4000, dtype=torch.float64, requires_grad=True)
    variance = torch.ones(4000, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(cell_log_prob(lower, upper, mean, variance).sum(), mean)
    moments = cell_moments(lower, upper, mean.detach(), variance)
    assert torch.allclose(gradient, moments.score, rtol=1e-8, atol=1e-10)
    assert torch.allclose(cell_log_prob(lower, upper, mean, variance), moments.log_prob)


def test_gradient_with_respect_to_the_variance_is_finite_at_infinite_edges():
    variance = torch.ones(2, dtype=torch.float64, requires_grad=True)
    edges = torch.tensor([-INF, 0.5]), torch.tensor([0.5, INF])
    (gradient,) = torch.autograd.grad(cell_log_prob(*edges, torch.zeros(2), variance).sum(), variance)
    assert torch.isfinite(gradient).all()


def test_not_a_number_stays_one():
    one = torch.ones(1)
    assert cell_moments(-one, one, one * math.nan, one).score.isnan().all()
