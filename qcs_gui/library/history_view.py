"""The history: kept runs with thumbnails, searched, sorted, opened, pinned, named, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
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

from qcs_gui.library.history_rows import LINES, PICTURE, HistoryRows
from qcs_gui.library.listing import Listed, folded, lines_of
from qcs_gui.queue.view import QueueView
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
    ("use", "Take settings", "Take its set-up to the column on the left; what is shown stays."),
    ("compare", "Compare", "The chosen runs side by side (Alt+click chooses a partner)."),
    ("details", "Details", "Recipe, metrics and notes, without touching the set-up."),
    ("pin", "Pin or unpin", "A pinned run is never let go when the library is full."),
    ("rename", "Rename ...", "Another name (F2)."),
    ("delete", "Delete", "Remove the run's file (Delete)."),
)


REPEATS = Qt.ItemDataRole.UserRole + 3
"""Of an item: the names of the runs that are folded into it."""


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
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setItemDelegate(HistoryRows(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fold = QCheckBox("Fold repeats")
        self.fold.setChecked(True)
        self.fold.setToolTip("Runs with the same settings and the same result are one entry, with their number.")
        self._entries: list[tuple[Entry, bytes | None]] = []
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
            button = QPushButton(self.verbs[name].text())
            button.setToolTip(self.verbs[name].toolTip())
            button.clicked.connect(lambda _=False, name=name: self._ask(name))
            self.buttons[name] = button
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        order = QHBoxLayout()
        order.addWidget(self.sort, 1)
        order.addWidget(self.fold)
        self.queue = QueueView()
        layout.addWidget(self.queue)
        layout.addWidget(self.search)
        layout.addLayout(order)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        self.setMinimumWidth(300)
        self.fold.toggled.connect(lambda _: self._fill())
        self.search.textChanged.connect(lambda _: self.changed.emit())
        self.sort.currentTextChanged.connect(lambda _: self.changed.emit())
        self.list.itemActivated.connect(lambda _: self._ask("open"))
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.viewport().installEventFilter(self)
        self._enable()

    def order(self) -> tuple[str, bool]:
        return SORTS[self.sort.currentText()]

    def names(self, verb: str = "") -> list[str]:
        """The chosen runs; for what concerns all of them also the repeats that are folded away."""
        items = self.list.selectedItems()
        names = [item.data(Qt.ItemDataRole.UserRole) for item in items]
        if verb == "delete":
            names += [n for item in items for n in item.data(REPEATS)]
        return names

    def show_entries(self, entries: list[tuple[Entry, bytes | None]]) -> None:
        """Lists runs with their thumbnails (PNG); what was chosen stays chosen."""
        self._entries = entries
        self._fill()

    def _fill(self) -> None:
        entries, chosen = self._entries, set(self.names())
        self.list.clear()
        for listed in folded(entries) if self.fold.isChecked() else [Listed(e, t) for e, t in entries]:
            entry, words = listed.entry, lines_of(listed)
            item = QListWidgetItem("\n".join(w for w in words if w))  # what is read aloud; painted line by line
            item.setData(Qt.ItemDataRole.UserRole, entry.name)
            item.setData(REPEATS, [e.name for e in listed.repeats])
            item.setData(LINES, words)
            tips = [entry.name, entry.operator, entry.quantizer, entry.prior, entry.algorithm, entry.failed]
            item.setToolTip("\n".join(str(t) for t in tips if t))
            if listed.thumbnail:
                picture = QPixmap.fromImage(QImage.fromData(listed.thumbnail))
                item.setIcon(QIcon(picture))
                item.setData(PICTURE, picture)
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
            self.asked.emit(verb, self.names(verb))

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
