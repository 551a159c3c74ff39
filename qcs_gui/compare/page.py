"""Runs as columns: linked pictures, a split line, flicker and difference between two, and a table of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.runs.comparison import Comparison, compare, difference
from qcs_gui.compare.columns import Columns
from qcs_gui.widgets.boxes import ListBox

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["ComparePage"]

VIEWS = {"Mean": "mean", "Std": "std", "Error": "error", "First sample": "sample", "Truth": "truth"}
FLICKER_MS = 600


class ComparePage(QWidget):
    """``closed`` asks for the stage again; ``opened`` carries the number of the run whose column was double-clicked."""

    closed = Signal()
    opened = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Reconstruction] = []
        self.table_of: Comparison | None = None
        self.columns = Columns()
        self.view = ListBox()
        self.view.addItems(list(VIEWS))
        self.view.setAccessibleName("What the columns show")
        self.mode = ListBox()
        self.mode.addItems(["Columns", "Split line", "Flicker", "Difference"])
        self.mode.setAccessibleName("How the runs are compared")
        self.mode.setToolTip("Split line, flicker and difference are between the first two runs.")
        self.figure_button, self.csv_button = QPushButton("Export figure ..."), QPushButton("Export table ...")
        self.report_button, self.clear_button = QPushButton("Report ..."), QPushButton("Clear")
        self.back_button = QPushButton("Back to the stage")
        self.hint = QLabel(
            "Choose runs in the history (Ctrl+H) and press Compare, or run several algorithms on one measurement."
        )
        self.hint.setObjectName("dim")
        self.hint.setWordWrap(True)
        self.data = QLabel()
        self.data.setWordWrap(True)
        self.busy = QLabel()
        self.busy.setObjectName("dim")
        self.table = QTableWidget()
        self.table.setAccessibleName("Settings that differ, and metrics")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        bar, exports = QHBoxLayout(), QHBoxLayout()
        for widget in (self.back_button, self.view, self.mode):
            bar.addWidget(widget)
        bar.addStretch()
        bar.addWidget(self.busy)
        for widget in (self.figure_button, self.csv_button, self.report_button, self.clear_button):
            exports.addWidget(widget)
        exports.addStretch()
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.columns)
        splitter.addWidget(self.table)
        splitter.setSizes([430, 260])
        splitter.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(bar)
        layout.addWidget(self.hint)
        layout.addWidget(self.data)
        layout.addWidget(splitter, 1)
        layout.addLayout(exports)
        self._timer = QTimer(self, interval=FLICKER_MS)
        self._timer.timeout.connect(self.columns.flick)
        self.view.currentTextChanged.connect(lambda _: self._paint())
        self.mode.currentTextChanged.connect(lambda _: self._paint())
        self.back_button.clicked.connect(self.closed)
        self.clear_button.clicked.connect(lambda: self.show_results([]))
        self.columns.opened.connect(self.opened)
        self.show_results([])

    def show_results(self, results: list[Reconstruction]) -> None:
        """These runs, in their order."""
        self.results = list(results)
        self.hint.setVisible(not results)
        self.table_of = compare(self.results) if results else None
        self.data.setText(self.table_of.sentence if self.table_of else "")
        self.data.setVisible(bool(self.data.text()))
        self.data.setObjectName("dim" if self.table_of is None or self.table_of.measurements == 1 else "warning")
        self.data.style().polish(self.data)
        for button in (self.figure_button, self.csv_button, self.report_button, self.clear_button):
            button.setEnabled(bool(results))
        self.mode.setEnabled(len(results) > 1)
        self._fill_table()
        self._paint()

    def add_result(self, result: Reconstruction) -> None:
        self.show_results([*self.results, result])

    def _pixels(self, result: Reconstruction) -> np.ndarray | None:
        key = VIEWS[self.view.currentText()]
        if key == "sample":
            return result.samples[0] if len(result.samples) else result.mean
        if key == "error":
            return None if result.truth is None else result.mean - result.truth
        return getattr(result, key)

    def _paint(self) -> None:
        mode, key = self.mode.currentText(), VIEWS[self.view.currentText()]
        names = list(self.table_of.columns) if self.table_of else []
        pictures = [self._pixels(r) for r in self.results]
        self._timer.stop()
        if mode == "Difference" and len(self.results) > 1:
            apart = difference(self.results[0], self.results[1])
            self.columns.show_pictures([f"{names[0]} less {names[1]}"], [apart], "error")
        elif mode in ("Split line", "Flicker") and len(self.results) > 1:
            self.columns.show_pair(names[:2], pictures[:2], key, split=mode == "Split line")
            if mode == "Flicker":
                self._timer.start()
        else:
            self.columns.show_pictures(names, pictures, key)

    def _fill_table(self) -> None:
        found = self.table_of
        self.table.setRowCount(len(found.rows) if found else 0)
        self.table.setColumnCount(len(found.columns) if found else 0)
        if found is None:
            return
        self.table.setHorizontalHeaderLabels(list(found.columns))
        self.table.setVerticalHeaderLabels([label for label, _ in found.rows])
        bold = QFont(self.table.font())
        bold.setBold(True)
        for row, (_, cells) in enumerate(found.rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                if (row, column) in found.best:
                    item.setFont(bold)
                    item.setForeground(QColor("#5fbf77"))
                    item.setToolTip("The best of these runs.")
                self.table.setItem(row, column, item)

    def hideEvent(self, event: object) -> None:
        self._timer.stop()
        super().hideEvent(event)  # type: ignore[arg-type]

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._paint()

    def set_colours(self, colours: dict[str, str]) -> None:
        self.columns.set_colours(colours)
