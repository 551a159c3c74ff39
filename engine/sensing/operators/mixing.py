"""Whether a matrix mixes all pixels as a random one does, told from its numbers: what message passing rests on."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["mixes_at_random"]

WIDE_ROW = 0.08
"""Least share of the pixels that half of the rows see, by participation, (sum of a^2)^2 / (N sum of a^4): a third
for a row of Gaussian numbers."""
UNEVEN = 4.0
"""Factor by which the coarsest and the finest patterns may be seen more or less than others on average."""
COARSE = 4


def _patterns(pixels: int, fine: bool) -> np.ndarray:
    """Cosine patterns of the lowest or the highest frequencies over a picture of so many values, (patterns, pixels), of norm 1;
    a square grey or colour one where there is such, else a line."""
    channels = 3 if pixels % 3 == 0 and math.isqrt(pixels // 3) ** 2 == pixels // 3 else 1
    side = math.isqrt(pixels // channels)
    height = side if side**2 * channels == pixels else 1
    width = pixels // channels // height

    def waves(count: int, length: int) -> np.ndarray:
        frequencies = np.arange(min(count, length))
        frequencies = length - 1 - frequencies if fine else frequencies
        return np.cos(np.pi * np.outer(frequencies, np.arange(length) + 0.5) / length)

    pictures = np.einsum("ay,bx->abyx", waves(COARSE, height), waves(COARSE if height > 1 else COARSE**2, width))
    flat = np.tile(pictures.reshape(-1, height * width), (1, channels))
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def mixes_at_random(matrix: np.ndarray) -> bool:
    """For a matrix (rows, pixels): whether its rows have both signs and are spread over the picture, and together see coarse
    patterns about as well as any others. Masks, blocks, wavelets and transforms in order do not pass; correlated rows do."""
    if bool((matrix >= 0).all()):
        return False
    squares = matrix.astype(np.float64) ** 2
    sums = squares.sum(1)
    pixels, real = matrix.shape[1], sums > 0
    spread = sums[real] ** 2 / (pixels * (squares[real] ** 2).sum(1))
    if float(np.median(spread)) < WIDE_ROW:
        return False
    usual = float(sums.sum()) / pixels
    shares = [
        float(((matrix.astype(np.float64) @ _patterns(pixels, fine).T) ** 2).sum(0).mean()) / usual
        for fine in (False, True)
    ]
    # by chance alone: squares of a few normal numbers
    slack = 1 + 4 * math.sqrt(2 / (COARSE**2 * max(1, len(matrix))))
    return all(1 / (UNEVEN * slack) < share < UNEVEN * slack for share in shares)
