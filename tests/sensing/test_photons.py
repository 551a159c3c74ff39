"""Photons against sums and integrals in 30 digits: the law itself, and a Gaussian seen through it."""

import math
from functools import cache, lru_cache

import mpmath
import pytest
import torch

from engine.sensing.channels import ClickChannel, ClippedChannel, CountChannel, NoisyCountChannel

mpmath.mp.dps = 30
FLOOR_OF_TYPICAL = 0.01

COUNTS = {
    "poisson": [0, 1, 7, 1000],
    "full": [3, 40],
    "noisy": [-1.3, 0.4, 6.2],
    "clicks 1": [0, 1],
    "clicks 16": [0, 3, 16],
}


def channel(kind, count, gain=1.0, dark=0.0, typical=2.0):
    one = torch.ones((1, 1), dtype=torch.float64)
    given = (one * count, one * gain, one * dark, typical)
    if kind == "poisson":
        return CountChannel(*given)
    if kind == "full":
        return CountChannel(*given, full=3)
    if kind == "noisy":
        return NoisyCountChannel(*given, read=0.7)
    return ClickChannel(*given, frames=int(kind.split()[1]))


def rate_of(z, gain, dark, typical):
    floor = min(mpmath.mpf(0.01) * typical, mpmath.mpf(0.05))
    linear = mpmath.mpf(gain) * z + mpmath.mpf(dark)
    return linear if linear > floor else floor * mpmath.exp(linear / floor - 1)


def log_prob_at(kind, count, z, given):
    """ln p(y | z), below the floor too."""
    floor = min(mpmath.mpf(0.01) * given["typical"], mpmath.mpf(0.05))
    linear = mpmath.mpf(given["gain"]) * z + mpmath.mpf(given["dark"])
    if kind != "noisy" or linear > floor:
        return mpmath.log(probability(kind, count, rate_of(z, **given)))
    value, slope = at_floor(kind, count, floor)
    under = linear - floor if slope > 0 else floor * mpmath.expm1((linear - floor) / floor)
    return value + slope * under


@lru_cache
def at_floor(kind, count, floor):
    def log_prob(rate):
        return mpmath.log(probability(kind, count, rate))

    return log_prob(floor), mpmath.diff(log_prob, floor)


def probability(kind, count, rate):
    """p(y | rate) from its definition."""
    if kind == "poisson":
        return mpmath.exp(count * mpmath.log(rate) - rate - mpmath.loggamma(count + 1))
    if kind == "full":
        return mpmath.gammainc(3, 0, rate, regularized=True)
    if kind == "noisy":
        read = mpmath.mpf(0.7)
        return mpmath.fsum(
            mpmath.exp(k * mpmath.log(rate) - rate - mpmath.loggamma(k + 1) - ((count - k) / read) ** 2 / 2)
            for k in range(100 if rate > 10 else 20)
        ) / (read * mpmath.sqrt(2 * mpmath.pi))
    n = int(kind.split()[1])
    p = -mpmath.expm1(-rate / n)
    return mpmath.binomial(n, count) * p**count * mpmath.exp(-rate * (n - count) / n)


CASES = [(kind, count) for kind, counts in COUNTS.items() for count in counts]


@pytest.mark.parametrize(("kind", "count"), CASES)
@pytest.mark.parametrize("z", [-3.0, -0.02, 0.001, 0.013, 0.5, 2.0, 40.0])
def test_the_law_and_its_derivatives(kind, count, z):
    given = {"gain": 1.7, "dark": 0.01, "typical": 2.0}

    def log_prob(t):
        return log_prob_at(kind, count, t, given)

    found = channel(kind, count, **given).local(torch.tensor([[z]], dtype=torch.float64), 0.0)
    assert float(found.log_prob) == pytest.approx(float(log_prob(z)), rel=1e-9, abs=1e-11)
    assert float(found.score) == pytest.approx(float(mpmath.diff(log_prob, z)), rel=1e-7, abs=1e-9)
    assert float(found.curvature) == pytest.approx(float(-mpmath.diff(log_prob, z, 2)), rel=1e-6, abs=1e-7)
    assert float(found.curvature) > -1e-9


