"""Cells: what a quantizer reports."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.cells import CellMoments, cell_moments
from engine.sensing.channels.base import Channel

__all__ = ["CellChannel", "EdgedChannel"]


@dataclass(frozen=True)
class EdgedChannel(Channel):
    """``lower`` and ``upper`` (images, rows), float64, are the cells that were reported: for a sensor without faults, the
    ones that z plus noise lies in."""

    lower: Tensor
    upper: Tensor

    def sharpest(self, noise: float) -> float:
        """At the edges of cells."""
        edge = torch.where(self.lower.isfinite(), self.lower, self.upper)
        ratio = self.moments(edge, torch.full_like(edge, noise)).ratio
        return float((1 - ratio).clamp_min(1e-9).mean()) / noise

    def decoded(self) -> tuple[Tensor, None]:
        """The middle of a cell; of an outer cell as far beyond its edge as the middle of its neighbour is before it; -1 and 1
        about the threshold for one bit."""
        widths = self.upper - self.lower
        finite = widths.isfinite()
        half = 0.5 * torch.where(finite, widths, torch.inf).amin(1, keepdim=True)
        half = torch.where(half.isfinite(), half, 1.0)
        outer = torch.where(self.lower.isfinite(), self.lower + half, self.upper - half)
        return torch.where(finite, 0.5 * (self.lower + self.upper), outer), None


@dataclass(frozen=True)
class CellChannel(EdgedChannel):
    """y says exactly which cell z + noise lies in (QCS-SGM eqs. 3 and 4), or, for one bit, says it wrongly with
    probability ``flip``: p(y | z) = (1 - flip) P(cell) + flip P(the other cell)."""

    flip: float = 0.0

    @property
    def is_concave(self) -> bool:
        return not self.flip

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
