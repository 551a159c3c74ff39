"""Whether a matrix mixes all pixels as a random one does, told from its numbers: what message passing rests on."""

from __future__ import annotations

import math

import numpy as np

from engine.sensing.operators.neighbours import square_of

__all__ = ["mixes_at_random"]

WIDE_ROW = 0.08
"""Least share of the pixels that half of the rows see, by participation, (sum of a^2)^2 / (N sum of a^4): a third
for a row of Gaussian numbers."""
UNEVEN = 4.0
"""Factor by which the coarsest and the finest patterns, but for the brightness, may be seen more or less than others."""
COARSE = 4
FEW_ROWS, SOME_ROWS, UNSEEN = 16, 128, 0.1
"""Rows below which chance leaves patterns out; rows by which it is seen whether there are patterns that none of them holds; the
share of such patterns that may be."""


def _patterns(pixels: int, fine: bool) -> np.ndarray:
    """Cosine patterns of the lowest or the highest frequencies over a picture of so many values, (patterns, pixels), of norm 1;
    a square grey or colour one where there is such, else a line."""
    channels, height, width = square_of(pixels)

    def waves(count: int, length: int) -> np.ndarray:
        frequencies = np.arange(min(count, length))
        frequencies = length - 1 - frequencies if fine else frequencies
        return np.cos(np.pi * np.outer(frequencies, np.arange(length) + 0.5) / length)

    pictures = np.einsum("ay,bx->abyx", waves(COARSE, height), waves(COARSE if height > 1 else COARSE**2, width))
    flat = np.tile(pictures.reshape(-1, height * width), (1, channels))
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def _energies(rows: np.ndarray) -> np.ndarray:
    """What some of the rows (rows, pixels) hold of every cosine pattern of a picture of so many values, of mean 1."""
    from scipy.fft import dctn

    some = rows[np.random.default_rng(0).permutation(len(rows))[:SOME_ROWS]]
    pictures = some.reshape(-1, *square_of(some.shape[1]))
    energies = np.square(dctn(pictures, axes=(2, 3), norm="ortho")).sum(0)
    return energies / max(float(energies.mean()), 1e-300)


def mixes_at_random(matrix: np.ndarray) -> bool:
    """For a matrix (rows, pixels): whether its rows, but for the brightness that masks of light all see, are spread over the
    picture, and together see coarse patterns about as well as any others. Random masks of zeros and ones pass, and correlated
    rows; blocks, wavelets, scans and transforms in order do not."""
    rows = matrix.astype(np.float64)
    if bool((rows >= 0).all()):
        rows -= rows.mean(1, keepdims=True)
    squares = rows**2
    sums = squares.sum(1)
    pixels, real = matrix.shape[1], sums > 0
    if not real.any():  # rows of one number
        return False
    spread = sums[real] ** 2 / (pixels * (squares[real] ** 2).sum(1))
    if float(np.median(spread)) < WIDE_ROW:
        return False
    usual = float(sums.sum()) / pixels
    shares = [
        float(((rows @ _patterns(pixels, fine)[0 if fine else 1 :].T) ** 2).sum(0).mean()) / usual
        for fine in (False, True)
    ]
    if len(rows) >= FEW_ROWS:
        least = 1 / (UNEVEN * (1 + 4 * math.sqrt(2 / min(len(rows), SOME_ROWS))))
        if float((_energies(rows) < least).mean()) > UNSEEN:
            return False
    # by chance alone: squares of a few normal numbers
    slack = 1 + 4 * math.sqrt(2 / (COARSE**2 * max(1, len(matrix))))
    return all(1 / (UNEVEN * slack) < share < UNEVEN * slack for share in shares)