def integral(kind, count, mean, deviation, given):
    """ln Z, score and variance ratio by adaptive quadrature, cut where the integrand bends."""
    m, s = mpmath.mpf(mean), mpmath.mpf(deviation)
    floor = min(0.01 * given["typical"], 0.05)
    joint = (floor - given["dark"]) / given["gain"]
    peak = float(
        channel(kind, count, **given).mode(*(torch.full((1, 1), v).double() for v in (mean, deviation**2)), 0.0)
    )
    local = channel(kind, count, **given).local(torch.full((1, 1), peak).double(), 0.0)
    width = float((1 / deviation**2 + local.curvature) ** -0.5)
    cuts = {joint, joint - 3 * floor / given["gain"], joint - 12 * floor / given["gain"], peak}
    cuts |= {peak + k * width for k in (-30, -14, -8, -5, -2, -1, -0.3, 0.3, 1, 2, 5, 8, 14, 30)}
    cuts = sorted(c for c in cuts if abs(c - peak) < 40 * width)
    top = log_prob_at(kind, count, mpmath.mpf(peak), given) - ((peak - m) / s) ** 2 / 2

    @cache
    def density(t):
        return mpmath.exp(log_prob_at(kind, count, t, given) - ((t - m) / s) ** 2 / 2 - top)

    def integrated(f):
        return mpmath.quad(f, cuts, maxdegree=4)

    z = integrated(density)
    centre = integrated(lambda t: (t - peak) * density(t)) / z
    spread = integrated(lambda t: (t - peak - centre) ** 2 * density(t)) / z
    log_z = mpmath.log(z) + top - mpmath.log(s * mpmath.sqrt(2 * mpmath.pi))
    return float(log_z), float((centre + peak - m) / s**2), float(spread / s**2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count", "mean", "deviation"),
    [
        ("poisson", 0, 0.5, 0.2), ("poisson", 0, -0.4, 0.3), ("poisson", 7, 0.02, 5.0), ("poisson", 1000, 30.0, 2.0),
        ("full", 3, -0.4, 0.3), ("full", 40, 0.02, 5.0), ("noisy", -1.3, 0.5, 0.2), ("noisy", 6.2, -0.4, 0.3),
        ("clicks 1", 0, 0.02, 5.0), ("clicks 1", 1, -0.4, 0.3), ("clicks 16", 3, 0.5, 0.2), ("clicks 16", 16, 30.0, 2.0),
    ],
)  # fmt: skip
def test_moments_against_quadrature(kind, count, mean, deviation):
    given = {"gain": 1.7, "dark": 0.01, "typical": 2.0}
    mpmath.mp.dps = 20
    found = channel(kind, count, **given).moments(*(torch.full((1, 1), v).double() for v in (mean, deviation**2)))
    want = integral(kind, count, mean, deviation, given)
    mpmath.mp.dps = 30
    for value, expected in zip(found, want, strict=True):
        assert float(value) == pytest.approx(expected, rel=2e-6, abs=1e-8)


def test_very_small_and_very_large_arguments_stay_finite():
    count = torch.tensor([[0.0, 1.0, 1e5]]).double()
    one = torch.ones_like(count)
    for made in (
        CountChannel(count, 1e4 * one, 0 * one, 5e3), CountChannel(count, 1e-3 * one, 0 * one, 1e-3, full=2),
        NoisyCountChannel(count, one, 0 * one, 1.0, read=2.0),
        ClickChannel(count.clamp_max(1), 0.1 * one, 0 * one, 0.1, frames=1),
    ):  # fmt: skip
        for mean in (-50.0, -1e-6, 0.0, 0.3, 1e3):
            for variance in (1e-14, 1e-4, 1.0, 1e4):
                found = made.moments(torch.full_like(count, mean), torch.full_like(count, variance))
                assert all(bool(t.isfinite().all()) for t in found)
                assert float(found.ratio.min()) >= 0 and float(found.ratio.max()) <= 1 + 1e-9
            assert all(bool(t.isfinite().all()) for t in made.local(torch.full_like(count, mean), 0.0))


