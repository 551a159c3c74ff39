"""The middle of the window: one large picture with what was measured beside it, the strip of samples below, the result in
large type; or a grid of panels. Curves and uncertainty fold away."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.stage.curves import CurveBoard
from qcs_gui.stage.large_view import LargeView
from qcs_gui.stage.panel_grid import PanelGrid
from qcs_gui.stage.strip import SampleStrip
from qcs_gui.stage.timeline import Timeline
from qcs_gui.stage.uncertainty import UncertaintyPanel
from qcs_gui.stage.view_store import VIEWS, ViewStore
from qcs_gui.widgets.boxes import ListBox
from qcs_gui.widgets.thumb import Thumb

__all__ = ["Stage"]

MEASURED_VIEWS = (
    ("Codes", "codes", "Bits or codes, one pixel each, on a square; as a picture where rows are pixels."),
    ("Back-projection", "back", "A^T applied to the middles of the cells."),
    ("Sensing matrix", "sensing", "The first rows of the matrix, the mask or the kernel."),
)


class Stage(QWidget):
    """``view_chosen`` carries the view that a button, a key or a thumb asked for."""

    view_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.store = ViewStore()
        self.picture, self.board = LargeView(self.store), PanelGrid(self.store)
        self.strip, self.curves, self.timeline = SampleStrip(), CurveBoard(), Timeline()
        self.uncertainty = UncertaintyPanel()
        self.result_label = QLabel("Choose what to measure on the left, then press Run.")
        self.result_label.setObjectName("result")
        self.result_label.setTextFormat(Qt.TextFormat.PlainText)
        self.result_label.setWordWrap(True)
        self.result_label.setAccessibleName("Result")
        self.note_label = QLabel()
        self.note_label.setObjectName("warning")
        self.note_label.setWordWrap(True)
        self.note_label.setTextFormat(Qt.TextFormat.PlainText)
        self.note_label.hide()
        self.layouts = QStackedWidget()
        self.layouts.addWidget(self._large())
        self.layouts.addWidget(self.board)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(6, 6, 6, 0)
        column.setSpacing(4)
        column.addLayout(self._view_bar())
        column.addWidget(self.layouts, 1)
        column.addWidget(self.timeline)
        column.addWidget(self.result_label)
        column.addWidget(self.note_label)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        for widget in (middle, self.strip, self.curves, self.uncertainty):
            self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([560, 110, 150, 220])
        self.splitter.setChildrenCollapsible(False)
        self.curves.setMinimumHeight(90)
        self.uncertainty.setMinimumHeight(150)
        self.curves.hide()
        self.uncertainty.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self.board.enlarged.connect(self.enlarge)
        self.picture.enlarged.connect(lambda _: self.picture.reset_zoom())

    def _view_bar(self) -> QHBoxLayout:
        self.view_buttons: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        group.setExclusive(True)
        bar = QHBoxLayout()
        bar.setSpacing(2)
        for number, (key, view) in enumerate(VIEWS.items(), start=1):
            button = QPushButton(view.short)
            button.setObjectName("view")
            button.setCheckable(True)
            digit = number % 10
            button.setToolTip(f"{view.title}: {view.tip} Key {digit}.")
            button.setAccessibleName(f"View: {view.title}")
            button.clicked.connect(lambda _=False, key=key: self.show_view(key))
            group.addButton(button)
            self.view_buttons[key] = button
            bar.addWidget(button)
        bar.addStretch()
        self.grid_button, self.split_button = QPushButton("Grid"), QPushButton("Split")
        self.grid_button.setToolTip("Several panels at once; a double click enlarges one.")
        self.split_button.setToolTip("A line between this view and the truth, which can be dragged.")
        for button in (self.split_button, self.grid_button):
            button.setObjectName("view")
            button.setCheckable(True)
            bar.addWidget(button)
        self.view_buttons[self.picture.key].setChecked(True)
        self.grid_button.toggled.connect(self.show_grid)
        self.split_button.toggled.connect(self.show_split)
        return bar

    def _large(self) -> QWidget:
        self.truth_thumb, self.measured_thumb = Thumb("Truth"), Thumb("What was measured")
        self.truth_thumb.clicked.connect(lambda: self.show_view("truth"))
        self.measured_thumb.clicked.connect(lambda: self.show_view("measurement"))
        self.measurement_combo = ListBox()
        for text, view, tip in MEASURED_VIEWS:
            self.measurement_combo.addItem(text, view)
            self.measurement_combo.setItemData(self.measurement_combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.measurement_combo.setAccessibleName("How the measurement is shown")
        self.measurement_combo.setToolTip("How the measurement is shown.")
        aside = QVBoxLayout()
        aside.addWidget(self.truth_thumb, 1)
        aside.addWidget(self.measured_thumb, 1)
        aside.addWidget(self.measurement_combo)
        right = QWidget()
        right.setLayout(aside)
        right.setFixedWidth(170)
        large = QWidget()
        row = QHBoxLayout(large)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.picture, 1)
        row.addWidget(right)
        return large

    @property
    def is_grid(self) -> bool:
        return self.layouts.currentWidget() is self.board

    def show_view(self, key: str) -> None:
        """Shows a view large."""
        self.show_grid(False)
        self.picture.show_view(key)
        self.view_buttons[key].setChecked(True)
        self.view_chosen.emit(key)

    def enlarge(self, key: str) -> None:
        self.show_view(key)

    def show_grid(self, grid: bool) -> None:
        self.layouts.setCurrentIndex(int(grid))
        self.grid_button.setChecked(grid)

    def show_split(self, split: bool) -> None:
        """A line between the view and the truth, or between truth and mean."""
        self.picture.split_with(("mean" if self.picture.key == "truth" else "truth") if split else "")
        self.split_button.setChecked(split)

    def set_colours(self, colours: dict[str, str]) -> None:
        for part in (self.picture, self.board, self.curves, self.uncertainty):
            part.set_colours(colours)
        self.strip.setBackground(colours["plot"])
