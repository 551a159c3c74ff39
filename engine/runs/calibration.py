"""Whether the spread of posterior samples is as large as their error: by ranks, which are unbiased for any number of them."""

from __future__ import annotations

import numpy as np

__all__ = ["calibration", "coverage", "is_uncertain"]

CERTAIN = 0.03
"""Pixels whose samples spread less than this (background, mostly) say nothing about calibration, unless all are that sure:
then those count that spread at least half as far as the least sure tenth."""
FEWEST_SAMPLES = 8


def coverage(samples: np.ndarray, truth: np.ndarray, share: float = 0.9) -> np.ndarray:
    """How far the truth lies inside the central ``share`` of the samples, 0 to 1 per entry; ``share`` on average if calibrated.

    ``samples`` (n, ...), ``truth`` (...). With n samples the truth's rank is one of n + 1 equally likely ones; each stands
    for the interval [rank, rank + 1] / (n + 1), of which the part inside the central share counts.
    """
    n = len(samples)
    rank = (samples < truth).sum(0)
    low, high = (1 - share) / 2 * (n + 1), (1 + share) / 2 * (n + 1)
    return np.clip(np.minimum(rank + 1, high) - np.maximum(rank, low), 0, 1)


def is_uncertain(std: np.ndarray) -> np.ndarray:
    """Which pixels say something about calibration, by their standard deviation."""
    return std > min(CERTAIN, max(0.5 * float(np.quantile(std, 0.9)), 1e-6))


def calibration(samples: np.ndarray, mean: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """``coverage_90``, and the root-mean-squares ``std_rms`` of the spread and ``error_rms`` of the mean, over the pixels
    that are not certain; None for fewer than eight samples or where no pixel does."""
    values: dict[str, float | None] = {"coverage_90": None, "std_rms": None, "error_rms": None}
    if len(samples) < FEWEST_SAMPLES:
        return values
    std = samples.std(0, ddof=1)
    uncertain = is_uncertain(std)
    if not uncertain.any():
        return values
    values["coverage_90"] = float(coverage(samples, truth)[uncertain].mean())
    values["std_rms"] = float(np.sqrt(np.square(std[uncertain]).mean()))
    values["error_rms"] = float(np.sqrt(np.square((mean - truth)[uncertain]).mean()))
    return values