def test_probabilities_add_up():
    z = torch.tensor([[-0.3, 0.0, 0.2, 1.4]]).double()
    one = torch.ones_like(z)
    for frames in (1, 5):
        parts = [
            ClickChannel(k * one, 0.8 * one, 0.1 * one, 0.5, frames=frames).local(z).log_prob for k in range(frames + 1)
        ]
        assert torch.allclose(torch.logsumexp(torch.stack(parts), 0), 0 * z, atol=1e-12)
    below = [CountChannel(k * one, 3 * one, 0.1 * one, 1.0).local(z).log_prob for k in range(4)]
    full = CountChannel(4 * one, 3 * one, 0.1 * one, 1.0, full=4).local(z).log_prob
    assert torch.allclose(torch.logsumexp(torch.stack([*below, full]), 0), 0 * z, atol=1e-12)


@pytest.mark.parametrize(("kind", "count"), CASES)
def test_the_mode_is_where_the_slope_vanishes(kind, count):
    for mean in (-5.0, 0.0, 0.3, 20.0):
        for variance in (1e-6, 0.1, 30.0):
            m, v = (torch.full((1, 1), t).double() for t in (mean, variance))
            made = channel(kind, count, 1.7, 0.01)
            z = made.mode(m, v, 0.0)
            found = made.local(z, 0.0)
            wrong = (found.score - (z - m) / v) / (1 / v + found.curvature)  # Newton's last step
            assert abs(float(wrong)) < 1e-5 * math.sqrt(variance)


def test_photons_tell_less_through_noise_and_a_narrow_gaussian_sees_the_law_itself():
    made = channel("clicks 16", 3, 1.7, 0.01)
    z = torch.full((1, 1), 0.8).double()
    plain, narrow, noisy = made.local(z, 0.0), made.local(z, 1e-10), made.local(z, 0.3)
    for a, b in zip(plain, narrow, strict=True):
        assert float(a) == pytest.approx(float(b), rel=1e-4)
    assert 0 < float(noisy.curvature) < float(plain.curvature)


def test_clipped_values_are_densities_within_and_cells_outside():
    values = torch.tensor([[0.2, 1.0, 0.0]]).double()
    made = ClippedChannel(values, 0.0, 1.0)
    mean, variance = torch.tensor([[0.5, 0.7, -0.1]]).double(), torch.full((1, 1), 0.04).double()
    found = made.moments(mean, variance)
    normal = torch.distributions.Normal(mean, 0.2)
    want = [normal.log_prob(values)[0, 0], (1 - normal.cdf(values))[0, 1].log(), normal.cdf(values)[0, 2].log()]
    assert torch.allclose(found.log_prob[0], torch.stack(want))
    assert float(found.ratio[0, 0]) == 0 and float(found.score[0, 0]) == pytest.approx(-0.3 / 0.04)
    assert float(found.score[0, 1]) > 0 > float(found.score[0, 2])


@pytest.mark.parametrize(("kind", "counts"), COUNTS.items())
def test_distribution_is_the_sum_of_the_law(kind, counts):
    rate = torch.tensor([[0.3, 2.0, 9.0]], dtype=torch.float64)
    for count in counts:
        below, up_to = channel(kind, count).distribution_at(rate)
        if kind == "noisy":
            step = 1e-4
            up = channel(kind, count + step).distribution_at(rate)[1]
            density = channel(kind, count + step / 2).law(rate, rate.log()).log_prob.exp()
            assert ((up - up_to) / step).numpy() == pytest.approx(density.numpy(), rel=1e-4, abs=1e-9)
            assert torch.equal(below, up_to)
            continue
        laws = [
            channel(kind, k).law(rate, rate.log()).log_prob.exp()
            for k in range(min(count, 3) if kind == "full" else min(count, 60))
        ]
        assert below.numpy() == pytest.approx(sum(laws, torch.zeros_like(rate)).numpy(), abs=1e-9)
        own = channel(kind, count).law(rate, rate.log()).log_prob.exp()
        assert (up_to - below).numpy() == pytest.approx(own.numpy(), abs=1e-9)
