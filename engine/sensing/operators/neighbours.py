"""Whether the rows of a matrix see neighbouring pixels alone, as lenses, masks and blocks do, told from its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["holds_neighbours", "sees_neighbours", "square_of"]

FEW = 64
"""Rows that are looked at."""
NEAR = 1 / 3
"""Share of the extent of an even picture below which what a row sees is near. A Gaussian kernel of two pixels has 0.18 in a
picture of 28, a ray 0.7, a row of random numbers 1."""


def sees_neighbours(rows: np.ndarray) -> bool:
    """For rows (rows, height, width): whether half of those that see anything reach less far than NEAR, by the standard deviation
    of places, weighted by the squares of the numbers."""
    return _are_near([(np.flatnonzero(row), row[row != 0]) for row in rows.reshape(len(rows), -1)], rows.shape[1:])


def _are_near(rows: list[tuple[np.ndarray, np.ndarray]], size: tuple[int, ...]) -> bool:
    """The same for the places of each row, in C order, and its numbers there."""
    height, width = size
    even = math.sqrt((height**2 + width**2 - 2) / 12)
    reaches = []
    for places, numbers in rows:
        weights = numbers.astype(np.float64) ** 2
        if weights.sum() > 0:
            at = np.stack(np.divmod(places % (height * width), width)).astype(np.float64)
            mean = np.average(at, axis=1, weights=weights)
            reaches.append(math.sqrt(np.average(((at - mean[:, None]) ** 2).sum(0), weights=weights)))
    return bool(reaches) and even > 0 and float(np.median(reaches)) < NEAR * even


def square_of(pixels: int) -> tuple[int, int, int]:
    """Channels, height and width that so many values are likely to be: a square in grey or colour, else a line."""
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if side**2 * channels == pixels:
            return channels, side, side
    return 1, 1, pixels


def holds_neighbours(kind: str, pieces: Mapping[str, Any], shape: tuple[int, int, int]) -> bool:
    """The same for what the entry ``kind`` of a measurement file of pictures of ``shape`` holds: a matrix, a sparse one or a
    kernel; False for anything else, or what does not fit."""
    pixels = math.prod(shape)
    if kind == "kernel":
        kernel = np.asarray(pieces["kernel"])
        if kernel.ndim != 2 or kernel.dtype.kind not in "biuf":
            return False
        height, width = (max(n, k) for n, k in zip(shape[1:], kernel.shape, strict=True))
        seen = np.zeros((1, height, width))
        seen[0, : kernel.shape[0], : kernel.shape[1]] = kernel
        return sees_neighbours(seen)
    if kind == "A":
        matrix = np.asarray(pieces["A"])
        if matrix.ndim != 2 or matrix.shape[1] != pixels or matrix.dtype.kind not in "biuf":
            return False
        some = matrix[np.linspace(0, len(matrix) - 1, min(FEW, len(matrix))).astype(int)]
        return _are_near([(np.flatnonzero(row), row[row != 0]) for row in some], shape[1:])
    if kind == "indptr":
        starts, columns, numbers = (
            np.asarray(pieces.get(key, np.zeros(0))).reshape(-1) for key in ("indptr", "indices", "data")
        )
        whole = starts.dtype.kind in "iu" and columns.dtype.kind in "iu" and numbers.dtype.kind in "biuf"
        if not whole or len(starts) < 2 or len(columns) != len(numbers):
            return False
        rows = np.linspace(0, len(starts) - 2, min(FEW, len(starts) - 1)).astype(int)
        parts = [slice(int(starts[row]), int(starts[row + 1])) for row in rows]
        return _are_near([(columns[p].astype(np.int64), numbers[p]) for p in parts], shape[1:])
    return False
