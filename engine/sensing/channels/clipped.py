"""Real values of a sensor that saturates: what lies beyond its range is known to do so, and nothing more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from engine.sensing.cells import CellMoments, cell_moments
from engine.sensing.channels.base import Channel

__all__ = ["ClippedChannel"]


@dataclass(frozen=True)
class ClippedChannel(Channel):
    """``values`` (images, rows), float64, are z plus noise where they lie between ``low`` and ``high``; a value at ``high`` (or
    above) stands for the cell from there to infinity, one at ``low`` (or below) for the cell up to there. Either may be
    infinite. p(y | z) is a density for values within and a probability for clipped ones."""

    values: Tensor
    low: float = -math.inf
    high: float = math.inf
    knows_scale: ClassVar[bool] = True

    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        values, mean, variance = torch.broadcast_tensors(self.values.double(), mean.double(), variance.double())
        residual = values - mean
        log_prob = -0.5 * (residual.square() / variance + torch.log(2 * math.pi * variance))
        found = [log_prob, residual / variance, torch.zeros_like(log_prob)]
        for outside, lower, upper in (
            (values >= self.high, self.high, math.inf),
            (values <= self.low, -math.inf, self.low),
        ):
            if bool(outside.any()):
                edges = [torch.full_like(values[outside], edge) for edge in (lower, upper)]
                cell = cell_moments(edges[0], edges[1], mean[outside], variance[outside])
                for known, told in zip(found, cell, strict=True):
                    known[outside] = told
        return CellMoments(*found)

    def sharpest(self, noise: float) -> float:
        return 1 / noise

    def decoded(self) -> tuple[Tensor, None]:
        """The values as they are."""
        return self.values.double().clamp(self.low, self.high), None
