r"""One bit with a random threshold that was not recorded: probability, score and variance, stable in the tails.

For t ~ N(m, v) and y = sign(t - tau), tau drawn symmetrically about zero with distribution function F, and y = +1:

    Z = E[F(t)],   score = d ln Z / d m,   ratio = 1 + v d^2 ln Z / d m^2;

y = -1 is the mirror image. In standard units mu = m / sqrt v and the width of F divided by sqrt v:

* Gaussian F adds its variance to v; the cell formulas apply, so it is not here;
* uniform F on [-a, a]: Z is a difference of H(x) = x Phi(x) + phi(x), or a short quadrature where a is small;
* logistic F(t) = 1 / (1 + exp(-t / s)): on each side of zero F is e^{min(t, 0) / s} times 1 / (1 + x), x = e^{-|t| / s} in
  [0, 1], and 1 / (1 + x) is a polynomial in x to 12 digits (the alternating-series weights of Cohen, Rodriguez Villegas
  and Zagier, 2000). Z is then a sum of exponentially tilted Gaussian half-lines, each known in closed form.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from engine.sensing.cells import CellMoments

__all__ = ["DITHERS", "dither_moments"]

DITHERS = ("gaussian", "uniform", "logistic")
_TERMS = 18
_ROOT_2PI = math.sqrt(2 * math.pi)
_NODES, _WEIGHTS = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(12))


def dither_moments(signs: Tensor, distribution: str, width: float, mean: Tensor, variance: Tensor) -> CellMoments:
    """Log-probability, score and variance ratio of a Gaussian seen by one bit with an unknown threshold.

    Arguments broadcast: ``signs`` +1 or -1; ``width`` is s of the logistic or a of the uniform distribution, above 0;
    ``variance > 0``. Everything in float64.
    """
    signs, mean, variance = signs.double(), mean.double(), variance.double()
    deviation = variance.sqrt()
    mu, relative = torch.broadcast_tensors(signs * mean / deviation, width / deviation)
    form = {"uniform": _uniform, "logistic": _logistic}[distribution]
    log_prob, score, ratio = form(mu.flatten(), relative.flatten())
    shape = mu.shape
    return CellMoments(log_prob.reshape(shape), signs * score.reshape(shape) / deviation, ratio.reshape(shape))


def _log_phi(x: Tensor) -> Tensor:
    return -0.5 * x.square() - math.log(_ROOT_2PI)


def _log_hinge(x: Tensor) -> Tensor:
    """ln (x Phi(x) + phi(x)), by its asymptotic series far below zero, where the two terms cancel."""
    below, inside = x.clamp_max(-20.0), x.clamp_min(-20.0)
    square = below.square()
    series = 1 - 3 / square + 15 / square**2 - 105 / square**3 + 945 / square**4 - 10395 / square**5
    tail = _log_phi(below) - square.log() + series.log()
    direct = (inside * torch.exp(torch.special.log_ndtr(inside)) + torch.exp(_log_phi(inside))).log()
    return torch.where(x < -20.0, tail, direct)


def _uniform(mu: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # Z = [H(mu + a) - H(mu - a)] / (2 a); Z' and Z'' are the same differences of Phi and phi
    low, high = mu - half, mu + half
    log_top = _log_hinge(high)
    log_z = log_top + torch.log1p(-torch.exp(_log_hinge(low) - log_top)) - torch.log(2 * half)
    log_phi_top = torch.special.log_ndtr(high)
    first = torch.exp(log_phi_top + torch.log1p(-torch.exp(torch.special.log_ndtr(low) - log_phi_top)) - log_z)
    second = torch.exp(_log_phi(high) - log_z) - torch.exp(_log_phi(low) - log_z)
    wide = (log_z, first / (2 * half), second / (2 * half))
    # narrow: quadrature over the threshold, where the differences cancel
    points = mu[:, None] + half.clamp_max(1.0)[:, None] * _NODES.to(mu.device)
    weights = _WEIGHTS.to(mu.device) / 2
    logs = torch.special.log_ndtr(points)
    log_n = torch.logsumexp(logs + weights.log(), 1)
    density = weights * torch.exp(_log_phi(points) - log_n[:, None])
    narrow = (log_n, density.sum(1), -(points * density).sum(1))
    log_prob, score, curve = (torch.where(half < 0.5, n, w) for n, w in zip(narrow, wide, strict=True))
    return log_prob, score, 1 + curve - score.square()


def _alternating_weights(terms: int) -> list[float]:
    """c_k in [0, 1] with sum_k c_k (-x)^k = 1 / (1 + x) on [0, 1] to a relative 2 * 5.8^-terms."""
    root = (3 + math.sqrt(8)) ** terms
    whole = (root + 1 / root) / 2
    b, c, weights = -1.0, -whole, []
    for k in range(terms):
        c = b - c
        weights.append(abs(c) / whole)
        b *= (k + terms) * (k - terms) / ((k + 0.5) * (k + 1))
    return weights


_ALTERNATING = torch.tensor(_alternating_weights(_TERMS), dtype=torch.float64)


def _half_line(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """ln of the integral of exp(-t^2/2 - x t) over t > 0, and the mean and mean square of t under that density."""
    above = x.clamp_min(-25.0)
    log_mills = (torch.special.erfcx(above / math.sqrt(2)) * math.sqrt(math.pi / 2)).log()
    below = x.clamp_max(-25.0)  # Phi(-x) is one to 137 digits here
    log_mills = torch.where(x < -25.0, 0.5 * below.square() + math.log(_ROOT_2PI), log_mills)
    mean = torch.exp(-log_mills) - x
    square = 1 - x * mean
    far = x.clamp_min(40.0)
    inverse = far**-2
    mean_far = (1 - 2 * inverse + 10 * inverse**2 - 74 * inverse**3) / far
    square_far = 2 * inverse * (1 - 5 * inverse + 37 * inverse**2)
    return log_mills, torch.where(x > 40, mean_far, mean), torch.where(x > 40, square_far, square)


def _logistic(mu: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    orders = torch.arange(_TERMS, device=mu.device, dtype=torch.float64)
    weights = _ALTERNATING.to(mu.device) * (1 - 2 * (orders % 2))
    tilt = orders / scale[:, None]
    sides = ((tilt - mu[:, None], 1.0), (tilt + 1 / scale[:, None] + mu[:, None], -1.0))
    parts = [(*_half_line(x), sign) for x, sign in sides]
    peak = torch.stack([logs.amax(1) for logs, *_ in parts]).amax(0)
    total = torch.zeros_like(mu)
    first, second = torch.zeros_like(mu), torch.zeros_like(mu)
    for logs, mean, square, sign in parts:
        mass = weights * torch.exp(logs - peak[:, None])
        total = total + mass.sum(1)
        first = first + sign * (mass * mean).sum(1)
        second = second + (mass * square).sum(1)
    first, second = first / total, second / total
    log_prob = peak + total.log() + _log_phi(mu)
    return log_prob, first - mu, second - first.square()
