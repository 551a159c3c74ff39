"""The queue: set-ups that run in the background, one after the other, whenever the window itself runs nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import Control
from engine.errors import InputError
from engine.images.bundled import MEASUREMENT, PICTURE, sample_path
from engine.priors.library import user_folder
from engine.runs.wording import facts
from qcs_gui.background.frames import Frame, Kept, RunRequest, execute_and_keep
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Failure, Worker
from qcs_gui.compare.controller import CompareController
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.queue.store import Queued, Store
from qcs_gui.queue.view import QueueView

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec

__all__ = ["QueueController", "in_words"]

TOLD = ("image", "measurement", "operator.measurements", "operator", "quantizer", "algorithm")
FRAMES_PER_SECOND = 4


def in_words(spec: RunSpec) -> str:
    """A run in one line: "digit 3, 200 measurements, Gaussian, 1 bit, Turbo"."""
    found = facts(spec)
    return ", ".join(found[k].phrase for k in TOLD if k in found and found[k].value not in ("", None))


class QueueController(Feature):
    """Its results go to the history; the stage is left alone. A run of the window holds it within one step."""

    def __init__(self, context: Context, view: QueueView, compare: CompareController, keep: bool) -> None:
        super().__init__(context)
        self.view, self.compare = view, compare
        self.store = Store(user_folder().parent / "queue.json" if keep else None)
        self.control = Control()
        self.mailbox: Mailbox[Frame] = Mailbox(FRAMES_PER_SECOND)
        self.held = False
        self._worker: Worker | None = None
        self._running: Queued | None = None
        self._closing, self._told = False, ""
        view.held.connect(self.hold)
        view.removed.connect(self.remove)
        view.retried.connect(self.retry)
        view.compared.connect(self._compare)
        view.dismissed.connect(self._dismiss)
        compare.queue = self.add
        self.act(queue_run=self.add_run)
        context.ticked.connect(self._poll)
        context.closing.connect(self._close)
        self.session.observe(self._changed)
        self._refresh()

    # -- commands ----------------------------------------------------------------------------------------------------

    def add_run(self) -> None:
        """The set-up of the column."""
        if self.session.ready and not self.context.setup.problem:
            self.add([self.session.spec])

    def add(self, specs: list[RunSpec]) -> None:
        """Queues runs, after those that wait already; pictures must lie in files, so that a restart finds them."""
        for spec in specs:
            source = spec.measurement or spec.image
            kind = MEASUREMENT if spec.measurement else PICTURE
            if not (sample_path(source, kind) or Path(source)).is_file():
                self.context.report(f"'{Path(source).name}' is not there any more; open a picture before it is queued.")
                return
        self.store.add(specs, self.session.adviser)
        self.context.say(f"{len(specs)} run{'s' * (len(specs) > 1)} queued; see the history (Ctrl+H).")
        self._refresh()
        self._go_on()

    def start(self) -> None:
        """Goes on with what an earlier start has left."""
        waiting = sum(not q.problem for q in self.store.waiting)
        if waiting:
            self.context.say(
                f"{waiting} queued run{'s' * (waiting > 1)} of the last time go on; see the history (Ctrl+H)."
            )
        self._go_on()

    def hold(self) -> None:
        """Pauses the queue, or lets it go on."""
        self.held = not self.held
        self._steer()
        self._refresh()
        self._go_on()

    def retry(self) -> None:
        self.store.retry()
        self._refresh()
        self._go_on()

    def remove(self, numbers: list[str]) -> None:
        """Takes runs out; one that is going is cancelled."""
        if self._running is not None and self._running.number in numbers:
            self.control.cancel()
        self.store.remove(numbers)
        self._refresh()

    def _dismiss(self, group: str) -> None:
        self.store.forget(group)
        self._refresh()

    def _compare(self, group: str) -> None:
        documents = self.store.offers().get(group, [])

        def read() -> list[Reconstruction]:
            from engine.runs.document import open_run

            return [open_run(d) for d in documents]

        self.context.files.submit(read, self.compare.show)
        self._dismiss(group)

    # -- going on ----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._running is not None

    def _may_go(self) -> bool:
        return not self.held and not self._closing and self.session.state == State.IDLE and not self.session.live

    def _changed(self, what: str) -> None:
        if what in ("state", "live"):
            self._steer()
            self._go_on()

    def _steer(self) -> None:
        """Holds the queued run while the window runs something, or the user wants it held."""
        if self._running is not None and not self._closing:
            (self.control.resume if self._may_go() else self.control.pause)()

    def _go_on(self) -> None:
        queued = self.store.next()
        if self._running is not None or queued is None or not self._may_go():
            return
        try:
            request = RunRequest(0, queued.spec(), None, self.context.threads, adviser=queued.prior())
            self.store.begin(queued.number)
        except InputError as error:
            self.store.failed(queued.number, str(error))
            self._refresh()
            self._go_on()
            return
        self._running, self.control = queued, Control()
        self.mailbox.take()
        self._worker = self._worker or self.context.worker("queue")
        work = partial(execute_and_keep, request, self.control, self.mailbox, True)
        self._worker.submit(work, partial(self._done, queued), partial(self._failed, queued))
        self.view.show_progress(0)
        self._refresh()

    def _poll(self) -> None:
        frame = self.mailbox.take() if self._running is not None else None
        if frame is not None:
            self.view.show_progress(frame.step / frame.steps)

    def _done(self, queued: Queued, kept: Kept) -> None:
        self._running = None
        if any(q.number == queued.number for q in self.store.waiting):  # not removed meanwhile
            if kept.sentence:
                self.store.failed(queued.number, kept.sentence)
            elif self.store.ended(queued.number, kept.path):
                self.context.say("The queued runs are done; the history (Ctrl+H) offers to compare them.")
        self.context.kept.emit(kept.path)
        self._refresh()
        self._go_on()

    def _failed(self, queued: Queued, failure: Failure) -> None:
        self._running = None
        if self._closing:
            return
        if any(q.number == queued.number for q in self.store.waiting):
            self.store.failed(queued.number, failure.sentence or "It was cancelled.")
            if failure.details:
                self.context.console.add(failure.sentence, failure.details)
        self._refresh()
        self._go_on()

    def _close(self) -> None:
        """What is going is begun anew at the next start."""
        self._closing = True
        self.control.cancel()
        if self._running is not None:
            self.store.put_back(self._running.number)

    def _refresh(self) -> None:
        if self.store.trouble and self.store.trouble != self._told:
            self.context.report(self.store.trouble)
        self._told = self.store.trouble
        rows = []
        for queued in self.store.waiting:
            try:
                words = in_words(queued.spec())
            except InputError:
                words = str(queued.recipe.get("image") or queued.recipe.get("measurement"))
            rows.append((queued.number, words, queued.problem))
        self.view.show_queue(rows, self._running.number if self._running is not None else "", self.held)
        offers = self.store.offers()
        group = next(iter(offers), "")
        self.view.show_offer(group, len(offers.get(group, [])))
        self.window.meter.show_queue(sum(not p for _, _, p in rows))
