"""What a sensing matrix makes of plausible pictures: z = A x of some of its rows, jointly Gaussian."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.priors.exact.fitting import power_law
from engine.priors.exact.gaussian import to_cosines, to_pixels
from engine.seeds import generator
from engine.sensing.operators.base import Operator
from engine.sensing.operators.convolution import ConvolutionOperator

__all__ = ["EXPONENTS", "MEAN", "Response", "some_rows"]

MEAN, DEVIATION = 0.45, 0.25
"""Of pixels of natural pictures."""
EXPONENTS = (2.4, 3.2)
"""Of the fall of their power with frequency: textured and plain ones."""
LEVEL = 0.5
"""Standard deviation of a picture's mean level: it is hardly assumed to be known."""
LARGEST_SIDE = 96
"""Pictures are looked at in blocks of pixels so large that no more blocks stand side by side."""
LARGE, FEWER = 1 << 17, 0.5
"""Pixels from which adjoints are slow, and the share of the rows that is looked at then."""


def some_rows(operator: Operator, most: int, seed: int = 0) -> Tensor:
    """Numbers of at most so many rows, sorted: of a camera the middle of its picture, of others drawn by the seed."""
    most = int(most * FEWER) if operator.pixels > LARGE else most
    if operator.rows <= most:
        return torch.arange(operator.rows)
    if isinstance(operator, ConvolutionOperator):
        height, width = operator.sensor
        side = math.isqrt(most)
        high, wide = min(height, max(side, most // width)), min(width, max(side, most // height))
        top, left = (height - high) // 2, (width - wide) // 2
        every = torch.arange(height * width).reshape(height, width)
        return every[top : top + high, left : left + wide].flatten()
    return torch.randperm(operator.rows, generator=generator(seed, "doctor-rows"))[:most].sort().values


class Response:
    """z = A x for ``rows`` of a linear operator, x stationary and Gaussian with a power law for a spectrum and a level that is
    hardly known. ``gram`` is the covariance of z, (rows, rows), float64; ``white`` (rows,) what a white picture gives;
    ``block`` the side of the blocks of pixels that are taken for one."""

    def __init__(self, operator: Operator, rows: Tensor, exponent: float) -> None:
        channels, height, width = operator.image_shape
        self.operator, self.rows = operator, rows
        self.block = max(1, math.ceil(max(height, width) / LARGEST_SIDE))
        self.shape = (channels, math.ceil(height / self.block), math.ceil(width / self.block))
        self._root = power_law(self.shape, DEVIATION, exponent).sqrt().float()
        parts, white = [], []
        for some in rows.split(64):
            coarse = self._pooled(operator.rows_of(some))
            white.append(coarse.double().flatten(1).sum(1))
            parts.append((to_cosines(coarse) * self._root).flatten(1).float())
        self.white = torch.cat(white)
        self._factor = torch.cat(parts)
        self.gram = (self._factor @ self._factor.T).double() + LEVEL**2 * torch.outer(self.white, self.white)

    def _pooled(self, pictures: Tensor) -> Tensor:
        """Sums over blocks."""
        if self.block == 1:
            return pictures
        padding = [self.shape[2] * self.block - pictures.shape[3], self.shape[1] * self.block - pictures.shape[2]]
        padded = F.pad(pictures, (0, padding[0], 0, padding[1]))
        return F.avg_pool2d(padded, self.block) * self.block**2

    @cached_property
    def eigen(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues and eigenvectors of ``gram``."""
        values, vectors = torch.linalg.eigh(self.gram)
        return values.clamp_min(0), vectors

    def picture(self, weights: Tensor) -> Tensor:
        """C A^T w, (channels, height, width) of blocks: the mean of pictures about 0 whose z has the weights w = K^-1 z."""
        coarse = (weights.float() @ self._factor).reshape(self.shape) * self._root
        return to_pixels(coarse.double()) + LEVEL**2 * float(self.white @ weights)
