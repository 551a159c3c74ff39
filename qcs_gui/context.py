"""What every feature of the window is given: session, column, workers, and one place to say how things went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from qcs_gui.background.worker import Failure, Task, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.preferences import Preferences
from qcs_gui.setup.controller import SetupController
from qcs_gui.theme import THEMES
from qcs_gui.widgets.reading import Console

__all__ = ["Context", "Feature"]

REFRESH_MS = 33
CLOSING_SECONDS = 15.0


class Context(QObject):
    """``engine`` runs, ``files`` reads and writes; both go on in the GUI thread, thirty times a second, after ``ticked``.
    ``closing`` is the time to cancel what is going; ``kept`` carries the document of a run that ended in the background. ``keep``
    says whether runs are kept in the library."""

    ticked, closing, themed = Signal(), Signal(), Signal()
    prior_added = Signal(str)
    file_used = Signal(str)
    kept = Signal(str)

    def __init__(
        self, session: Session, window: MainWindow, preferences: Preferences, threads: int, keep: bool
    ) -> None:
        super().__init__(window)
        self.session, self.window, self.preferences = session, window, preferences
        self.threads, self.keep, self.theme = threads, keep, str(preferences["theme"])
        self.console = Console(window)
        self.setup = SetupController(session, window)
        self._workers: list[Worker] = []
        self.engine, self.files = self.worker("engine"), self.worker("files")
        self._incoming = Task()
        self._timer = QTimer(self, interval=REFRESH_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start()

    # -- work --------------------------------------------------------------------------------------------------------

    def worker(self, name: str) -> Worker:
        """A thread of one's own; it is polled with the others and ends with the window at the latest."""
        self._workers.append(Worker(name, self.failed))
        return self._workers[-1]

    def tick(self) -> None:
        """Goes on with all that has ended; runs in the GUI thread."""
        self.ticked.emit()
        for worker in list(self._workers):
            worker.poll()
        self._workers = [w for w in self._workers if not w.gone]

    def bring_in(
        self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Failure], None] | None = None
    ) -> None:
        """Reads what is to be reconstructed, a picture or measurements: the newest wins."""
        self._incoming.forget()
        self._incoming = self.files.submit(work, then, failed)

    def stop_bringing_in(self) -> None:
        """What is still being read belongs to another set-up."""
        self._incoming.forget()

    def close(self) -> bool:
        """Ends all threads; whether they ended in time."""
        self.closing.emit()
        self._timer.stop()
        for worker in self._workers:
            worker.end()
        return all(worker.close(CLOSING_SECONDS) for worker in self._workers)

    # -- what is said ------------------------------------------------------------------------------------------------

    def report(self, sentence: str, details: str = "") -> None:
        """One problem, in the one problem window and among the messages."""
        self.console.add(sentence, details)
        self.window.problem.report(sentence, details)

    def failed(self, failure: Failure) -> None:
        """How work failed that nobody else takes the failure of."""
        if failure.cancelled:
            self.say("Cancelled; nothing of it was kept.", 5000)
        else:
            self.report(failure.sentence, failure.details)

    def say(self, words: str, milliseconds: int = 6000) -> None:
        self.window.statusBar().showMessage(words, milliseconds)

    def say_saved(self, path: Path) -> None:
        self.say(f"Saved {path}")

    @property
    def colours(self) -> dict[str, str]:
        return THEMES[self.theme]


class Feature(QObject):
    """Something that the window can do: registers its own actions and lives as long as the window."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self.context, self.session, self.window = context, context.session, context.window

    def act(self, **slots: Callable[[], Any]) -> None:
        """Connects actions, by name, to what they do."""
        for name, slot in slots.items():
            self.window.actions_by_name[name].triggered.connect(slot)
