"""What one measurement says about z = (A x)_m: the output channel p(y | z), as moments of a Gaussian seen through it.

Every likelihood and message-passing rule asks only for these moments, so a new kind of sensor is a new channel here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from engine.sensing.cells import CellMoments, cell_moments
from engine.sensing.dither import dither_moments

__all__ = ["CellChannel", "Channel", "DitherChannel"]


@dataclass(frozen=True)
class Channel(ABC):
    """``lower`` and ``upper`` (images, rows), float64, are the cells that were reported: for a sensor without faults, the
    ones that z plus noise lies in."""

    lower: Tensor
    upper: Tensor

    @abstractmethod
    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        """ln E[p(y | t)] for t ~ N(mean, variance), its derivative in ``mean``, and the variance of t given y as a share
        of ``variance``. The variance includes the Gaussian noise; arguments broadcast to (images, rows)."""

    def log_prob(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The log-probability alone, differentiable once in ``mean``."""
        with torch.no_grad():
            found = self.moments(mean, variance)
        return found.log_prob + (mean - mean.detach()) * found.score

    def take(self, change) -> Self:
        """The channel with ``change`` applied to its tensors (rows chosen, repeated, moved to a device)."""
        return replace(self, lower=change(self.lower), upper=change(self.upper))


@dataclass(frozen=True)
class CellChannel(Channel):
    """y says exactly which cell z + noise lies in (QCS-SGM eqs. 3 and 4), or, for one bit, says it wrongly with
    probability ``flip``: p(y | z) = (1 - flip) P(cell) + flip P(the other cell)."""

    flip: float = 0.0

    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        right = cell_moments(self.lower, self.upper, mean, variance)
        if not self.flip:
            return right
        below = torch.isinf(self.lower)
        other_lower = torch.where(below, self.upper, -torch.inf)
        other_upper = torch.where(below, torch.inf, self.lower)
        wrong = cell_moments(other_lower, other_upper, mean, variance)
        share = torch.tensor([1 - self.flip, self.flip], dtype=torch.float64, device=mean.device).log()
        logs = torch.stack([right.log_prob + share[0], wrong.log_prob + share[1]])
        log_prob = torch.logsumexp(logs, 0)
        weights = torch.exp(logs - log_prob)
        score = weights[0] * right.score + weights[1] * wrong.score
        # law of total variance: the two cells' variances, and how far apart their means are
        apart = weights[0] * weights[1] * (right.score - wrong.score).square() * variance
        ratio = weights[0] * right.ratio + weights[1] * wrong.ratio + apart
        return CellMoments(log_prob, score, ratio)


@dataclass(frozen=True)
class DitherChannel(Channel):
    """One bit against a random threshold that was not recorded: p(y = +1 | z) is the distribution function of
    ``distribution`` (gaussian, uniform or logistic) with this
    ``width`` (sigma, half-width or scale) about the finite edge of the cell."""

    distribution: str = "logistic"
    width: float = 1.0

    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        if self.distribution == "gaussian":
            widened = variance + self.width**2
            plain = cell_moments(self.lower, self.upper, mean, widened)
            # the variance of t itself, of which only a share variance / widened is seen through the dither
            return CellMoments(plain.log_prob, plain.score, 1 - variance / widened * (1 - plain.ratio))
        below = torch.isinf(self.lower)
        signs, centre = torch.where(below, -1.0, 1.0), torch.where(below, self.upper, self.lower)
        return dither_moments(signs, self.distribution, self.width, mean - centre, variance)
