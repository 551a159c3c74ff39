"""Running a sweep: what is done already is left alone, each cell is kept as soon as it is done, and any may fail by itself."""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import Cancelled, Control
from engine.errors import EngineError, InputError
from engine.sweeps.clock import Clock
from engine.sweeps.plan import Batch, Plan
from engine.sweeps.records import Record, Store
from engine.sweeps.work import Outcome, Task
from engine.sweeps.workers import InProcess, Workers

if TYPE_CHECKING:
    from engine.sweeps.definition import Sweep

__all__ = ["Progress", "Result", "run_sweep"]

WAIT = 0.1
"""Seconds between two looks at what the user wants."""


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: cells ``done`` of ``total`` (errors included), how many had been ``found`` done, and the seconds that
    are left, None before anything can be said."""

    done: int
    total: int
    found: int
    errors: int
    left: float | None
    paused: bool = False
    latest: tuple[Record, ...] = ()
    """Records that no earlier progress told of."""
    begun: float = 0.0
    """What is done of the cells that this process computes now, in cells."""

    @property
    def share(self) -> float:
        """The share of all cells that is done, from 0 to 1."""
        return min((self.done + self.begun) / max(self.total, 1), 1.0)


@dataclass
class Result:
    """The records there are, in the order of the plan; ``cancelled`` where the sweep was stopped before its end."""

    plan: Plan
    store: Store
    records: dict[str, Record] = field(default_factory=dict)
    found: int = 0
    cancelled: bool = False
    seconds: float = 0.0

    @property
    def rows(self) -> list[Record]:
        return [self.records[cell.identity] for cell in self.plan.cells if cell.identity in self.records]

    @property
    def errors(self) -> list[Record]:
        return [record for record in self.rows if record.error]


def run_sweep(
    sweep: Sweep, folder: Path | str, workers: Workers | None = None, control: Control | None = None,
    progress: Callable[[Progress], None] | None = None, retry: bool = False, plan: Plan | None = None,
    clock: Clock | None = None,
) -> Result:  # fmt: skip
    """Computes every cell that is not done in ``folder`` yet, with ``workers`` (this process by default).

    ``retry`` computes cells again that ended in an error; those whose process was lost always are. Cancelling keeps what is
    done; what was being computed is dropped, and computed when the sweep is run again. A KeyboardInterrupt does the same."""
    plan, store = plan or Plan(sweep), Store(folder)
    store.prepare(sweep)
    run = _Run(plan, store, control or Control(), workers, progress, clock or Clock(plan))
    run.take_over(retry)
    return run.to_end()


class _Run:
    """One session of a sweep."""

    def __init__(
        self, plan: Plan, store: Store, control: Control, workers: Workers | None,
        progress: Callable[[Progress], None] | None, clock: Clock,
    ) -> None:  # fmt: skip
        self.plan, self.store, self.control, self.clock = plan, store, control, clock
        self.workers: Workers = workers or InProcess()
        if isinstance(self.workers, InProcess):
            self.workers.hear = self._hear
        self.here: Batch | None = None
        """What this process computes itself."""
        self.here_done = 0.0
        self.tell = progress or (lambda progress: None)
        self.result = Result(plan, store)
        self.waiting: deque[Batch] = deque()
        self.suspects: deque[Batch] = deque()
        """Batches that were being computed when a process was lost: computed one at a time, so that the one at fault is found."""
        self.suspected: set[int] = set()
        self.running: dict[Future[tuple[list[Outcome], float]], Batch] = {}
        self.told = 0.0

    def take_over(self, retry: bool) -> None:
        """What is done already, and what is refused before it starts."""
        for cell, refusal in self.plan.refused:
            labels = dict(cell.point.labels)
            record = Record(cell.identity, labels, cell.name, cell.index, error=refusal, bad_input=True)
            self.result.records[cell.identity] = record
        for identity, record in self.store.done(self.plan.by_identity).items():
            if record.lost or (retry and record.error):
                continue
            cell = self.plan.by_identity[identity]  # which may be called otherwise by now
            self.result.records[identity] = replace(record, labels=dict(cell.point.labels), image=cell.name)
        self.result.found = len(self.result.records) - len(self.plan.refused)
        for batch in self.plan.batches:
            if any(cell.identity not in self.result.records for cell in batch.cells):
                self.waiting.append(batch)

    def to_end(self) -> Result:
        start = time.monotonic()
        self._report(tuple(self.result.rows), force=True)
        try:
            while self.waiting or self.suspects:
                with self.workers.executor() as executor:
                    self.clock.begin(self.workers.at_once)
                    if self._until_lost(executor):
                        break
        except (Cancelled, KeyboardInterrupt) as error:
            self.control.cancel()
            self.workers.follow(self.control)
            self.result.cancelled = True
            if isinstance(error, KeyboardInterrupt) and not self.result.records:
                raise
        self.result.seconds = time.monotonic() - start
        self._report(force=True)
        return self.result

    def _until_lost(self, executor: Executor) -> bool:
        """Computes until all is done (True), or until a process was lost, so that the executor is of no more use (False)."""
        try:
            while self.waiting or self.suspects or self.running:
                self._follow()
                self._hand_out(executor)
                done, _ = concurrent.futures.wait(self.running, timeout=WAIT, return_when=FIRST_COMPLETED)
                if not self._take(done):
                    return False
                self._report()
        except BaseException:
            self.workers.follow(self.control)
            if not self.control.cancelled:  # Ctrl-C: what runs elsewhere is to end too
                self.control.cancel()
                self.workers.follow(self.control)
            raise
        finally:
            for future in self.running:
                future.cancel()
        return True

    def _follow(self) -> None:
        self.workers.follow(self.control)
        while self.control.paused and not self.control.cancelled:
            self._report()
            done, _ = concurrent.futures.wait(self.running, timeout=WAIT)
            if not self._take(done):
                return
            if not self.running:
                self.control.linger(WAIT)
            self.workers.follow(self.control)
        if self.control.cancelled:
            raise Cancelled

    def _hand_out(self, executor: Executor) -> None:
        """Keeps the workers supplied; a suspect is computed with nothing beside it."""
        careful = bool(self.suspects) or any(id(batch) in self.suspected for batch in self.running.values())
        while (self.suspects or self.waiting) and len(self.running) < (1 if careful else self.workers.slots):
            batch = (self.suspects or self.waiting).popleft()
            self.clock.started(batch)
            self.here, self.here_done = batch, 0.0
            future = self.workers.submit(executor, self._task(batch), self.plan.pixels(batch))
            self.running[future], self.here = batch, None
            if future.done():  # computed here: kept before the next one begins
                return

    def _task(self, batch: Batch) -> Task:
        sweep = self.plan.sweep
        indices = tuple(cell.index for cell in batch.cells)
        kept = sum(sweep.documents is True or cell.number < int(sweep.documents) for cell in batch.cells)
        return Task(batch.recipe, tuple(self.plan.sources(batch)), indices, sweep.scores, kept)

    def _take(
        self, done: Sequence[Future[tuple[list[Outcome], float]]] | set[Future[tuple[list[Outcome], float]]]
    ) -> bool:
        """Keeps what was computed; False where a process was lost."""
        lost = []
        for future in done:
            batch = self.running.pop(future)
            try:
                outcomes, seconds = future.result()
            except self.workers.lost:
                lost.append(batch)
            except concurrent.futures.CancelledError:
                self.waiting.appendleft(batch)
            except (Cancelled, EngineError, InputError):
                raise
            except Exception as error:  # of the way to it and back, for computing tells its own
                self._give_up(
                    batch, f"It could not be computed where it was sent: {str(error)[:200] or type(error).__name__}."
                )
            else:
                self.clock.finished(batch, seconds)
                self._keep(batch, outcomes)
        if not lost:
            return True
        if len(lost) == 1 and not self.running and id(lost[0]) in self.suspected:
            self._give_up(
                lost[0],
                "The process that computed it has ended, most likely for want of memory; lower the samples or the batch.",
            )
        else:
            suspects = [*lost, *self.running.values()]
            self.suspected |= {id(batch) for batch in suspects}
            self.suspects.extend(suspects)
        self.running.clear()
        return False

    def _give_up(self, batch: Batch, sentence: str) -> None:
        self._keep(batch, [Outcome(error=sentence)] * len(batch.cells), lost=True)

    def _keep(self, batch: Batch, outcomes: list[Outcome], lost: bool = False) -> None:
        latest = []
        for cell, outcome in zip(batch.cells, outcomes, strict=True):
            if cell.identity in self.result.records:
                continue
            record = Record(
                cell.identity, dict(cell.point.labels), cell.name, cell.index, outcome.recipe or batch.recipe, outcome.values,
                outcome.facts, outcome.failed, outcome.error, lost, outcome.bad_input,
            )  # fmt: skip
            self.store.add(record, outcome.document)
            self.result.records[cell.identity] = record
            latest.append(record)
        self._report(tuple(latest), force=True)

    def _hear(self, share: float) -> None:
        """This process has done so much of what it computes itself."""
        self.here_done = share
        self._report()

    def _report(self, latest: tuple[Record, ...] = (), force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self.told < 2 * WAIT:
            return
        self.told = now
        left, running = [*self.waiting, *self.suspects], list(self.running.values())
        begun = 0.0
        if self.here is not None:
            running.append(self.here)
            begun = self.here_done * sum(c.identity not in self.result.records for c in self.here.cells)
        self.tell(
            Progress(
                len(self.result.records), len(self.plan.cells), self.result.found, len(self.result.errors),
                self.clock.left(left, running), self.control.paused, latest, begun,
            )
        )  # fmt: skip
