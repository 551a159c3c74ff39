"""What all sensing matrices that are held as numbers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.operators.base import LARGEST_EIGENBASIS, Operator, refuse_if_too_large
from engine.sensing.operators.per_channel import CountedChoice

if TYPE_CHECKING:
    import torch

__all__ = ["DenseChoice"]


@dataclass(frozen=True)
class DenseChoice(CountedChoice):
    """A matrix of numbers. Subclasses give :meth:`_matrix`."""

    @property
    def has_eigenbasis(self) -> bool:
        return self.measurements <= LARGEST_EIGENBASIS

    def memory_of(self, pixels: int) -> int:
        rows = self.measurements
        return rows * (28 * pixels + 24 * rows)

    def make(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        from engine.seeds import generator
        from engine.sensing.operators.dense import DenseOperator

        rows, pixels = self.measurements, math.prod(image_shape)
        what = f"A {rows:,} x {pixels:,} '{self.name}' matrix"
        remedy = "take a fast operator instead, which holds no matrix (dct, hadamard or dft), or fewer measurements"
        refuse_if_too_large(self.memory_of(pixels), what, remedy)
        return DenseOperator(self._matrix(rows, pixels, generator(seed, "matrix")).float(), image_shape)

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        raise NotImplementedError
