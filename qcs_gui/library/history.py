"""The history's work: finished runs are kept at once, and the list of them is read and changed in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QInputDialog, QMessageBox

from qcs_gui.background.frames import Kept
from qcs_gui.background.worker import Outcome, Worker, sentence_for
from qcs_gui.library.details import DetailsDialog
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session

if TYPE_CHECKING:
    from engine.runs.library import Entry, Library
    from engine.runs.reconstruction import Reconstruction

__all__ = ["HistoryController"]

LISTED = 200


class HistoryController(QObject):
    """``open_run``, ``use`` and ``compare`` are wired by the studio: they show a document, take its settings, compare runs."""

    def __init__(
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None], keep: bool
    ) -> None:
        super().__init__(window)
        self.session, self.window, self.worker, self.report, self.keep = session, window, worker, report, keep
        self.open_run: Callable[[str], None] = lambda path: None
        self.use: Callable[[Reconstruction], None] = lambda result: None
        self.compare: Callable[[list[Reconstruction]], None] = lambda results: None
        self._tasks: dict[int, str] = {}
        self._thumbnails: dict[tuple[str, float], bytes] = {}
        self._kept: Reconstruction | None = None
        self.last_kept = ""
        view = window.history
        self._soon = QTimer(self, interval=150, singleShot=True)
        self._soon.timeout.connect(self.refresh)
        view.changed.connect(self._soon.start)
        view.asked.connect(self.asked)
        view.partner.connect(self._partner)
        window.history_dock.visibilityChanged.connect(lambda shown: self.refresh() if shown else None)
        session.observe(self._changed)

    def _library(self) -> Library:
        from engine.runs.library import Library

        return Library()

    def _changed(self, what: str) -> None:
        result = self.session.result
        if (
            what == "result"
            and result is not None
            and self.keep
            and not self.session.result_saved
            and result is not self._kept
        ):
            self._kept = result

            self._do("add", lambda: self.keep_now(result))

    def keep_now(self, result: Reconstruction) -> Kept:
        """Writes a run that has ended into the library; in the thread that ran it, so that a run that is shown as finished
        is kept, whatever happens next."""
        if not self.keep:
            return Kept(result)
        try:
            return Kept(result, str(self._library().add(result).path))
        except Exception as error:  # the run is there all the same
            return Kept(result, "", sentence_for(error))

    def take(self, kept: Kept) -> None:
        """What came of keeping, before the result is shown."""
        self._kept = kept.result
        if kept.sentence:
            self.report(kept.sentence, "")
        elif kept.path:
            self.last_kept = kept.path
            self.refresh_if_seen()

    def refresh(self) -> None:
        """Reads the list anew."""
        view = self.window.history
        search, (sort, descending) = view.search.text(), view.order()
        known = self._thumbnails

        def read() -> list[tuple[Entry, bytes | None]]:
            from engine.errors import InputError
            from engine.runs.document import read_thumbnail

            found: list[tuple[Entry, bytes | None]] = []
            for entry in self._library().list(search, sort, descending, limit=LISTED):
                key = (str(entry.path), entry.created)
                if key not in known:
                    try:
                        known[key] = read_thumbnail(entry.path)
                    except InputError:  # deleted meanwhile
                        continue
                found.append((entry, known[key]))
            return found

        self._tasks[self.worker.submit(read)] = "list"

    def asked(self, verb: str, names: list[str]) -> None:
        """What the view's buttons and menu want."""
        library = self._library()
        if verb == "open":
            self._do("open", lambda: str(library.entry(names[0]).path))
        elif verb in ("use", "details"):
            self._do(verb, lambda: library.open(names[0]))
        elif verb == "compare":
            current = self.session.result if len(names) == 1 else None
            self._do("compare", lambda: ([current] if current is not None else []) + [library.open(n) for n in names])
        elif verb == "pin":
            self._do("changed", lambda: [library.pin(n, not library.entry(n).pinned) for n in names])
        elif verb == "rename":
            new, agreed = QInputDialog.getText(self.window, "Rename", "Name of the run:", text=names[0])
            if agreed and new.strip() and new != names[0]:
                self._do("changed", lambda: library.rename(names[0], new.strip()))
        elif verb == "delete":
            what = f"'{names[0]}'" if len(names) == 1 else f"{len(names)} runs"
            answer = QMessageBox.question(self.window, "Delete", f"Delete {what}? This cannot be undone.")
            if answer == QMessageBox.StandardButton.Yes:
                self._do("changed", lambda: self._delete(names))

    def _delete(self, names: list[str]) -> None:
        library = self._library()
        for name in names:
            library.delete(name)

    def _partner(self, name: str) -> None:
        """Alt+click: that run beside the one on the stage."""
        self.asked("compare", [name])

    def _do(self, what: str, work: Callable[[], Any]) -> None:
        self._tasks[self.worker.submit(work)] = what

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of the history's own work; False if it belongs to somebody else."""
        what = self._tasks.pop(outcome.task, "")
        if not what:
            return False
        if outcome.kind == "failed":
            self.report(outcome.sentence, outcome.details)
        elif what == "list":
            self.window.history.show_entries(outcome.value)
        elif what == "add":
            kept = outcome.value
            self.take(kept)
            if self.session.result is kept.result and kept.path:
                self.session.result_saved = True
                self.session.changed("kept")
        elif what == "open":
            self.open_run(outcome.value)
        elif what == "use":
            self.use(outcome.value)
        elif what == "details":
            DetailsDialog(self.window, outcome.value).show()
        elif what == "compare":
            self.compare(outcome.value)
        else:
            self.refresh_if_seen()
        return True

    def refresh_if_seen(self) -> None:
        """Reads the list anew where it is looked at."""
        if not self.window.history_dock.isHidden():
            self.refresh()

    @property
    def folder(self) -> Path:
        return self._library().folder
