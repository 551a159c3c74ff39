"""The history: kept runs with thumbnails, searched, sorted, opened, pinned, named, compared."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.widgets.boxes import ListBox

if TYPE_CHECKING:
    from engine.runs.library import Entry

__all__ = ["VERBS", "HistoryView"]

SORTS = {
    "Newest first": ("created", True), "PSNR": ("psnr_mean", True), "Time": ("seconds", False), "Name": ("name", False),
    "Algorithm": ("algorithm", False), "Quantizer": ("quantizer", False), "Prior": ("prior", False), "Size": ("bytes", True),
}  # fmt: skip
VERBS = (
    ("open", "Open", "Show the run with everything in it (Return or a double click)."),
    ("use", "Use these settings", "Take its set-up to the column on the left."),
    ("compare", "Compare", "The chosen runs side by side (Alt+click chooses a partner)."),
    ("details", "Details", "Recipe, metrics and notes, without touching the set-up."),
    ("pin", "Pin or unpin", "A pinned run is never let go when the library is full."),
    ("rename", "Rename ...", "Another name (F2)."),
    ("delete", "Delete", "Remove the run's file (Delete)."),
)
THUMBNAIL = 48


class HistoryView(QWidget):
    """``asked`` carries a verb and the names of the chosen runs; ``partner`` the run that was clicked with Alt."""

    asked = Signal(str, list)
    partner = Signal(str)
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: name, image, matrix, prior ...")
        self.search.setAccessibleName("Search in the history")
        self.search.setClearButtonEnabled(True)
        self.sort = ListBox()
        self.sort.addItems(list(SORTS))
        self.sort.setAccessibleName("Order of the history")
        self.list = QListWidget()
        self.list.setAccessibleName("Kept runs")
        self.list.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setWordWrap(True)
        self.empty = QLabel("Runs appear here as soon as they are done.")
        self.empty.setObjectName("dim")
        self.empty.setWordWrap(True)
        self.verbs: dict[str, QAction] = {}
        for name, text, tip in VERBS:
            action = QAction(text, self)
            action.setToolTip(tip)
            action.triggered.connect(lambda _=False, name=name: self._ask(name))
            self.verbs[name] = action
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for name in ("open", "use", "compare"):
            button = QPushButton({"use": "Use"}.get(name, self.verbs[name].text()))
            button.setToolTip(self.verbs[name].toolTip())
            button.clicked.connect(lambda _=False, name=name: self._ask(name))
            self.buttons[name] = button
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self.search, self.sort, self.empty):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        self.setMinimumWidth(250)
        self.search.textChanged.connect(lambda _: self.changed.emit())
        self.sort.currentTextChanged.connect(lambda _: self.changed.emit())
        self.list.itemActivated.connect(lambda _: self._ask("open"))
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.viewport().installEventFilter(self)
        self._enable()

    def order(self) -> tuple[str, bool]:
        return SORTS[self.sort.currentText()]

    def names(self) -> list[str]:
        """The chosen runs."""
        return [item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()]

    def show_entries(self, entries: list[tuple[Entry, bytes | None]]) -> None:
        """Lists runs with their thumbnails (PNG); what was chosen stays chosen."""
        chosen = set(self.names())
        self.list.clear()
        for entry, thumbnail in entries:
            item = QListWidgetItem(_words(entry))
            item.setData(Qt.ItemDataRole.UserRole, entry.name)
            item.setToolTip(f"{entry.name}\n{entry.operator}\n{entry.quantizer}\n{entry.algorithm}")
            if thumbnail:
                picture = QPixmap.fromImage(QImage.fromData(thumbnail))
                item.setIcon(QIcon(picture.scaled(THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio)))
            self.list.addItem(item)
            item.setSelected(entry.name in chosen)
        self.empty.setVisible(not entries)
        self.empty.setText(
            "No run has these words." if self.search.text() else "Runs appear here as soon as they are done."
        )

    def _enable(self) -> None:
        count = len(self.names())
        for name, action in self.verbs.items():
            allowed = count >= 1 if name in ("compare", "delete", "pin") else count == 1
            action.setEnabled(allowed)
            if name in self.buttons:
                self.buttons[name].setEnabled(allowed)

    def _ask(self, verb: str) -> None:
        if self.verbs[verb].isEnabled():
            self.asked.emit(verb, self.names())

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(list(self.verbs.values()))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.list.viewport().mapToGlobal(at))

    def eventFilter(self, watched: object, event: object) -> bool:
        kind, types = event.type(), event.Type  # type: ignore[attr-defined]
        if kind == types.MouseButtonPress and event.modifiers() & Qt.KeyboardModifier.AltModifier:  # type: ignore[attr-defined]
            item = self.list.itemAt(event.position().toPoint())  # type: ignore[attr-defined]
            if item is not None:
                self.partner.emit(item.data(Qt.ItemDataRole.UserRole))
                return True
        return super().eventFilter(watched, event)  # type: ignore[arg-type]

    def keyPressEvent(self, event: object) -> None:
        verb = {Qt.Key.Key_F2: "rename", Qt.Key.Key_Delete: "delete"}.get(event.key())  # type: ignore[attr-defined]
        if verb:
            self._ask(verb)
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]


def _words(entry: Entry) -> str:
    """Two short lines."""
    from engine.runs.library import is_made_up

    psnr = "" if entry.psnr_mean is None else f"   {entry.psnr_mean:.1f} dB"
    mark = "\N{BLACK STAR} " if entry.pinned else ""
    failed = "   failed" if entry.failed else ""
    when = time.strftime("%d %b %H:%M", time.localtime(entry.created))
    stem = (entry.image or "").removeprefix("sample:").rsplit("/", 1)[-1]
    named = stem if is_made_up(entry.name) else entry.name
    return f"{mark}{named}   {entry.algorithm.split(' ')[0]}\n{when}{psnr}{failed}"
