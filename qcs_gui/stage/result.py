"""What is said of a result and of the picture that is shown of it, in words; doubts about it. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.algorithms.base import ESTIMATE, RESTARTS, SAMPLES
from engine.runs.inferred import SAID
from engine.runs.metrics import psnr

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["BETWEEN", "details_line", "disagree", "doubts_about", "number_of", "result_line"]

BETWEEN = "  \N{MIDDLE DOT}  "

APART = 1.5
"""Ratio of actual and predicted error from which it is said."""
SHOWN = 2
"""Notes beside the picture, the last ones: what the method says of this picture, and what is known of its std. The others are in
the report and the files."""


def result_line(result: Reconstruction) -> str:
    """What came of it; a failed result begins with that. The number of the picture that is shown follows it."""
    ended = "Failed" if result.failed else "Finished early" if result.status != "done" else "Done"
    one = result.rows_are == ESTIMATE
    count = (
        "one estimate" if one else _counted(len(result.samples), "sample" if result.rows_are == SAMPLES else "restart")
    )
    return f"{ended}: {count} in {result.seconds:.1f} s"


def details_line(result: Reconstruction) -> str:
    """How sure, how consistent, at what cost."""
    metrics, words = result.metrics(), []
    coverage = metrics.get("coverage_90")
    if coverage is not None:
        words.append(f"{coverage:.0%} of truth inside the 90 % interval")
    if metrics.get("psnr_mean") is None and result.score is not None:
        words.append(result.score.words)
    elif metrics.get("psnr_mean") is None and metrics.get("consistency") is not None:
        words.append(f"{metrics['consistency']:.1%} of the cells kept by the estimate")
    words.append(_counted(result.network_calls, "network call"))
    return BETWEEN.join(words)


def number_of(
    key: str, pixels: np.ndarray | None, truth: np.ndarray | None, row: int = 0, rows: int = 1, rows_are: str = SAMPLES
) -> str:
    """The one number that belongs to the picture of a view (c, h, w): its PSNR, error or spread; empty where it has none."""
    if pixels is None:
        return ""
    if key == "std":
        return f"spread {_rms(pixels):.3f}"
    if key == "error":
        return f"error {_rms(pixels):.3f}"
    if key not in ("iterate", "denoised", "mean") or truth is None or truth.shape != pixels.shape:
        return ""
    of = ""
    if key == "mean" and rows > 1:
        of = " of the best:" if rows_are == RESTARTS else " of the mean:"
    elif rows > 1:
        of = f" of {'restart' if rows_are == RESTARTS else 'sample'} {row + 1}:"
    return f"PSNR{of} {psnr(pixels, truth):.1f} dB"


def _rms(pixels: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(pixels, dtype=np.float64))))


AGREE = 0.8
"""Correlation of two samples, on average, below which they are pictures of different things."""


def disagree(samples: np.ndarray) -> bool:
    """Whether samples (n, c, h, w) are so different that their mean is a picture of none of them."""
    if len(samples) < 4:
        return False
    flat = samples.reshape(len(samples), -1).astype(np.float64)
    flat = flat - flat.mean(1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1)
    if norms.min() <= 0:
        return False
    flat /= norms[:, None]
    count = len(samples)
    return bool((np.square(flat.sum(0)).sum() - count) / (count * (count - 1)) < AGREE)


def doubts_about(result: Reconstruction) -> list[str]:
    """Why it may be wrong, in sentences: it failed, its error is not what it says, or what its notes say."""
    doubts = [f"{result.failed.rstrip('.')}."] if result.failed else []
    metrics = result.metrics()
    predicted, actual = metrics.get("predicted_rmse") or metrics.get("std_rms"), metrics.get("rmse_mean")
    if metrics.get("predicted_rmse") is None:
        actual = metrics.get("error_rms")
    if predicted and actual and not 1 / APART <= actual / predicted <= APART:
        doubts.append(f"The error is {actual:.3f}, but the method predicts {predicted:.3f}.")
    known = " ".join(doubts)
    # what was inferred is shown as a table, and what was done to the picture's file, which is no sentence, beside its name
    notes = [note for note in result.notes if note.endswith(".") and not note.startswith(SAID)]
    return [*doubts, *(note for note in notes[-SHOWN:] if note.rstrip(".") not in known)]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
