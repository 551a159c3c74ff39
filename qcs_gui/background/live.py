"""Live mode's work: one quick reconstruction after another, the newest request first. No Qt."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qcs_gui.background.frames import Frame, MeasurementPictures, measurement_pictures

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.runs.spec import RunSpec

__all__ = ["LiveRequest", "LiveSource", "reconstruct_live", "serve_live", "suits_live"]

ROUNDS, PROBES = 3, 1
"""Of `turbo` while it is live: a few tenths of a decibel below its default, at a tenth of the cost."""


@dataclass(frozen=True)
class LiveRequest:
    """What to reconstruct now; ``asked`` is when, by the monotonic clock, for the latency that is reported. A ``fast`` answer is
    in bfloat16, where that is quicker."""

    number: int
    spec: RunSpec
    pixels: np.ndarray
    asked: float
    adviser: PriorChoice | None = None
    fast: bool = False


@dataclass
class LiveSource:
    """A place for one request: the newest replaces what nobody has begun yet. The operator of the last one is kept, since a
    stroke changes the picture and not the matrix."""

    dropped: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)
    _wanted: LiveRequest | None = None
    _made: tuple[LiveRequest, Frame] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, request: LiveRequest) -> None:
        with self._lock:
            self.dropped += self._wanted is not None
            self._wanted = request

    def take(self) -> LiveRequest | None:
        with self._lock:
            wanted, self._wanted = self._wanted, None
            return wanted

    @property
    def wanted(self) -> bool:
        return self._wanted is not None

    def show(self, request: LiveRequest, frame: Frame) -> None:
        """The engine's answer, for :meth:`shown`; the newest wins."""
        with self._lock:
            self._made = (request, frame)

    def shown(self) -> tuple[LiveRequest, Frame] | None:
        """The newest answer since the last call."""
        with self._lock:
            made, self._made = self._made, None
            return made


def suits_live(spec: RunSpec) -> str:
    """Why the set-up cannot be live, in one sentence; empty where it can."""
    from engine.algorithms import ALGORITHMS

    if spec.measurement:
        return "Live mode needs a picture; measurements from a file do not change."
    reason = ALGORITHMS.parse("turbo").refusal(spec.operator, spec.quantizer, spec.prior)
    return f"Live mode runs turbo, which does not fit here: {reason}." if reason else ""


def live_spec(spec: RunSpec) -> RunSpec:
    """The set-up with `turbo`, one sample and few rounds."""
    return spec.replace(algorithm=f"turbo rounds={ROUNDS} probes={PROBES} levels=2", samples=1)


def serve_live(source: LiveSource, threads: int) -> None:
    """Answers requests until there is none. Runs in the engine thread, with all the threads that the machine has: while one
    draws, the window has little to do."""
    import torch

    torch.set_num_threads(threads)
    while (request := source.take()) is not None:
        source.show(request, reconstruct_live(request, source))


def reconstruct_live(request: LiveRequest, source: LiveSource) -> Frame:
    """Measures and reconstructs; the frame's ``mean`` is the posterior mean that the messages give."""
    import torch

    from engine.device import choose_device
    from engine.runs.job import Job
    from engine.sensing.measurement import simulate

    spec, start = live_spec(request.spec), time.monotonic()
    device = choose_device(spec.device)
    if request.fast:
        spec = spec.replace(prior=spec.prior.quick(device))
    shape: tuple[int, int, int] = request.pixels.shape
    key = (str(spec.operator), shape, spec.matrix_seed)
    operator = source.kept.get(key)
    if operator is None:
        source.kept.clear()
        operator = source.kept[key] = spec.operator.settled(shape).build(shape, spec.matrix_seed)
    truth, kept = torch.from_numpy(request.pixels)[None], operator
    spec = spec.settled(shape, request.adviser, built=lambda: kept)
    measurement = simulate(truth, operator, spec.quantizer, spec.noise, spec.matrix_seed, None, spec.measured_offset)
    job = Job(spec, measurement)
    known = None
    for iterate in job.stream():
        known = iterate
        if iterate.step == ROUNDS:
            break  # what would follow are samples: a live picture is the mean
    assert known is not None, "turbo gives an iterate a round"
    estimate = known.denoised if known.denoised is not None else known.x
    rows = estimate.detach().float().cpu().numpy().copy()
    mean = rows[0] if known.mean is None else known.mean[0].float().cpu().numpy().copy()
    seen: MeasurementPictures = measurement_pictures(measurement.to("cpu") if device != "cpu" else measurement)
    return Frame(
        -request.number, known.step, known.step, "live", rows, rows, mean, None, True, time.monotonic() - start,
        statistics=dict(known.statistics), history={k: list(v) for k, v in job.history.items()}, seen=seen,
        rows_are="one estimate", ended="done", precision=job.facts["precision"],
    )  # fmt: skip
