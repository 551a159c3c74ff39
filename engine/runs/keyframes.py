"""The frames of a run that are kept, so that it can be replayed: few, well spread, within a budget of bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.algorithms import Iterate

__all__ = ["BUDGET", "Keyframe", "KeyframeRecorder", "Spread", "pack", "unpack"]

BUDGET = 8 << 20
MOST, FEWEST, ROWS = 64, 8, 8
_LARGEST = 65504.0
"""The largest number of half precision: iterates at the first noise levels go beyond what pictures need."""


@dataclass(frozen=True)
class Keyframe:
    """One step of one image, in half precision: the first ``iterate`` and ``denoised`` rows (rows, c, h, w) and the
    ``mean`` (c, h, w) so far; ``denoised`` is None where the method has none."""

    step: int
    phase: str
    iterate: np.ndarray
    denoised: np.ndarray | None
    mean: np.ndarray


class Spread:
    """Chooses, of steps that come one after another, at most ``count``, half of them spaced by ratio and half evenly: much
    happens in the first steps. The first and the last are among them, and all where there are no more than ``count``."""

    def __init__(self, count: int) -> None:
        self.count = max(2, count)
        self._cell = -1

    def takes(self, step: int, steps: int, last: bool = False) -> bool:
        """Whether this step of ``steps`` is chosen; ``last`` where the run ends early with it."""
        if steps <= self.count:
            return True
        share = (step / steps + math.log(max(1, step)) / math.log(steps)) / 2
        cell = math.floor(share * (self.count - 1) + 1e-9)
        if cell <= self._cell and not last:
            return False
        self._cell = cell
        return True


class KeyframeRecorder:
    """Takes the iterates of a run with one image and keeps those that :class:`Spread` chooses."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.frames: list[Keyframe] = []
        self._rows, self._spread = ROWS, Spread(MOST)

    def add(self, iterate: Iterate, rows: int) -> None:
        """Takes one iterate; ``rows`` is how many the run will have in the end."""
        if not self.frames:
            self._plan(iterate, rows)
        if self._spread.takes(iterate.step, iterate.steps, iterate.is_last):
            shown = _half(iterate.x[: self._rows])
            same = iterate.denoised is None or iterate.denoised is iterate.x
            estimate = iterate.x if iterate.denoised is None else iterate.denoised
            mean = iterate.mean[0] if iterate.mean is not None else estimate.mean(0)
            denoised = None if same else _half(iterate.denoised[: self._rows])  # type: ignore[index]
            self.frames.append(Keyframe(iterate.step, iterate.phase, shown, denoised, _half(mean)))

    def _plan(self, iterate: Iterate, rows: int) -> None:
        image = 2 * int(np.prod(iterate.x.shape[1:]))
        self._rows = max(1, min(ROWS, rows, (self.budget // (FEWEST * image) - 1) // 2))
        self._spread = Spread(min(MOST, self.budget // (image * (2 * self._rows + 1))))


def _half(tensor: Any) -> np.ndarray:
    return tensor.detach().float().clamp(-_LARGEST, _LARGEST).cpu().numpy().astype(np.float16)


def pack(frames: tuple[Keyframe, ...]) -> dict[str, np.ndarray]:
    """Arrays by name, as they lie in a document."""
    arrays: dict[str, np.ndarray] = {}
    for number, frame in enumerate(frames):
        arrays[f"{number:04d}.step"] = np.array(frame.step)
        arrays[f"{number:04d}.phase"] = np.array(frame.phase)
        arrays[f"{number:04d}.iterate"], arrays[f"{number:04d}.mean"] = frame.iterate, frame.mean
        if frame.denoised is not None:
            arrays[f"{number:04d}.denoised"] = frame.denoised
    return arrays


def unpack(arrays: dict[str, np.ndarray], shape: tuple[int, ...]) -> tuple[Keyframe, ...]:
    """:func:`pack`, back, for pictures of a shape (c, h, w); ValueError where something is missing or of another shape."""
    frames = []
    for n in sorted({name.split(".")[0] for name in arrays}):
        step, phase, iterate, mean = (arrays.get(f"{n}.{part}") for part in ("step", "phase", "iterate", "mean"))
        denoised = arrays.get(f"{n}.denoised")
        if step is None or phase is None or iterate is None or mean is None or step.shape or phase.shape:
            raise ValueError("a frame is not whole")
        rows = [rows for rows in (iterate, denoised) if rows is not None]
        if any(a.shape[1:] != shape or not len(a) for a in rows) or mean.shape != shape or step.dtype.kind not in "iu":
            raise ValueError("a frame is of another shape")
        if any(a.dtype.kind != "f" for a in (*rows, mean)):
            raise ValueError("a frame holds no numbers")
        frames.append(Keyframe(int(step), str(phase), iterate, denoised, mean))
    return tuple(frames)
