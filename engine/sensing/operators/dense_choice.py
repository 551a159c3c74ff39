"""What all sensing matrices that are held as numbers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.sensing.operators.base import LARGEST_EIGENBASIS, Operator, refuse_if_too_large
from engine.sensing.operators.per_channel import CountedChoice

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["DenseChoice"]


SMALL, EIGENVALUES = 256, 32
"""Pixels of the matrix that stands for larger ones, rows that it has at least, and how many numbers tell its spectrum."""


@lru_cache(maxsize=64)
def _eigenvalues(choice: DenseChoice, pixels: int) -> tuple[float, ...]:
    import numpy as np

    rows = choice.measurements
    scale = min(1.0, max(SMALL / pixels, EIGENVALUES / rows))
    scale = min(scale, 4 * SMALL / rows) if rows > 4 * SMALL else scale
    fewer_rows, fewer_pixels = max(1, round(rows * scale)), max(1, round(pixels * scale))
    matrix = choice.replace(measurements=fewer_rows).small_matrix(fewer_rows, fewer_pixels)
    some = np.sort(np.linalg.svd(matrix, compute_uv=False) ** 2)
    few = np.array([part.mean() for part in np.array_split(some, min(EIGENVALUES, len(some)))])
    zeros = max(0, round(len(few) * (rows / pixels - 1)))  # more rows than pixels: the others see nothing new
    values = np.concatenate([np.zeros(zeros), few])
    values *= choice.mean_row_norm_squared_of(pixels) / values.mean()  # whole numbers of rows change the scale a little
    return tuple(values.tolist())


@dataclass(frozen=True)
class DenseChoice(CountedChoice):
    """A matrix of numbers. Subclasses give :meth:`_matrix`."""

    @property
    def has_eigenbasis(self) -> bool:
        return self.measurements <= LARGEST_EIGENBASIS

    def typical_eigenvalues(self, image_shape: tuple[int, int, int]) -> tuple[float, ...] | None:
        """Those of a small matrix of the same kind and aspect: spectra of random matrices depend on these alone."""
        return _eigenvalues(self, math.prod(self._one(image_shape))) if self.random_like else None

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

    def small_matrix(self, rows: int, pixels: int) -> np.ndarray:
        """A small matrix of this kind, for its spectrum; the scale does not matter."""
        from engine.seeds import generator

        return self._matrix(rows, pixels, generator(0, "typical")).double().numpy()

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        raise NotImplementedError
