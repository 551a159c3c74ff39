"""The settings in which compared runs differ, and their metrics, the best marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from engine.runs.comparison import Table

__all__ = ["MetricsTable"]

BEST_ON_DARK, BEST_ON_LIGHT = "#5fbf77", "#1b7f3b"


class MetricsTable(QTableWidget):
    """A column for each run."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Settings that differ, and metrics")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(True)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    def fill(self, found: Table | None) -> None:
        self.clear()
        self.setRowCount(len(found.lines) if found else 0)
        self.setColumnCount(len(found.head) if found else 0)
        if found is None:
            return
        self.setHorizontalHeaderLabels(list(found.head))
        self.setVerticalHeaderLabels([label for label, _ in found.lines])
        bold = QFont(self.font())
        bold.setBold(True)
        best = QColor(BEST_ON_DARK if self.palette().base().color().lightness() < 128 else BEST_ON_LIGHT)
        for row, (_, cells) in enumerate(found.lines):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell or "-")
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                if (row, column) in found.best:
                    item.setFont(bold)
                    item.setForeground(best)
                    item.setToolTip("The best of these runs.")
                self.setItem(row, column, item)
        self._widen_columns()

    def _widen_columns(self) -> None:
        """Columns share what is left beside what they need."""
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        needed = sum(header.sectionSizeHint(i) for i in range(header.count())) + self.verticalHeader().width()
        if needed < self.width():
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._widen_columns()
