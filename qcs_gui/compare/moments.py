"""What a comparison shows of a run at a moment of the common clock: the picture and what is said below it. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.algorithms.base import SAMPLES
from qcs_gui.stage.view_store import VIEWS, displayed, fitting

if TYPE_CHECKING:
    from engine.runs.keyframes import Keyframe
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec
    from qcs_gui.background.frames import Frame

__all__ = [
    "DOT", "SHOWN", "Shown", "amount", "levels_for", "of_frame", "of_result", "of_truth", "share_at", "shown_pixels", "view_of",
]  # fmt: skip

SHOWN = {"Mean": "mean", "Std": "std", "Error": "error", "First sample": "sample", "Live iterate": "iterate"}
"""What the pictures of a comparison can be, by the word for it."""
END = 1.0
DOT = "  \N{MIDDLE DOT}  "
"""Between two things that are said in one line."""


@dataclass(frozen=True)
class Shown:
    """A picture (c, h, w), None where there is none, and the words below it, the most important first."""

    pixels: np.ndarray | None
    parts: tuple[str, ...]
    failed: str = ""

    @property
    def words(self) -> str:
        return DOT.join(self.parts)


def view_of(what: str) -> str:
    """The view whose colours and range a picture has."""
    return "mean" if what == "sample" else what


def levels_for(what: str, results: list[Reconstruction]) -> tuple[float, float]:
    """One range of values for all pictures, which does not change while they are replayed."""
    view = view_of(what)
    known = [p for r in results if (p := _of_end(r, what)) is not None]
    if not VIEWS[view].fits or not known:
        return VIEWS[view].levels
    return max((fitting(view, p) for p in known), key=lambda r: r[1])


def share_at(clock: float, result: Reconstruction, longest: float, by_seconds: bool) -> float:
    """How much of a run has passed at ``clock``, 0 to 1: the same of all of them, or of the seconds that the longest took."""
    return clock if not by_seconds else min(END, clock * longest / max(result.seconds, 1e-9))


def of_truth(truth: np.ndarray) -> Shown:
    height, width = truth.shape[1:]
    return Shown(truth, (f"{width} x {height}{', colour' if len(truth) == 3 else ''}",))


def of_result(result: Reconstruction, what: str, share: float = END) -> Shown:
    """The run's picture when ``share`` of its steps were done."""
    frames = result.keyframes
    if share >= END or not frames:
        pixels = _of_end(result, what)
        words = [_quality(pixels, result.truth, what), amount(result), _seconds(result.seconds)]
        if what == "std" and pixels is None:
            words[0] = _no_std(result)
        return Shown(pixels, tuple(w for w in words if w), result.failed)
    last = frames[-1].step
    frame = min(frames, key=lambda f: abs(f.step - share * last))
    pixels = _of_keyframe(frame, what, result)
    words = [_quality(pixels, result.truth, what), f"step {frame.step} of {last}"]
    return Shown(pixels, tuple(w for w in words if w))


def of_frame(frame: Frame, what: str) -> Shown:
    """The picture of a run that is going."""
    truth = None if frame.seen is None else frame.seen.truth
    pixels = {
        "mean": frame.mean, "sample": frame.denoised[0], "iterate": frame.iterate[0], "std": frame.std,
        "error": None if truth is None else frame.mean - truth,
    }[what]  # fmt: skip
    words = [_quality(pixels, truth, what), f"step {frame.step} of {frame.steps}"]
    return Shown(pixels, tuple(w for w in words if w))


def amount(result: Reconstruction) -> str:
    """How many bits were measured, where they were simulated."""
    spec: RunSpec = result.spec
    if spec.measurement:
        return ""
    rows, bits = spec.operator.rows_for(result.mean.shape), spec.quantizer.bits_per_measurement
    return f"{rows:,} real values" if bits is None else f"{rows * bits:,} bit{'s' if rows * bits != 1 else ''}"


def shown_pixels(what: str, pixels: np.ndarray) -> np.ndarray:
    """What is painted of a picture: (h, w) or (h, w, 3)."""
    return displayed(view_of(what), pixels)


def _of_end(result: Reconstruction, what: str) -> np.ndarray | None:
    if what == "error":
        return None if result.truth is None else result.mean - result.truth
    if what == "std":
        return result.std
    if what == "mean" or not len(result.samples):
        return result.mean
    return result.samples[0]


def _of_keyframe(frame: Keyframe, what: str, result: Reconstruction) -> np.ndarray | None:
    mean = frame.mean.astype(np.float32)
    if what == "error":
        return None if result.truth is None else mean - result.truth
    if what == "std":
        return result.std  # frames have none
    if what == "mean":
        return mean
    rows = frame.iterate if what == "iterate" or frame.denoised is None else frame.denoised
    return rows[0].astype(np.float32)


def _quality(pixels: np.ndarray | None, truth: np.ndarray | None, what: str) -> str:
    if pixels is None:
        return "no truth" if what == "error" else ""
    if what == "std":
        return f"{float(np.mean(pixels)):.3f} on average"
    if truth is None or truth.shape != pixels.shape:
        return ""
    error = float(np.mean(np.square(pixels if what == "error" else pixels - truth)))
    return f"{-10 * math.log10(error):.1f} dB" if 0 < error < math.inf else ""


def _no_std(result: Reconstruction) -> str:
    return "needs two samples" if result.rows_are == SAMPLES else f"{result.rows_are}: no std"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 99.5 else f"{seconds / 60:.1f} min"
