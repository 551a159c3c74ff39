"""What is said of a result: one line in large type, and doubts about it. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.algorithms.base import ESTIMATE, SAMPLES

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["doubts_about", "result_line"]

APART = 1.5
"""Ratio of actual and predicted error from which it is said."""


def result_line(result: Reconstruction) -> str:
    """How good, how sure, how long; a failed result begins with that."""
    metrics = result.metrics()
    ended = "Failed" if result.failed else "Finished early" if result.status != "done" else "Done"
    one = result.rows_are == ESTIMATE
    count = (
        "one estimate" if one else _counted(len(result.samples), "sample" if result.rows_are == SAMPLES else "restart")
    )
    words = [f"{ended}: {count} in {result.seconds:.1f} s"]
    for key, form in (
        ("psnr_mean", "PSNR {:.1f} dB"), ("coverage_90", "{:.0%} of truth inside the 90 % interval"),
    ):  # fmt: skip
        value = metrics.get(key)
        if value is not None:
            words.append(form.format(value))
    if metrics.get("psnr_mean") is None and result.score is not None:
        words.append(result.score.words)
    elif metrics.get("psnr_mean") is None and metrics.get("consistency") is not None:
        words.append(f"{metrics['consistency']:.1%} of the cells kept by the estimate")
    words.append(_counted(result.network_calls, "network call"))
    return "  \N{MIDDLE DOT}  ".join(words)


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
    return [*doubts, *(note for note in result.notes[-1:] if note.rstrip(".") not in known)]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
