"""A sensing matrix of one's own, from a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.foreign.arrays import ARRAY_FILES, read_matrix
from engine.sensing.operators.base import LARGEST_EIGENBASIS, Operator, OperatorChoice, refuse_if_too_large
from engine.sensing.operators.mixing import mixes_at_random
from engine.sensing.operators.neighbours import holds_neighbours, square_of
from engine.settings import path

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MatrixFile"]


@lru_cache(maxsize=1)
def _read(name: str, _modified: int) -> np.ndarray:
    return read_matrix(name)


@lru_cache(maxsize=4)
def _of_light(name: str, modified: int) -> bool:
    return bool((_read(name, modified) >= 0).all())


@lru_cache(maxsize=4)
def _mixes(name: str, modified: int) -> bool:
    return mixes_at_random(_read(name, modified))


@lru_cache(maxsize=4)
def _sees_neighbours(name: str, modified: int) -> bool:
    matrix = _read(name, modified)
    return holds_neighbours("A", {"A": matrix}, square_of(matrix.shape[1]))


@dataclass(frozen=True)
class MatrixFile(OperatorChoice):
    """Your own matrix: .npy, .npz or .mat (entry A) or .csv, one column per pixel in C order."""

    name = "matrix"
    label = "Matrix from a file"

    file: str = path("", "File", "A matrix with one column per pixel (channels, then rows, then columns).", ARRAY_FILES)

    def _matrix(self) -> np.ndarray:
        if not self.file:
            raise InputError("The operator 'matrix' needs file=NAME; give a .npy, .npz, .mat or .csv file.")
        if not Path(self.file).is_file():
            raise InputError(f"'{self.file}' does not exist; check the name.")
        return _read(self.file, Path(self.file).stat().st_mtime_ns)

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return self._matrix().shape[0]

    @property
    def has_eigenbasis(self) -> bool:
        return not Path(self.file).is_file() or len(self._matrix()) <= LARGEST_EIGENBASIS

    @property
    def random_like(self) -> bool:
        """Masks, blocks, wavelets and ordered transforms do not mix pixels at random: its numbers tell."""
        return not Path(self.file).is_file() or _mixes(self.file, Path(self.file).stat().st_mtime_ns)

    @property
    def sees_neighbours(self) -> bool:
        """By its numbers, too."""
        return Path(self.file).is_file() and _sees_neighbours(self.file, Path(self.file).stat().st_mtime_ns)

    @property
    def of_light(self) -> bool:
        """Whether no entry is negative, so that every measurement holds the brightness of the picture before all else."""
        return Path(self.file).is_file() and _of_light(self.file, Path(self.file).stat().st_mtime_ns)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        matrix = self._matrix()
        return float((matrix.astype("float64") ** 2).sum() / len(matrix))

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        rows, pixels = self._matrix().shape
        return rows * (12 * pixels + 24 * rows)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        from engine.sensing.operators.dense import DenseOperator

        matrix = self._matrix()
        if matrix.shape[1] != math.prod(image_shape):
            raise InputError(
                f"'{Path(self.file).name}' has {matrix.shape[1]:,} columns but pictures of shape {image_shape} have "
                f"{math.prod(image_shape):,} pixels; the matrix needs one column per pixel."
            )
        refuse_if_too_large(
            self.memory_for(image_shape), f"This {matrix.shape[0]:,} x {matrix.shape[1]:,} matrix", "give a smaller one"
        )
        return DenseOperator(torch.tensor(matrix), image_shape)
