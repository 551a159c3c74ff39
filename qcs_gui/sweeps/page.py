"""The page of sweeps: the file, the table and the figure, and below them what it makes and how far it is."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFontDatabase, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.sweeps.workers import cores
from qcs_gui.sweeps.table_model import CellModel, Filtered
from qcs_gui.widgets.boxes import ListBox, WholeBox

__all__ = ["SweepPage"]

OWN = "Of your own"
MOST_JOBS = 256
EXAMPLE = """Choose a ready sweep above, take the set-up, or write:

images = ["sample:digit-3", "sample:digit-7"]

[fixed]
quantizer = "one-bit"

[axes]
"operator.measurements" = [100, 200, 400]
noise = [0.05, 0.5]

[figure]
x = "operator.measurements"
y = ["psnr_mean"]
lines = "noise"
"""


class SweepPage(QWidget):
    """``cell_opened`` carries the identity of the cell that was double-clicked, or on which Return was pressed."""

    cell_opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.cells = CellModel()
        self.filtered = Filtered(self.cells)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Sweep: file, table and figure")
        self.figure = _Picture()
        files = self._files()
        for widget, title in ((self._file(), "File"), (self._table(), "Table"), (self.figure, "Figure")):
            self.tabs.addTab(widget, title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(files)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(self._controls())

    def show_tab(self, title: str) -> None:
        """The tab of that title in front."""
        self.tabs.setCurrentIndex([self.tabs.tabText(i) for i in range(self.tabs.count())].index(title))

    # -- what is asked for -----------------------------------------------------------------------------------------

    def _files(self) -> QHBoxLayout:
        self.ready = ListBox()
        self.ready.setAccessibleName("Ready sweeps")
        self.ready.addItem(OWN, "")
        self.open_button, self.save_button = QPushButton("Open ..."), QPushButton("Save as ...")
        self.open_button.setToolTip("A sweep file (.toml).")
        self.from_setup = QPushButton("From the set-up")
        self.from_setup.setToolTip("A sweep of the measurements about the set-up on the left, to begin with.")
        self.results_button = QPushButton("Open results ...")
        self.results_button.setToolTip("The folder of an earlier sweep: its file, its table, and where to go on.")
        row = QHBoxLayout()
        row.addWidget(self.ready, 1)
        for button in (self.from_setup, self.open_button, self.save_button, self.results_button):
            row.addWidget(button)
        return row

    def _file(self) -> QWidget:
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Sweep file")
        self.text.setPlaceholderText(EXAMPLE)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        return self.text

    def _controls(self) -> QGridLayout:
        self.says = _words("What the sweep makes", "Choose a sweep, open one, or write one.")
        self.state = _words("State of the sweep")
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Folder of the results")
        self.folder.setToolTip("Where cells are kept as soon as they are done; what is done there is not done again.")
        self.folder_button = QPushButton("Folder ...")
        self.jobs = WholeBox()
        self.jobs.setRange(1, MOST_JOBS)
        self.jobs.setValue(max(1, cores() - 1))
        self.jobs.setAccessibleName("Processes")
        self.jobs.setToolTip(
            "Processes that compute at the same time, one thread each; one core is left to the window."
        )
        self.start_button, self.pause_button = QPushButton("Start"), QPushButton("Pause")
        self.cancel_button = QPushButton("Cancel")
        self.start_button.setObjectName("run")
        self.cancel_button.setToolTip("Ends the sweep; what is done is kept, and Start goes on there.")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress of the sweep")
        grid = QGridLayout()
        grid.addWidget(self.says, 0, 0, 1, 7)
        grid.addWidget(QLabel("Results"), 1, 0)
        grid.addWidget(self.folder, 1, 1, 1, 5)
        grid.addWidget(self.folder_button, 1, 6)
        grid.addWidget(QLabel("Processes"), 2, 0)
        grid.addWidget(self.jobs, 2, 1)
        grid.addWidget(self.progress, 2, 2, 1, 2)
        for column, button in enumerate((self.start_button, self.pause_button, self.cancel_button)):
            grid.addWidget(button, 2, column + 4)
        grid.addWidget(self.state, 3, 0, 1, 7)
        grid.setColumnStretch(3, 1)
        return grid

    # -- what came of it -------------------------------------------------------------------------------------------

    def _table(self) -> QWidget:
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: words, and comparisons such as psnr_mean > 20 or method = turbo")
        self.filter.setAccessibleName("Filter of the table")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.filtered.set_filter)
        self.table = QTableView()
        self.table.setAccessibleName("Cells of the sweep")
        self.table.setModel(self.filtered)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setToolTip("A double click opens the cell as a run.")
        self.table.activated.connect(self._open)
        self.open_cell = QPushButton("Open as run")
        self.open_cell.setToolTip(
            "Shows the chosen cell on the stage, with its samples, its measurement and its set-up."
        )
        self.open_cell.clicked.connect(lambda: self._open(self.table.currentIndex()))
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        row = QHBoxLayout()
        row.addWidget(self.filter, 1)
        row.addWidget(self.open_cell)
        first = QWidget()
        column = QVBoxLayout(first)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        self._enable()
        return first

    def _enable(self) -> None:
        self.open_cell.setEnabled(self.table.selectionModel().hasSelection())

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.cell_opened.emit(self.cells.records[self.filtered.mapToSource(index).row()].identity)


def _words(name: str, text: str = "") -> QLabel:
    """A line or two that may hold anything."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    return label


class _Picture(QLabel):
    """A picture as large as fits; words where there is none."""

    def __init__(self) -> None:
        super().__init__("The figure is drawn when the sweep has ended, where its file has a [figure].")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setMinimumSize(120, 120)
        self.setAccessibleName("Figure of the sweep")
        self._whole = QPixmap()

    def show_file(self, path: str) -> None:
        self._whole = QPixmap(path)
        self._fit()

    def say(self, words: str) -> None:
        self._whole = QPixmap()
        self.setText(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._whole.isNull():
            mode = Qt.TransformationMode.SmoothTransformation
            self.setPixmap(self._whole.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio, mode))
