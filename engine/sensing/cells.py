r"""Probability, score and variance of a Gaussian seen only through the cell it fell into.

For t ~ N(m, v) known to lie in [lower, upper):

    Z = P(lower <= t < upper),   score = d ln Z / d m,   ratio = Var[t | cell] / v = 1 + v d^2 ln Z / d m^2.

These are the one-dimensional integrals of Theorem 1 (QCS-SGM, eqs. 15 and 16) and of the expectation propagation of
QCS-SGM+. Written with Phi they cancel in the tails and in narrow cells, so three forms are used, in standard units
(edges a < b after reflection to a + b <= 0), always in float64:

* ``b > 0`` (the mean is inside): ndtr, with no cancellation to fear;
* ``b <= 0``: the Mills ratio M(t) = Phi(t) / phi(t) = sqrt(pi/2) erfcx(-t / sqrt 2), which never underflows;
* narrow cells (width below 0.5, tilt below 20): 16-point Gauss-Legendre quadrature of the density over the cell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["CellMoments", "cell_log_prob", "cell_moments"]

_NARROW, _TILT, _FAR, _INFINITE = 0.5, 20.0, 50.0, 1e12
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
_NODES, _WEIGHTS = (torch.from_numpy(x) / 2 for x in np.polynomial.legendre.leggauss(16))


class CellMoments(NamedTuple):
    """Tensors of the broadcast shape, float64; ``score`` in 1 / units of t, ``ratio`` between 0 and 1."""

    log_prob: Tensor
    score: Tensor
    ratio: Tensor


def cell_moments(lower: Tensor, upper: Tensor, mean: Tensor, variance: Tensor) -> CellMoments:
    """Log-probability, score and variance ratio of a Gaussian in a cell.

    Arguments broadcast; ``lower < upper``, either may be infinite; ``variance > 0``.
    """
    a, b, reflect, deviation = _standard(lower, upper, mean, variance)
    if bool((a == -_INFINITE).all()):
        log_prob, score, ratio = _one_sided(b)
        return CellMoments(log_prob, torch.where(reflect, -score, score) / deviation, ratio)
    log_prob, score, ratio = torch.empty_like(a), torch.empty_like(a), torch.empty_like(a)
    for form, mask in _forms(a, b):
        log_prob[mask], score[mask], ratio[mask] = form(a[mask], b[mask])
    return CellMoments(log_prob, torch.where(reflect, -score, score) / deviation, ratio)


def cell_log_prob(lower: Tensor, upper: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """The log-probability alone, differentiable in ``mean`` and ``variance``; same arguments and accuracy."""
    a, b, _, _ = _standard(lower, upper, mean, variance)
    result = torch.zeros_like(a)
    for form, mask in _forms(a.detach(), b.detach()):
        result = result.masked_scatter(mask, form(a[mask], b[mask])[0])
    return result


def _standard(lower: Tensor, upper: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, ...]:
    lower, upper, mean, variance = torch.broadcast_tensors(
        lower.double(), upper.double(), mean.double(), variance.double()
    )
    deviation = variance.sqrt()
    a, b = (_edge(edge, mean, deviation) for edge in (lower, upper))
    reflect = (a + b > 0).detach()
    return torch.where(reflect, -b, a), torch.where(reflect, -a, b), reflect, deviation


def _edge(edge: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """The edge in standard units. An infinite one becomes a number so large that every term it enters is 0, which
    keeps gradients free of infinity times zero."""
    infinite = torch.isinf(edge)
    return torch.where(infinite, edge.sign() * _INFINITE, (torch.where(infinite, 0.0, edge) - mean) / deviation)


def _forms(a: Tensor, b: Tensor):
    """The form to use and where, for every form that is needed at all."""
    width = b - a
    narrow = (width < _NARROW) & (width * -a < _TILT)
    inside = (b > 0) & ~narrow
    for form, mask in ((_inside, inside), (_quadrature, narrow), (_tail, ~inside & ~narrow)):
        if mask.any():
            yield form, mask


def _one_sided(b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One bit: all cells are half-lines below b, on either side of the mean. One special function instead of three."""
    near = b.clamp_max(30.0)  # the density at 30 deviations is zero to 195 digits
    mills = _mills(near)
    pb = 1 / mills
    ratio = 1 - near * pb - pb.square()
    if bool((b < -_FAR).any()):
        squared = b.square()
        ratio = torch.where(b < -_FAR, (1 - 6 / squared + 50 / squared.square()) / squared, ratio)
    log_prob = torch.where(b > 0, torch.special.log_ndtr(b), mills.log() - 0.5 * near.square() - _LOG_ROOT_2PI)
    return log_prob, -pb, ratio


def _inside(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    log_upper = torch.special.log_ndtr(b)
    log_prob = log_upper + torch.log1p(-torch.exp(torch.special.log_ndtr(a) - log_upper))
    pa, pb = (torch.exp(-0.5 * t.square() - _LOG_ROOT_2PI - log_prob) for t in (a, b))
    score = pa - pb
    return log_prob, score, 1 + a * pa - b * pb - score.square()


def _tail(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # exp(-(a^2 - b^2)/2) with the difference of squares factored: exact also where a and b are close and large.
    step = torch.exp(0.5 * (b - a) * (a + b))
    mills = _mills(b) - _mills(a) * step
    pb = 1 / mills
    pa = step * pb
    score = pa - pb
    ratio = 1 + a * pa - b * pb - score.square()
    tilt = (b - a) * -b
    cut = tilt.square() * torch.exp(-tilt) / torch.expm1(-tilt).square().clamp_min(1e-300)
    squared = b.square()
    series = (1 - cut) / squared * (1 - 6 / squared + 50 / squared.square())
    ratio = torch.where(b < -_FAR, series, ratio)
    return mills.log() - 0.5 * squared - _LOG_ROOT_2PI, score, ratio


def _quadrature(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    width, centre = b - a, 0.5 * (a + b)
    t = width[:, None] * _NODES.to(a.device)
    exponent = -centre[:, None] * t - 0.5 * t.square()
    peak = exponent.detach().amax(dim=1, keepdim=True)
    weights = _WEIGHTS.to(a.device) * torch.exp(exponent - peak)
    total = weights.sum(1)
    shift = (weights * t).sum(1) / total
    ratio = (weights * (t - shift[:, None]).square()).sum(1) / total
    log_prob = width.log() + total.log() + peak[:, 0] - 0.5 * centre.square() - _LOG_ROOT_2PI
    return log_prob, centre + shift, ratio


def _mills(t: Tensor) -> Tensor:
    return math.sqrt(math.pi / 2) * torch.special.erfcx(-t / math.sqrt(2))
