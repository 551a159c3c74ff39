"""The numbers that were inferred beside the picture, as a small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from engine.runs.inferred import HEADINGS, lines

__all__ = ["InferredTable"]

VALUE, ERROR, SOURCE = 1, 2, 4


class InferredTable(QTableWidget):
    """As high as its lines; hidden where nothing was inferred."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADINGS))
        self.setHorizontalHeaderLabels(list(HEADINGS))
        self.setAccessibleName("What was inferred beside the picture")
        self.setToolTip("Numbers that the measurement left open, found from it, with their standard errors.")
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(SOURCE, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def show_inferred(self, found: Sequence[Mapping[str, Any]]) -> None:
        """A result's ``inferred``."""
        told = lines(found)
        self.setRowCount(len(told))
        for row, words in enumerate(told):
            for column, word in enumerate(words):
                item = QTableWidgetItem(word)
                item.setToolTip(word)
                if column in (VALUE, ERROR):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        self.resizeRowsToContents()
        heights = sum(self.rowHeight(row) for row in range(len(told)))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + heights + 2 * self.frameWidth())
        self.setVisible(bool(told))
