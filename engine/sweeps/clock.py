"""How long a sweep takes: estimated before it starts, and from what was measured while it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.device import choose_device
from engine.errors import InputError
from engine.runs.estimates import Speed, estimate, measure_speed
from engine.sweeps.plan import Batch, Plan

__all__ = ["Clock", "words"]

FIXED_SECONDS = 0.05
"""What a batch costs beside its network calls, before any was timed."""
MOST_OFF = 5.0
"""A method whose own work outweighs its network's says little about the others."""


@dataclass
class Clock:
    """Expected seconds of batches: of a recipe that was timed, its own mean; of others, the estimate from the network's speed,
    times how far the estimates were off so far."""

    plan: Plan
    estimated: dict[int, float] = field(default_factory=dict)
    """Seconds a batch by the number of its point's object; filled by :meth:`estimate`."""
    at_once: int = 1
    speeds: dict[str, Speed] = field(default_factory=dict)
    """Measured speeds by the written form of the prior and the device; one that is known is not measured again."""

    def __post_init__(self) -> None:
        self._timed: dict[int, list[float]] = {}
        self._begun: dict[int, float] = {}

    def begin(self, at_once: int) -> None:
        """So many batches are computed at the same time from now on."""
        self.at_once = at_once

    def estimate(self) -> float | None:
        """Seconds that all batches take one after another, from a timing of each prior's network (a second or so each); None
        where nothing is to be computed."""
        for batch in self.plan.batches:
            spec = batch.spec
            name = f"{spec.prior} {spec.device}"
            try:
                if name not in self.speeds:
                    self.speeds[name] = measure_speed(spec, choose_device(spec.device))
                self.estimated[id(batch)] = _estimate(batch, self.speeds[name])
            except InputError:
                continue  # its cells will say why
        return sum(self.estimated.values()) if self.estimated else None

    def started(self, batch: Batch) -> None:
        self._begun[id(batch)] = time.monotonic()

    def finished(self, batch: Batch, seconds: float) -> None:
        """It took so long where it was computed."""
        self._begun.pop(id(batch), None)
        self._timed.setdefault(id(batch.point), []).append(seconds / len(batch.cells))

    def left(self, waiting: Iterable[Batch], running: Iterable[Batch]) -> float | None:
        """Seconds until all of them are done; None before anything is known."""
        now, total = time.monotonic(), 0.0
        for batch in waiting:
            seconds = self._expected(batch)
            if seconds is None:
                return None
            total += seconds
        for batch in running:
            seconds = self._expected(batch)
            if seconds is None:
                return None
            total += max(seconds - (now - self._begun.get(id(batch), now)), 0.0)
        return total / self.at_once

    def _expected(self, batch: Batch) -> float | None:
        timed = self._timed.get(id(batch.point))
        if timed:
            return len(batch.cells) * sum(timed) / len(timed)
        known = self.estimated.get(id(batch))
        if known is None:
            every = [seconds for one in self._timed.values() for seconds in one]
            return len(batch.cells) * sum(every) / len(every) if every else None
        return known * self._off()

    def _off(self) -> float:
        """By what factor batches took longer than estimated."""
        took = thought = 0.0
        for batch in self.plan.batches:
            timed, known = self._timed.get(id(batch.point)), self.estimated.get(id(batch))
            if timed and known:
                took, thought = took + len(batch.cells) * sum(timed) / len(timed), thought + known
        return min(max(took / thought, 1 / MOST_OFF), MOST_OFF) if thought else 1.0


def _estimate(batch: Batch, speed: Speed) -> float:
    """Seconds of a batch: the calls once, and their rows for each picture."""
    one = estimate(batch.spec, speed, batch.shape)
    assert one.seconds is not None
    per_row = speed.per_row * math.prod(batch.shape[1:]) / speed.pixels
    return FIXED_SECONDS + one.seconds + (len(batch.cells) - 1) * one.network_rows * per_row


def words(seconds: float | None) -> str:
    """A time in words: a few seconds, 40 s, 12 min, 3.5 h, 2.1 days."""
    if seconds is None:
        return "an unknown time"
    if seconds < 3:
        return "a few seconds"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def outlook(plan: Plan, seconds: float | None, at_once: int) -> str:
    """What will be computed, in a sentence for the user: cells, combinations, images, time, and what does not go together."""
    told = (
        f"{len(plan.cells):,} cells ({plan.sweep.count:,} combinations of {len(plan.images):,} images), "
        f"about {words(None if seconds is None else seconds / at_once)} with {at_once} at a time"
    )
    refused = list(dict.fromkeys(sentence for _, sentence in plan.refused))
    if refused:
        return f"{told}; {len(plan.refused):,} of them cannot be computed: {refused[0]}"
    return f"{told}."
