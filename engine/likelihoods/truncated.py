"""Draws of what a channel says about single measurements: z given y, for z ~ N(mean, variance) seen through Gaussian noise."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.sensing.cells import cell_moments
from engine.sensing.channels import CellChannel, Channel

__all__ = ["draw_conditional", "truncated_normal"]

_FAR = -30.0
_NODES, _REACH = 129, 8.0


def truncated_normal(lower: Tensor, upper: Tensor, mean: Tensor, deviation: Tensor, uniform: Tensor) -> Tensor:
    """t ~ N(mean, deviation^2) given lower <= t < upper, by inversion; all float64 and of one shape, ``uniform`` in (0, 1).

    Exact in both tails: the interval is reflected to the left, where the distribution function does not cancel, and
    beyond 30 deviations the density is the exponential that it is there to 1e-3.
    """
    a, b = (lower - mean) / deviation, (upper - mean) / deviation
    reflect = torch.where(a + b > 0, -1.0, 1.0).to(a.dtype)
    low, high = torch.where(reflect < 0, -b, a), torch.where(reflect < 0, -a, b)
    p, q = torch.special.ndtr(low), torch.special.ndtr(high)
    t = torch.special.ndtri((p + uniform * (q - p)).clamp(1e-300, 1 - 1e-16))
    far = high < _FAR
    if bool(far.any()):
        rate = -high[far]
        share = -torch.expm1(-rate * (high[far] - low[far]))
        t[far] = high[far] + torch.log1p(-uniform[far] * share) / rate
    t = torch.minimum(torch.maximum(t, low), high)
    return mean + deviation * reflect * t


def draw_conditional(channel: Channel, mean: Tensor, variance: Tensor, noise: float, generators) -> Tensor:
    """z ~ p(z | y) for z ~ N(mean, variance) independently and y the channel's answer to z plus noise of variance ``noise``.

    Arguments: ``mean`` and ``variance`` (rows of the batch, measurements), float64; ``generators`` a
    :class:`~engine.seeds.RowGenerators`, one per row of the batch. Cells are drawn exactly. Other channels are drawn by
    inverting their distribution function on 129 nodes over 8 deviations about its exact mean; a hard one, for which some noise
    is needed, with z itself, another with z plus noise.
    """
    device, count = mean.device, mean.shape[1:]
    u = generators.uniform((2, *count), device).double().clamp(1e-12, 1 - 1e-12)
    total = variance + noise
    if not channel.hard:
        return _without_noise(_by_inversion(channel, mean, total, 0.0, u[:, 0]), mean, variance, noise, generators)
    if not isinstance(channel, CellChannel):
        return _by_inversion(channel, mean, variance, max(noise, 1e-6 * float(variance.max())), u[:, 0])
    lower, upper = channel.lower.expand_as(mean), channel.upper.expand_as(mean)
    if channel.flip:
        right = cell_moments(lower, upper, mean, total).log_prob.exp() * (1 - channel.flip)
        wrong = (1 - right / (1 - channel.flip)).clamp_min(0) * channel.flip
        other = u[:, 1] * (right + wrong) > right
        below = torch.isinf(lower)
        other_lower = torch.where(below, upper, -torch.inf)
        other_upper = torch.where(below, torch.inf, lower)
        lower, upper = torch.where(other, other_lower, lower), torch.where(other, other_upper, upper)
    t = truncated_normal(lower, upper, mean, total.sqrt(), u[:, 0])
    return _without_noise(t, mean, variance, noise, generators)


def _without_noise(t: Tensor, mean: Tensor, variance: Tensor, noise: float, generators) -> Tensor:
    """z given t = z plus noise."""
    share = variance / (variance + noise)
    white = generators.normal(t.shape[1:], t.device).double()
    return mean + share * (t - mean) + (share * noise).sqrt() * white


def _by_inversion(channel: Channel, mean: Tensor, variance: Tensor, noise: float, uniform: Tensor) -> Tensor:
    total = variance + noise
    found = channel.moments(mean, total)
    share = variance / total
    centre = mean + variance * found.score
    deviation = (variance - variance * share * (1 - found.ratio)).clamp_min(1e-12 * variance).sqrt()
    offsets = torch.linspace(-_REACH, _REACH, _NODES, dtype=torch.float64, device=mean.device)
    logs = []
    for offset in offsets:
        z = centre + offset * deviation
        logs.append(channel.local(z, noise).log_prob - 0.5 * (z - mean).square() / variance)
    weights = torch.stack(logs, -1)
    weights = torch.exp(weights - weights.amax(-1, keepdim=True))
    steps = torch.cumsum(0.5 * (weights[..., 1:] + weights[..., :-1]), -1)
    target = uniform[..., None] * steps[..., -1:]
    cell = torch.searchsorted(steps, target).clamp_max(_NODES - 2)
    before = torch.where(cell > 0, steps.gather(-1, (cell - 1).clamp_min(0)), 0.0)
    left, right = weights.gather(-1, cell), weights.gather(-1, cell + 1)
    # the density is linear between two nodes: solve left s + (right - left) s^2 / 2 = what is left of the target
    rest, slope = (target - before).clamp_min(0), right - left
    inside = 2 * rest / (left + (left.square() + 2 * slope * rest).clamp_min(0).sqrt()).clamp_min(1e-300)
    position = (cell + inside.clamp(0, 1))[..., 0]
    return centre + (position / (_NODES - 1) * 2 - 1) * _REACH * deviation
