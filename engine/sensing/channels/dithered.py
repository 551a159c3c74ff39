"""One bit against thresholds that were not recorded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.cells import CellMoments, cell_moments
from engine.sensing.channels.cell import EdgedChannel
from engine.sensing.dither import dither_moments

__all__ = ["DitherChannel"]


@dataclass(frozen=True)
class DitherChannel(EdgedChannel):
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
