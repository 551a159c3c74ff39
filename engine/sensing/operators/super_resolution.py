"""Super-resolution: a coarser camera sees the mean of blocks of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.operators.base import GramEigenbasis, ImagingChoice, Operator
from engine.settings import integer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BlockMeans", "SuperResolution"]


class BlockMeans(Operator):
    """A x are the means of factor x factor blocks, channel by channel: A A^T = I / factor^2."""

    non_negative = True

    def __init__(self, factor: int, image_shape: tuple[int, int, int], device: str = "cpu") -> None:
        self.factor, self.image_shape, self.device = factor, image_shape, device
        channels, height, width = image_shape
        self.coarse = (channels, height // factor, width // factor)
        self.rows = math.prod(self.coarse)

    def forward(self, x: Tensor) -> Tensor:
        from torch.nn import functional as F

        return F.avg_pool2d(x, self.factor).flatten(1)

    def adjoint(self, z: Tensor) -> Tensor:
        blocks = z.reshape(-1, *self.coarse) / self.factor**2
        return blocks.repeat_interleave(self.factor, 2).repeat_interleave(self.factor, 3)

    def laid_out(self, z: Tensor) -> Tensor:
        return z.reshape(self.coarse)

    def interpolate(self, z: Tensor) -> Tensor:
        """Bicubic interpolation between the blocks."""
        from torch.nn import functional as F

        coarse = z.reshape(-1, *self.coarse)
        return F.interpolate(coarse, size=self.image_shape[1:], mode="bicubic", align_corners=False)

    def row_norms_squared(self) -> Tensor:
        import torch

        return torch.full((self.rows,), 1 / self.factor**2, dtype=torch.float64, device=self.device)

    def memory_usage(self) -> int:
        return 64

    def to(self, device: str) -> BlockMeans:
        return BlockMeans(self.factor, self.image_shape, device)

    def gram_eigenbasis(self) -> GramEigenbasis:
        return GramEigenbasis.of_orthogonal_rows(self.row_norms_squared())


@dataclass(frozen=True)
class SuperResolution(ImagingChoice):
    """Super-resolution: the picture is seen through larger pixels, two or four times as wide, say."""

    name = "super-resolution"
    label = "Super-resolution"

    factor: int = integer(
        2, "Factor", "Pixels of the picture per pixel of the camera, in each direction.", low=2, high=16
    )

    @property
    def orthogonal_rows(self) -> bool:
        return True

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        channels, height, width = image_shape
        if height % self.factor or width % self.factor:
            raise InputError(
                f"A picture of {width} x {height} pixels does not divide into blocks of {self.factor}; "
                "choose a factor of both sides."
            )
        return channels * (height // self.factor) * (width // self.factor)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return 1 / self.factor**2

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 1024

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        self.rows_for(image_shape)
        return BlockMeans(self.factor, image_shape)
