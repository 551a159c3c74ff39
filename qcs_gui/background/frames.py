"""What the window is shown of a run: frames, and the few of them kept for the timeline. No Qt, no torch at import."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.algorithms.base import ESTIMATE
from engine.runs.keyframes import Spread
from qcs_gui.background.worker import sentence_for

if TYPE_CHECKING:
    from engine.algorithms import Iterate
    from engine.priors.choice import PriorChoice
    from engine.runs.job import Job
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec
    from engine.sensing.measurement import Measurement
    from qcs_gui.background.mailbox import Mailbox

__all__ = [
    "Frame",
    "Keyframes",
    "MeasurementPictures",
    "RunRequest",
    "amount_in_words",
    "execute",
    "execute_and_keep",
    "measurement_pictures",
    "replayed",
    "warm_up",
]

TIMELINE_BYTES = 64 << 20


@dataclass(frozen=True)
class RunRequest:
    """A run as the window asks for it; ``earlier`` is the finished run to which samples are added."""

    run: int
    spec: RunSpec
    pixels: np.ndarray | None
    threads: int
    earlier: Reconstruction | None = None
    pace: float = 0.0
    """Seconds that the run is stretched to, where it is faster."""
    adviser: PriorChoice | None = None
    """The prior that settles what the spec leaves open of what is measured; None for the spec's own."""


@dataclass(frozen=True)
class MeasurementPictures:
    """The measurement as pictures: codes on a near-square grid (None if there are none), back-projected, and what the
    operator measures."""

    codes: np.ndarray | None
    cells: int
    back_projection: np.ndarray
    sensing: np.ndarray
    truth: np.ndarray | None
    words: str = ""
    """How much was measured, in bits and bytes."""


@dataclass(frozen=True)
class Frame:
    """Copies of one iterate: ``iterate`` and ``denoised`` (rows, c, h, w), ``mean`` and ``std`` (c, h, w)."""

    run: int
    step: int
    steps: int
    phase: str
    iterate: np.ndarray
    denoised: np.ndarray
    mean: np.ndarray
    std: np.ndarray | None
    final: bool
    elapsed: float
    note: str = ""
    statistics: dict[str, float] = field(default_factory=dict)
    history: dict[str, list] = field(default_factory=dict)
    seen: MeasurementPictures | None = None
    message: np.ndarray | None = None
    """What expectation propagation says about z, on the grid of the codes, stretched to -1 .. 1."""
    precision: str = "float32"
    """What the network of a live picture was called in."""
    rows_are: str = ""
    """What the rows are (:data:`engine.algorithms.base.SAMPLES` and its like)."""
    std_is: str = ""
    """What is known of the method's std beside the exact one; empty where nothing is amiss."""
    ended: str = ""
    """``done`` or ``early`` once the run has ended and its result is in the frame."""
    losses: tuple[float, ...] = ()
    """Of restarts, what each has come to so far; the least is the best."""

    @property
    def best(self) -> int | None:
        """The row of the best restart; None where rows are not ranked."""
        return self.losses.index(min(self.losses)) if self.losses else None

    @property
    def nbytes(self) -> int:
        arrays = (self.iterate, self.denoised, self.mean, self.std)
        return sum(a.nbytes for a in arrays if a is not None)

    @property
    def seconds_left(self) -> float:
        return self.elapsed * (self.steps - self.step) / max(1, self.step)


@dataclass(frozen=True)
class Kept:
    """A run that has ended, and where it was kept: nowhere if that is not wished or, with a ``sentence``, failed."""

    result: Reconstruction
    path: str = ""
    sentence: str = ""


