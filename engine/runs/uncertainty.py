"""What posterior samples say about single pixels, and whether they are right where the truth is known.

Samples are (n, c, h, w) in [0, 1]; maps are (h, w), over the mean of the channels. Everything is by ranks, so that it holds for
any number of samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.runs.calibration import FEWEST_SAMPLES, coverage, is_uncertain

__all__ = [
    "Calibration",
    "PixelBelief",
    "brighter",
    "calibration_of",
    "interval_width",
    "pixel_belief",
    "probability_above",
]

NOMINAL = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PIT_BINS = 10
APART = 1.5
"""Ratio of predicted and actual error from which they are said to differ."""


@dataclass(frozen=True)
class PixelBelief:
    """One pixel of all samples: their values (n,), the central ``share`` interval, mean and truth (None if unknown)."""

    row: int
    column: int
    values: np.ndarray
    low: float
    high: float
    mean: float
    truth: float | None
    share: float = 0.9

    def words(self) -> str:
        """One line: the interval, and whether the truth is in it."""
        inside = ""
        if self.truth is not None:
            inside = f"; truth {self.truth:.2f} is {'inside' if self.low <= self.truth <= self.high else 'outside'}"
        return f"row {self.row}, column {self.column}: {self.share:.0%} in {self.low:.2f} to {self.high:.2f}{inside}"


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(-3)


def pixel_belief(
    samples: np.ndarray, truth: np.ndarray | None, row: int, column: int, share: float = 0.9
) -> PixelBelief:
    """What the samples say about the pixel; needs two samples at least."""
    values = _grey(samples)[:, row, column]
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    known = None if truth is None else float(_grey(truth)[row, column])
    return PixelBelief(row, column, values, float(low), float(high), float(values.mean()), known, share)


def interval_width(samples: np.ndarray, share: float = 0.9) -> np.ndarray:
    """Width of the central ``share`` interval of each pixel."""
    low, high = np.quantile(_grey(samples), [(1 - share) / 2, (1 + share) / 2], axis=0)
    return (high - low).astype(np.float32)


def probability_above(samples: np.ndarray, threshold: float) -> np.ndarray:
    """Share of samples in which each pixel is brighter than the threshold."""
    return (_grey(samples) > threshold).mean(0).astype(np.float32)


def brighter(samples: np.ndarray, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Probability that the pixel ``one`` (row, column) is brighter than ``other``: (k + 1) / (n + 2) for k of n samples."""
    grey = _grey(samples)
    return float((grey[:, one[0], one[1]] > grey[:, other[0], other[1]]).sum() + 1) / (len(grey) + 2)


@dataclass(frozen=True)
class Calibration:
    """Coverage at the nominal levels, the histogram of the truth's ranks (probability integral transform; sums to 1), and the
    errors that were predicted (std) and made, over the pixels that spread at all."""

    nominal: tuple[float, ...]
    covered: tuple[float, ...]
    pit: tuple[float, ...]
    predicted: float
    actual: float
    sentence: str

    @property
    def ratio(self) -> float:
        """Actual over predicted error; above one where the samples are too sure."""
        return self.actual / max(self.predicted, 1e-12)


def calibration_of(samples: np.ndarray, mean: np.ndarray, truth: np.ndarray | None) -> Calibration | None:
    """None without a truth, with fewer than eight samples, or where no pixel spreads."""
    if truth is None or len(samples) < FEWEST_SAMPLES:
        return None
    std = samples.std(0, ddof=1)
    uncertain = is_uncertain(std)
    if not uncertain.any():
        return None
    covered = tuple(float(coverage(samples, truth, share)[uncertain].mean()) for share in NOMINAL)
    predicted = float(np.sqrt(np.square(std[uncertain]).mean()))
    actual = float(np.sqrt(np.square((mean - truth)[uncertain]).mean()))
    sentence = _sentence(covered[-1], actual / max(predicted, 1e-12))
    return Calibration(NOMINAL, covered, _pit(samples, truth, uncertain), predicted, actual, sentence)


def _pit(samples: np.ndarray, truth: np.ndarray, where: np.ndarray) -> tuple[float, ...]:
    """A rank r among n samples is spread evenly over [r, r + 1] / (n + 1)."""
    count = len(samples)
    ranks = np.bincount((samples < truth).sum(0)[where], minlength=count + 1) / max(int(where.sum()), 1)
    edges = np.linspace(0, 1, PIT_BINS + 1)
    cumulated = np.concatenate([[0.0], np.cumsum(ranks)])
    at = np.interp(edges, np.linspace(0, 1, count + 2), cumulated)
    return tuple(float(v) for v in np.diff(at))


def _sentence(covered: float, ratio: float) -> str:
    says = f"The 90 % intervals hold the truth in {covered:.0%} of the uncertain pixels"
    if ratio > APART:
        return f"{says}: the samples are too sure, the error is {ratio:.1f} times what they say."
    if ratio < 1 / APART:
        return f"{says}: the samples are too cautious, the error is {ratio:.1f} times what they say."
    return f"{says}, and the error is {ratio:.2f} times what they say: well calibrated."
