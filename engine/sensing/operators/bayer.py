"""The Bayer mosaic: each pixel of a colour camera sees one colour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.operators.base import ImagingChoice, Operator
from engine.sensing.operators.pixels import RowsOfIdentity
from engine.settings import one_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Bayer", "MosaicOperator"]

PATTERNS = ("rggb", "bggr", "grbg", "gbrg")


class MosaicOperator(RowsOfIdentity):
    """A keeps the entry ``kept[p]`` of (channels * height * width) for pixel p: one channel of every pixel."""

    def __init__(self, kept: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.kept, self.image_shape, self.rows = kept, image_shape, len(kept)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, self.kept]

    def adjoint(self, z: Tensor) -> Tensor:
        out = z.new_zeros((len(z), self.pixels))
        out[:, self.kept] = z
        return out.reshape(-1, *self.image_shape)

    def laid_out(self, z: Tensor) -> Tensor:
        """The mosaic as the sensor has it, one number per pixel."""
        return z.reshape(1, *self.image_shape[1:])


@dataclass(frozen=True)
class Bayer(ImagingChoice):
    """Bayer mosaic: each pixel of a colour picture is seen in one colour only; a grey one as it is."""

    name = "bayer"
    label = "Bayer mosaic (raw colour)"

    pattern: str = one_of("rggb", PATTERNS, "Pattern", "Colours of the upper left two by two pixels, line by line.")

    @property
    def orthogonal_rows(self) -> bool:
        return True

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        if image_shape[0] not in (1, 3):
            raise InputError(f"A Bayer mosaic is of a colour picture; this one has {image_shape[0]} channels.")
        return math.prod(image_shape[1:])

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return 1.0

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 16 * math.prod(image_shape)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        self.rows_for(image_shape)
        channels, height, width = image_shape
        tile = torch.tensor([["rgb".index(c) for c in self.pattern[k : k + 2]] for k in (0, 2)])
        colour = tile.repeat(math.ceil(height / 2), math.ceil(width / 2))[:height, :width]
        if channels == 1:
            colour = torch.zeros_like(colour)
        place = torch.arange(height * width).reshape(height, width)
        return MosaicOperator((colour * height * width + place).flatten(), image_shape)