class Keyframes:
    """Frames spread over the run as the engine's kept ones are, within a byte budget: all, and a quarter fewer each
    time it is full."""

    def __init__(self, budget: int = TIMELINE_BYTES) -> None:
        self.budget = budget
        self.frames: list[Frame] = []
        self._spread: Spread | None = None
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        if self._spread is None or self._spread.takes(frame.step, frame.steps, frame.final):
            self.frames.append(frame)
            self._bytes += frame.nbytes
            self._thin()

    def replace_last(self, frame: Frame) -> None:
        """Puts a frame in the place of the last one."""
        if self.frames:
            self._bytes += frame.nbytes - self.frames[-1].nbytes
            self.frames[-1] = frame
        else:
            self.add(frame)

    def _thin(self) -> None:
        newest, count = self.frames[-1], len(self.frames)
        while self._bytes > self.budget and count > 2:
            count = max(2, 3 * count // 4)
            spread = self._spread = Spread(count)
            self.frames = [f for f in self.frames if spread.takes(f.step, f.steps, f is newest)]
            self._bytes = sum(f.nbytes for f in self.frames)


def warm_up(spec: RunSpec, threads: int) -> tuple[str, Any]:
    """Imports torch, loads the prior and measures its speed: (device, Speed). Runs in the engine thread."""
    import torch

    from engine.device import choose_device
    from engine.runs.estimates import measure_speed

    if threads:
        torch.set_num_threads(threads)
    device = choose_device(spec.device)
    return device, measure_speed(spec, device)


def execute_and_keep(request: RunRequest, control: Any, mailbox: Mailbox[Frame], keep: bool) -> Kept:
    """The run, written into the library if that is wished: in the thread that ran it, so that a run that is shown as finished
    is kept, whatever happens next."""
    from engine.runs.library import Library

    result = execute(request, control, mailbox)
    result.metrics()  # worked out here, not where the window would wait for it
    if not keep:
        return Kept(result)
    try:
        return Kept(result, str(Library().add(result).path))
    except Exception as error:  # the run is there all the same
        return Kept(result, "", sentence_for(error))


def execute(request: RunRequest, control: Any, mailbox: Mailbox[Frame]) -> Reconstruction:
    """Does the run in the calling thread and puts a frame into the mailbox whenever one is due, and for the last step."""
    import torch

    from engine.runs.job import prepare

    if request.threads:
        torch.set_num_threads(request.threads)
    job = prepare(request.spec, request.pixels, request.adviser)
    seen = measurement_pictures(job.measurement)
    start = time.monotonic()
    for iterate in job.stream(control):
        if iterate.is_last or iterate.step == 1 or request.pace or mailbox.due():
            mailbox.put(_frame(request.run, iterate, job, job.seconds, seen))
        if request.pace and not iterate.is_last:
            # what is waited for an audience is the consumer's time, which the run does not count
            control.linger(start + request.pace * iterate.step / iterate.steps - time.monotonic())
    return job.reconstructions()[0] if request.earlier is None else job.added_to(request.earlier)


def _array(tensor: Any) -> np.ndarray:
    return tensor.detach().float().cpu().numpy().copy()


def _frame(run: int, iterate: Iterate, job: Job, elapsed: float, seen: MeasurementPictures) -> Frame:
    shown = _array(iterate.x)
    denoised = (
        shown
        if iterate.denoised is iterate.x
        else _array(iterate.denoised if iterate.denoised is not None else iterate.x)
    )
    estimates = shown if iterate.is_last else denoised
    losses = () if iterate.loss is None else tuple(iterate.loss.tolist())
    if iterate.mean is not None:
        mean = _array(iterate.mean[0])
    else:
        mean = estimates[losses.index(min(losses))] if losses else estimates.mean(0)
    rows_are = job.spec.algorithm.rows_are
    std = estimates.std(0, ddof=1) if len(estimates) > 1 and not iterate.per_image and rows_are != ESTIMATE else None
    history = {k: list(v) for k, v in job.history.items()}
    return Frame(
        run, iterate.step, iterate.steps, iterate.phase, shown, denoised, mean, std, iterate.is_last, elapsed,
        note=iterate.note, statistics=dict(iterate.statistics), history=history, seen=seen, message=_message(iterate),
        precision=str(job.facts.get("precision", "float32")), rows_are=rows_are,
        std_is=_std_is(job.spec), losses=losses,
    )  # fmt: skip


def _grid(flat: np.ndarray) -> np.ndarray:
    """A list of numbers on a grid at most twice as wide as high, (1, rows, columns): one that it fills where there is one, since
    what fills up, not-a-number, is easily counted as measured."""
    count = len(flat)
    square = int(np.ceil(np.sqrt(count)))
    full = (columns for columns in range(square, int(np.sqrt(2 * count)) + 1) if count % columns == 0)
    columns = next(full, square)
    padded = np.full(-(-count // columns) * columns, np.nan, np.float32)
    padded[:count] = flat
    return padded.reshape(-1, columns)[None]


def _std_is(spec: RunSpec) -> str:
    known = spec.algorithm.known_error
    return "" if known is None else known.of_std


def _message(iterate: Iterate) -> np.ndarray | None:
    """The first row's message about z, stretched to -1 .. 1."""
    mean = iterate.messages.get("z_mean")
    if mean is None:
        return None
    flat = _array(mean[0])
    return _grid(flat / max(float(np.percentile(np.abs(flat), 98)), 1e-12))


def replayed(result: Reconstruction) -> list[Frame]:
    """The frames of a kept run, of which the last is its result; what was measured is shown where the document tells."""
    from engine.errors import InputError
    from engine.sensing.entries import assemble

    rows_are, history, seen = result.rows_are, result.history, None
    try:
        seen = replace(measurement_pictures(assemble(result.measured)), truth=result.truth)
    except (InputError, MemoryError):
        back = np.zeros_like(result.mean)
        seen = MeasurementPictures(None, 0, back, back, result.truth)
    steps = max([f.step for f in result.keyframes], default=1)
    frames = []
    for kept in result.keyframes:
        iterate = kept.iterate.astype(np.float32)
        denoised = iterate if kept.denoised is None else kept.denoised.astype(np.float32)
        frames.append(
            Frame(0, kept.step, steps, kept.phase, iterate, denoised, kept.mean.astype(np.float32), None, False, 0.0,
                  history=history, seen=seen, rows_are=rows_are,
                  std_is=_std_is(result.spec))
        )  # fmt: skip
    rows = result.samples if len(result.samples) else result.mean[None]
    last = Frame(
        0, steps, steps, "kept result", rows, rows, result.mean, result.std, True, result.seconds, history=history, seen=seen,
        rows_are=rows_are,
        std_is=_std_is(result.spec), ended="done" if result.status == "done" else "early",
    )  # fmt: skip
    return [*frames[:-1], last]


def measurement_pictures(measurement: Measurement) -> MeasurementPictures:
    """Pictures of the measurement; the back-projection is scaled to the range 0 to 1."""
    import torch

    codes: torch.Tensor | None
    if measurement.values is not None:
        centred, codes, cells = measurement.values.float(), None, 0
    elif measurement.lower is None or measurement.upper is None:
        values = measurement.decoded().values
        assert values is not None
        centred, cells = values, 0 if measurement.quantizer is None else measurement.quantizer.cells
        codes = measurement.codes.clamp_max(cells - 1) if cells and measurement.codes is not None else None
    else:
        finite = torch.where(measurement.lower.isfinite(), measurement.lower, measurement.upper - 1)
        above = torch.where(measurement.upper.isfinite(), measurement.upper, measurement.lower + 1)
        centred = ((finite + above) / 2).nan_to_num(0.0, 0.0, 0.0).float()
        codes, cells = measurement.codes, 0 if measurement.quantizer is None else measurement.quantizer.cells
    back = measurement.operator.adjoint(centred)[0].numpy()
    low, high = np.percentile(back, [1, 99])
    back = np.clip((back - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)
    grid = None
    values = codes if codes is not None else measurement.values
    if values is not None:
        flat = values[0].numpy().astype(np.float32)
        if codes is None:
            cells = 0
            flat = (flat - flat.min()) / max(float(np.ptp(flat)), 1e-12)
        laid_out = measurement.operator.laid_out(torch.from_numpy(flat / max(cells - 1, 1)))
        grid = _grid(flat / max(cells - 1, 1)) if laid_out is None else laid_out.numpy()
    truth = None if measurement.truth is None else measurement.truth[0].numpy()
    return MeasurementPictures(
        grid, cells, back, measurement.operator.picture().numpy(), truth, _amount(measurement, cells)
    )


def _amount(measurement: Measurement, cells: int) -> str:
    return amount_in_words(measurement.operator.rows, int(np.ceil(np.log2(cells))) if cells else None)


def amount_in_words(rows: int, bits_each: int | None) -> str:
    """How much so many measurements are, in bits and bytes, or in values where they have no number of bits."""
    if not bits_each and bits_each != 0:
        return f"{rows:,} real value{'s' if rows != 1 else ''}"
    bits = rows * max(1, bits_each)
    size = -(-bits // 8)
    written = f"{size:,} byte{'s' if size != 1 else ''}" if size < 10000 else f"{size / 1000:,.1f} kB"
    return f"{bits:,} bit{'s' if bits != 1 else ''} = {written}"
