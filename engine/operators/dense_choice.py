"""What all sensing matrices that are held as numbers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.operators.base import Operator, OperatorChoice, refuse_if_too_large
from engine.settings import integer

if TYPE_CHECKING:
    import torch

__all__ = ["DenseChoice"]


@dataclass(frozen=True)
class DenseChoice(OperatorChoice):
    measurements: int = integer(
        200, "Measurements", "Number of rows M of the sensing matrix.", unit="rows", low=1, high=10**7
    )

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return self.measurements

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        rows, pixels = self.measurements, math.prod(image_shape)
        return rows * (28 * pixels + 24 * rows) + 16 * self._square(pixels)

    def _square(self, pixels: int) -> int:
        """Entries of an N x N matrix that the construction needs, if any."""
        return 0

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        from engine.operators.dense import DenseOperator
        from engine.seeds import generator

        rows, pixels = self.measurements, math.prod(image_shape)
        what = f"A {rows:,} x {pixels:,} '{self.name}' matrix"
        remedy = "ask for fewer measurements or take a fast operator (dct, hadamard or dft)"
        refuse_if_too_large(self.memory_for(image_shape), what, remedy)
        return DenseOperator(self._matrix(rows, pixels, generator(seed, "matrix")).float(), image_shape)

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        raise NotImplementedError
