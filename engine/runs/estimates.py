"""Time and memory a run will take, told before it starts."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from engine.algorithms.base import ESTIMATE
from engine.priors.choice import Shape
from engine.runs.spec import RunSpec

PIXELS_AT_ONCE = 1 << 20  # as in engine.priors.networks.pieces, which imports torch

__all__ = ["Estimate", "Speed", "estimate", "measure_speed", "refuse_beyond_memory"]


@dataclass(frozen=True)
class Speed:
    """Measured network speed: seconds of one call, and of each row of ``pixels`` pixels in it."""

    per_call: float
    per_row: float
    pixels: int


@dataclass(frozen=True)
class Estimate:
    """What the run is expected to take. ``seconds`` is None until the speed has been measured."""

    memory_bytes: int
    seconds: float | None
    network_rows: float

    def words(self) -> str:
        """One line for the window."""
        size = f"{max(1, round(self.memory_bytes / 1e6)):,} MB"
        if self.seconds is None:
            return f"about {size}"
        time_ = f"{self.seconds:.1f} s" if self.seconds < 90 else f"{self.seconds / 60:.1f} min"
        return f"about {time_} and {size}"


def measure_speed(spec: RunSpec, device: str) -> Speed:
    """Times the prior's network at one and at eight rows (best of three)."""
    import torch

    shape = spec.prior.image_shape
    prior = spec.prior.load(device)
    times = []
    for rows in (1, 8):
        best = math.inf
        for _ in range(3):
            mark = time.perf_counter()
            with torch.no_grad():
                prior.unit_of_work(rows, device).sum().item()
            best = min(best, time.perf_counter() - mark)
        times.append(best)
    per_row = max((times[1] - times[0]) / 7, 1e-7)
    return Speed(max(times[0] - per_row, 0.0), per_row, math.prod(shape[1:]))


def estimate(spec: RunSpec, speed: Speed | None = None, shape: Shape | None = None) -> Estimate:
    """Memory: the operator, iterates and measurement (about 200 bytes per pixel or row and sample), and the network's
    activations (600 float32 per pixel of what is computed at once). ``shape`` where it is known; else the picture's."""
    shape = shape or spec.image_shape()
    operator = spec.instrument.operator
    area, rows = math.prod(shape[1:]), operator.rows_for(shape)
    at_once = spec.samples * area
    if spec.prior.any_size or at_once > PIXELS_AT_ONCE:
        at_once = min(at_once, max(PIXELS_AT_ONCE, 0 if spec.prior.any_size else area))
    memory = operator.memory_for(shape) + spec.samples * 200 * (math.prod(shape) + rows) + 600 * 4 * at_once
    together, times = spec.samples, 1
    if getattr(spec.prior, "precision", "float32") != "float32" and spec.algorithm.rows_are != ESTIMATE:
        together, times = 1, spec.samples  # one by one
    work = times * spec.algorithm.work_for(together)
    seconds = None
    if speed is not None:
        per_row = speed.per_row * area / speed.pixels
        seconds = times * spec.algorithm.steps_for(together) * speed.per_call + work * per_row
    return Estimate(memory, seconds, work)


def refuse_beyond_memory(spec: RunSpec, shape: Shape | None = None) -> None:
    """Raises InputError, before anything is allocated, where the run does not fit, with what to do about it."""
    from engine.sensing.operators.base import refuse_if_too_large

    shape = shape or spec.image_shape()
    needed = estimate(spec, shape=shape).memory_bytes
    remedy = "lower the samples, the measurements or the image size"
    if spec.instrument.operator.memory_for(shape) > needed // 2:
        remedy = "take a fast operator instead, which holds no matrix (dct, hadamard or dft), or fewer measurements"
    refuse_if_too_large(needed, "This run", remedy)
