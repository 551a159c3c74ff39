"""Windows to read in: the shortcuts, the messages so far."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.actions import VIEW_KEYS, shortcut_table

__all__ = ["Console", "ShortcutsWindow"]


def _lay_out(dialog: QDialog, widget: QWidget) -> None:
    """A widget with a button to close below it."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(widget, 1)
    layout.addWidget(buttons)


class ShortcutsWindow(QDialog):
    """The table of shortcuts, made from the table of actions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        rows = [*shortcut_table(), ("Views", "1 ... 0", VIEW_KEYS)]
        self.table = QTableWidget(len(rows), 3)
        self.table.setAccessibleName("Shortcuts")
        self.table.setHorizontalHeaderLabels(["What", "Keys", ""])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                self.table.setItem(i, j, QTableWidgetItem(text))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        _lay_out(self, self.table)
        self.resize(760, 560)


class Console(QDialog):
    """Warnings and problems with their time, newest last; the last thousand are kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Messages")
        self.lines: deque[str] = deque(maxlen=1000)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(4000)
        self.text.setAccessibleName("Messages so far")
        _lay_out(self, self.text)
        self.resize(640, 360)
        self.setWindowFlag(Qt.WindowType.Window, True)

    def add(self, sentence: str, details: str = "") -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S')}  {sentence}")
        self.text.appendPlainText(self.lines[-1] + (f"\n{details}" if details else ""))
