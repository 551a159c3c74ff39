"""Time and memory a run will take, told before it starts."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from engine.spec import RunSpec

__all__ = ["Estimate", "Speed", "estimate", "measure_speed"]


@dataclass(frozen=True)
class Speed:
    """Measured network speed: seconds of one call, and of each row in it."""

    per_call: float
    per_row: float


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

    prior = spec.prior.load(device)
    times = []
    for rows in (1, 8):
        x = torch.rand((rows, *spec.prior.image_shape), device=device)
        best = math.inf
        for _ in range(3):
            mark = time.perf_counter()
            with torch.no_grad():
                prior.denoise(x, 0.3).sum().item()
            best = min(best, time.perf_counter() - mark)
        times.append(best)
    per_row = max((times[1] - times[0]) / 7, 1e-7)
    return Speed(max(times[0] - per_row, 0.0), per_row)


def estimate(spec: RunSpec, speed: Speed | None = None) -> Estimate:
    """Memory: the operator, the measurement and the network's activations (about 600 float32 per pixel and row)."""
    shape = spec.prior.image_shape
    pixels, rows = math.prod(shape), spec.operator.rows_for(shape)
    memory = spec.operator.memory_for(shape) + spec.samples * (600 * 4 * pixels + 200 * rows)
    work = spec.algorithm.work_for(spec.samples)
    seconds = None
    if speed is not None:
        seconds = spec.algorithm.steps_for(spec.samples) * speed.per_call + work * speed.per_row
    return Estimate(memory, seconds, work)
