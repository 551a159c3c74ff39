"""One bit with an unrecorded threshold, against integrals in 20 digits."""

import mpmath
import pytest
import torch

from engine.sensing.channels import DitherChannel
from engine.sensing.dither import dither_moments


def integral(sign, distribution, width, mean):
    """ln Z, score and variance ratio for unit variance, by adaptive quadrature split where the integrand bends."""
    mpmath.mp.dps = 20
    m, w = mpmath.mpf(mean), mpmath.mpf(width)

    def answer(t):
        t = sign * t
        if distribution == "logistic":
            return 1 / (1 + mpmath.exp(-t / w))
        if distribution == "gaussian":
            return mpmath.ncdf(t / w)
        return min(max((t + w) / (2 * w), mpmath.mpf(0)), mpmath.mpf(1))

    def density(t):
        return mpmath.exp(-((t - m) ** 2) / 2) / mpmath.sqrt(2 * mpmath.pi) * answer(t)

    bends = sorted(
        {
            *(m + k for k in range(-12, 13, 2)),
            *(w * k for k in range(-6, 7)),
            *(sign / w + m + k for k in range(-6, 7, 2)),
        }
    )
    z = mpmath.quad(density, bends)
    centre = mpmath.quad(lambda t: t * density(t), bends) / z
    spread = mpmath.quad(lambda t: (t - centre) ** 2 * density(t), bends) / z
    return float(mpmath.log(z)), float(centre - m), float(spread)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["logistic", "uniform"])
@pytest.mark.parametrize("width", [0.2, 0.6, 15.0])
@pytest.mark.parametrize(("mean", "sign"), [(-7.5, 1), (0.7, -1), (4.0, -1)])
def test_against_quadrature(distribution, width, mean, sign):
    got = dither_moments(
        torch.tensor([float(sign)]), distribution, width, torch.tensor([mean]).double(), torch.ones(1).double()
    )
    for value, want in zip(got, integral(sign, distribution, width, mean), strict=True):
        assert float(value) == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize("width", [0.2, 0.6, 15.0])
@pytest.mark.parametrize(("mean", "sign"), [(-7.5, 1), (0.7, -1), (4.0, -1), (0.3, 1)])
def test_a_gaussian_dither_against_quadrature(width, mean, sign):
    """Of a wide one a bit tells next to nothing, and the variance of z itself stays what it was."""
    centre, deviation = 0.4, 2.0
    edge = torch.tensor([[centre]]).double()
    far = torch.full_like(edge, torch.inf)
    channel = DitherChannel(
        *((edge, far) if sign > 0 else (-far, edge)), distribution="gaussian", width=deviation * width
    )
    got = channel.moments(torch.tensor([[centre + deviation * mean]]).double(), torch.tensor([[deviation**2]]).double())
    log_prob, score, ratio = integral(sign, "gaussian", width, mean)
    assert float(got.log_prob) == pytest.approx(log_prob, rel=1e-7)
    assert float(got.score) == pytest.approx(score / deviation, rel=1e-7)
    assert float(got.ratio) == pytest.approx(ratio, rel=1e-7)


@pytest.mark.parametrize("distribution", ["logistic", "uniform"])
def test_far_tails_stay_finite_and_a_narrow_dither_is_the_plain_sign(distribution):
    from engine.sensing.cells import cell_moments

    mean = torch.tensor([-300.0, -30.0, -3.0, 0.1, 40.0]).double()
    one = torch.ones_like(mean)
    for width in (1e-4, 0.3, 50.0):
        assert all(torch.isfinite(t).all() for t in dither_moments(one, distribution, width, mean, one))
    narrow = dither_moments(one[1:], distribution, 1e-5, mean[1:], one[1:])
    plain = cell_moments(0 * one[1:], torch.inf * one[1:], mean[1:], one[1:])
    assert torch.allclose(narrow.score, plain.score, rtol=1e-4)
    assert torch.allclose(narrow.log_prob, plain.log_prob, rtol=1e-4, atol=1e-9)


def test_the_logistic_tail_pulls_with_constant_force():
    """Far on the wrong side the score tends to 1 / s: a logistic threshold has exponential tails."""
    score = dither_moments(torch.ones(1), "logistic", 0.5, torch.tensor([-60.0]).double(), torch.ones(1).double()).score
    assert float(score) == pytest.approx(2.0, rel=1e-9)
