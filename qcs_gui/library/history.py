"""The history's work: the list of kept runs is read and changed in the background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QInputDialog, QMessageBox

from qcs_gui.background.worker import Task
from qcs_gui.compare.controller import CompareController
from qcs_gui.context import Context, Feature
from qcs_gui.library.details import DetailsDialog
from qcs_gui.library.documents import DocumentController
from qcs_gui.setup.picture import PictureController
from qcs_gui.widgets.dialogs import show_once

if TYPE_CHECKING:
    from engine.runs.library import Entry, Library
    from engine.runs.reconstruction import Reconstruction

__all__ = ["HistoryController"]

LISTED = 200

Thumbnails = dict[tuple[str, float], bytes | None]


def _library() -> Library:
    from engine.runs.library import Library

    return Library()


def _list(search: str, sort: str, descending: bool, known: Thumbnails) -> list[tuple[Entry, bytes | None]]:
    from engine.errors import InputError
    from engine.runs.document import read_thumbnail

    found = []
    for entry in _library().list(search, sort, descending, limit=LISTED):
        key = (str(entry.path), entry.created)
        if key not in known:
            try:
                known[key] = read_thumbnail(entry.path)
            except InputError:  # deleted meanwhile
                continue
        found.append((entry, known[key]))
    return found


class HistoryController(Feature):
    """Opens, compares, pins, renames and deletes what was kept."""

    def __init__(
        self, context: Context, documents: DocumentController, pictures: PictureController, compare: CompareController
    ) -> None:
        super().__init__(context)
        self.documents, self.pictures, self.compare = documents, pictures, compare
        self._thumbnails: Thumbnails = {}
        self._listing = Task()
        view = self.window.history
        self._soon = QTimer(self, interval=150, singleShot=True)
        self._soon.timeout.connect(self.refresh)
        view.changed.connect(self._soon.start)
        view.asked.connect(self.asked)
        view.partner.connect(self._partner)
        self.window.history_dock.visibilityChanged.connect(self.refresh_if_seen)
        self.session.observe(self._changed)
        context.kept.connect(lambda _: self.refresh_if_seen())

    def _changed(self, what: str) -> None:
        if what == "result" and self.session.result_path:
            self.refresh_if_seen()

    def refresh(self) -> None:
        """Reads the list anew."""
        view = self.window.history
        self._listing.forget()
        work = partial(_list, view.search.text(), *view.order(), self._thumbnails)
        self._listing = self.context.files.submit(work, view.show_entries)

    def refresh_if_seen(self) -> None:
        """Reads the list anew where it is looked at."""
        if not self.window.history_dock.isHidden():
            self.refresh()

    def asked(self, verb: str, names: list[str]) -> None:
        """What the view's buttons and menu want."""
        library, first = _library(), names[0]
        if verb == "open":
            self._do(lambda: str(library.entry(first).path), self.documents.open)
        elif verb == "use":
            self._do(partial(library.open, first), self._use)
        elif verb == "details":
            self._do(partial(library.open, first), self._show_details)
        elif verb == "compare":
            current = self.session.result if len(names) == 1 else None
            shown = [current] if current is not None else []
            self._do(lambda: shown + [library.open(n) for n in names], self.compare.show)
        elif verb == "pin":
            self._do(lambda: [library.pin(n, not library.entry(n).pinned) for n in names])
        elif verb == "rename":
            new, agreed = QInputDialog.getText(self.window, "Rename", "Name of the run:", text=first)
            if agreed and new.strip() and new != first:
                self._do(partial(library.rename, first, new.strip()))
        elif verb == "delete":
            what = f"'{first}'" if len(names) == 1 else f"{len(names)} runs"
            answer = QMessageBox.question(self.window, "Delete", f"Delete {what}? This cannot be undone.")
            if answer == QMessageBox.StandardButton.Yes:
                self._do(partial(_delete, library, names))

    def _partner(self, name: str) -> None:
        """Alt+click: that run beside the one on the stage."""
        self.asked("compare", [name])

    def _do(self, work: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        self.context.files.submit(work, then or self._after_change)

    def _after_change(self, _: Any) -> None:
        self.refresh_if_seen()

    def _use(self, result: Reconstruction) -> None:
        """Takes the set-up of a kept run; what is shown stays."""
        self.pictures.take_setup_of(result)
        self.window.show_page(self.window.stage)
        self.context.say("The settings of that run are on the left.", 5000)

    def _show_details(self, result: Reconstruction) -> None:
        show_once(DetailsDialog(self.window, result), modal=False)

    @property
    def folder(self) -> Path:
        return _library().folder


def _delete(library: Library, names: list[str]) -> None:
    for name in names:
        library.delete(name)
