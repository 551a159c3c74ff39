"""The middle of the window: one large picture with the truth and what was measured beside it, what is to be said of it in large
type, the strip of samples below; or a wall of samples, or a grid of panels. Curves and uncertainty fold away.

Before a run the stage shows the picture that will be measured; while one goes the picture that forms; at its end the mean, or the
wall where samples do not agree. A view that somebody chooses stays until the next run."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
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
from qcs_gui.stage.inferred_table import InferredTable
from qcs_gui.stage.large_view import LargeView
from qcs_gui.stage.panel_grid import PanelGrid
from qcs_gui.stage.strip import SampleStrip
from qcs_gui.stage.timeline import Timeline
from qcs_gui.stage.uncertainty import UncertaintyPanel
from qcs_gui.stage.view_store import VIEWS, ViewStore
from qcs_gui.widgets.boxes import ListBox
from qcs_gui.widgets.fitted import FittedLabel
from qcs_gui.widgets.flow import FlowLayout
from qcs_gui.widgets.thumb import Thumb

__all__ = ["Stage"]

MEASURED_VIEWS = (
    ("Codes", "codes", "Bits or codes, one pixel each, on a square; as a picture where rows are pixels."),
    ("Back-projection", "back", "A^T applied to the middles of the cells."),
    ("Sensing matrix", "sensing", "The first rows of the matrix, the mask or the kernel."),
)


LARGE, WALL, GRID = range(3)
"""Layouts of the stage, in the order of their stack."""


class Stage(QWidget):
    """``view_chosen`` carries the view that a button, a key or a thumb asked for; ``follow_wanted`` that the stage shall go on
    choosing by itself."""

    view_chosen = Signal(str)
    follow_wanted = Signal()
    laid_out = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.store = ViewStore()
        self.following, self.presenting = True, False
        self.picture, self.board = LargeView(self.store), PanelGrid(self.store)
        self.strip, self.wall = SampleStrip(), SampleStrip()
        self.wall.setAccessibleName("Wall of samples: click one to see it large")
        self.curves, self.timeline = CurveBoard(), Timeline()
        self.uncertainty = UncertaintyPanel()
        self.result_label = FittedLabel("Result", 20, 13)
        self.scene_label = FittedLabel("What is presented", 40, 16)
        self.scene_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.scene_label.hide()
        self.details_label = QLabel()
        self.details_label.setObjectName("dim")
        self.details_label.setAccessibleName("Details of the result")
        self.note_label = QLabel()
        self.note_label.setObjectName("warning")
        for label in (self.details_label, self.note_label):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.hide()
        self.inferred = InferredTable()
        self.layouts = QStackedWidget()
        for widget in (self._large(), self.wall, self.board):
            self.layouts.addWidget(widget)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(6, 6, 6, 0)
        column.setSpacing(4)
        self.view_bar = self._view_bar()
        column.addWidget(self.view_bar)
        column.addWidget(self.scene_label)
        column.addWidget(self.layouts, 1)
        column.addWidget(self.timeline)
        column.addWidget(self.result_label)
        column.addWidget(self.details_label)
        column.addWidget(self.inferred)
        column.addWidget(self.note_label)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        for widget in (middle, self.strip, self.curves, self.uncertainty):
            self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([560, 110, 190, 240])
        self.splitter.setChildrenCollapsible(False)
        self.curves.setMinimumHeight(170)
        self.uncertainty.setMinimumHeight(200)
        for widget in (self.strip, self.timeline, self.curves, self.uncertainty):
            widget.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self.board.enlarged.connect(self.enlarge)
        self.picture.enlarged.connect(lambda _: self.picture.reset_zoom())
        self.strip.selected.connect(self.wall.mark)
        self.wall.selected.connect(self._from_wall)

    def _view_bar(self) -> QWidget:
        self.view_buttons: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        group.setExclusive(True)
        bar = QWidget()
        row = FlowLayout(bar)
        self.follow_button = QPushButton("Follow")
        self.follow_button.setToolTip(
            "Shows what there is to see: the picture before a run, how it forms, and what came of it. Key 'F'."
        )
        self.follow_button.clicked.connect(lambda _=False: self.follow())
        for number, (key, view) in enumerate(VIEWS.items(), start=1):
            button = QPushButton(view.short)
            digit = number % 10
            button.setToolTip(f"{view.title}: {view.tip} Key {digit}.")
            button.setAccessibleName(f"View: {view.title}")
            button.clicked.connect(lambda _=False, key=key: self.show_view(key))
            self.view_buttons[key] = button
        for button in (self.follow_button, *self.view_buttons.values()):
            group.addButton(button)
        self.wall_button, self.grid_button, self.split_button = (QPushButton(t) for t in ("Samples", "Grid", "Split"))
        self.wall_button.setToolTip("What could it be? All samples as a wall; a click shows one large. Key 'W'.")
        self.grid_button.setToolTip("Several panels at once; a double click enlarges one.")
        self.split_button.setToolTip("A line between this view and the truth, which can be dragged.")
        gap = QWidget()
        gap.setFixedSize(14, 1)
        tools = (self.split_button, self.wall_button, self.grid_button)
        for widget in (self.follow_button, *self.view_buttons.values(), gap, *tools):
            if widget is not gap:
                widget.setObjectName("view")
                widget.setCheckable(True)  # type: ignore[attr-defined]
            row.addWidget(widget)
        self.follow_button.setChecked(True)
        self.grid_button.toggled.connect(self.show_grid)
        self.wall_button.toggled.connect(self.show_wall)
        self.split_button.toggled.connect(self.show_split)
        return bar

    def _large(self) -> QWidget:
        self.truth_thumb, self.measured_thumb = Thumb("Truth"), Thumb("What is measured")
        self.truth_thumb.clicked.connect(lambda: self.show_view("truth"))
        self.truth_thumb.setToolTip("Click to see it large; hold the key T to see it in the place of any picture.")
        self.measured_thumb.clicked.connect(lambda: self.show_view("measurement"))
        self.amount_label = FittedLabel("How much was measured", 22, 12, lines=2)
        self.amount_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.measurement_combo = ListBox()
        for text, view, tip in MEASURED_VIEWS:
            self.measurement_combo.addItem(text, view)
            self.measurement_combo.setItemData(self.measurement_combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.measurement_combo.setAccessibleName("How the measurement is shown")
        self.measurement_combo.setToolTip("How the measurement is shown.")
        self.aside = QWidget()
        aside = QVBoxLayout(self.aside)
        aside.setContentsMargins(6, 0, 0, 0)
        aside.addWidget(self.truth_thumb, 1)
        aside.addWidget(self.measured_thumb, 1)
        aside.addWidget(self.amount_label)
        aside.addWidget(self.measurement_combo)
        large = QWidget()
        self._row = QHBoxLayout(large)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self.picture, 1)
        self._row.addWidget(self.aside)
        return large

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def is_grid(self) -> bool:
        return self.layouts.currentIndex() == GRID

    @property
    def is_wall(self) -> bool:
        return self.layouts.currentIndex() == WALL

    def show_view(self, key: str) -> None:
        """Shows a view large, because somebody chose it."""
        self.following = False
        self._lay_out(LARGE)
        self.picture.show_view(key)
        self.view_buttons[key].setChecked(True)
        self.view_chosen.emit(key)

    def follow(self) -> None:
        """From now on the stage chooses."""
        self.following = True
        self.follow_button.setChecked(True)
        self.follow_wanted.emit()

    def stage_view(self, key: str, fade: bool = False) -> None:
        """Shows a view large as long as the stage chooses; ``fade`` lets the one before become it."""
        if self.following:
            self._lay_out(LARGE)
            (self.picture.fade_to if fade else self.picture.show_view)(key)

    def stage_wall(self) -> None:
        """Shows the wall of samples as long as the stage chooses."""
        if self.following:
            self._lay_out(WALL)

    def enlarge(self, key: str) -> None:
        self.show_view(key)

    def _from_wall(self, index: int) -> None:
        """A sample that was clicked on the wall, large."""
        self.strip.select(index)
        self.show_view("denoised")

    def _lay_out(self, index: int) -> None:
        self.layouts.setCurrentIndex(index)
        self.strip.setVisible(self.strip.count > 1 and index != WALL and not self.presenting)
        for button, which in ((self.grid_button, GRID), (self.wall_button, WALL)):
            button.setChecked(index == which)
        self.laid_out.emit()

    def show_grid(self, grid: bool) -> None:
        if grid or self.is_grid:
            self._lay_out(GRID if grid else LARGE)

    def show_wall(self, wall: bool) -> None:
        """What could it be? All samples, as large as there is room."""
        if wall or self.is_wall:
            self._lay_out(WALL if wall else LARGE)

    def show_split(self, split: bool) -> None:
        """A line between the view and the truth, or between truth and mean."""
        self.picture.split_with(("mean" if self.picture.key == "truth" else "truth") if split else "")
        self.split_button.setChecked(split)

    def set_samples(self, samples: object) -> None:
        """(n, c, h, w): below the picture where there are several, or on the wall; what is not seen is not painted."""
        several = len(samples) > 1  # type: ignore[arg-type]
        self.strip.setVisible(several and not self.is_wall and not self.presenting)
        self.strip.set_samples(samples)  # type: ignore[arg-type]
        if self.is_wall:
            self.wall.set_samples(samples)  # type: ignore[arg-type]
            self.wall.mark(self.strip.index)

    def show_empty(self, empty: bool) -> None:
        """Before a run there is nothing to play and nothing to choose from."""
        self.timeline.setVisible(not empty and not self.presenting)
        if empty:
            self.strip.hide()
            if self.is_wall:
                self._lay_out(LARGE)

    def put_beside(self, widget: QWidget) -> None:
        """Something to work with, to the left of the picture: a drawing is made beside what comes of it."""
        self._lay_out(LARGE)
        self._row.insertWidget(0, widget)

    def set_presenting(self, on: bool) -> None:
        """The picture, the sentence and the bits, in letters twice as large; or everything again."""
        self.presenting = on
        if not on:
            self.scene_label.hide()
        self.strip.setVisible(not on and self.strip.count > 1 and not self.is_wall)
        self._size_letters()

    def _size_letters(self) -> None:
        """Letters grow with the stage: it is looked at from farther away."""
        twice, width, height = 2 if self.presenting else 1, self.width(), self.height()
        self.aside.setFixedWidth(min(max(round((0.3 if self.presenting else 0.24) * width), 180), 480 * twice))
        usual = min(max(round(height / 34), 18), 34)
        self.result_label.set_largest(twice * usual)
        self.scene_label.set_largest(twice * usual)
        self.amount_label.set_largest(min(max(round(self.aside.width() / (9 - 2 * (twice - 1))), 18), 44 * twice))
        font = self.font()
        if self.presenting:
            font.setPixelSize(usual)
        for widget in (self.truth_thumb, self.measured_thumb, self.details_label, self.note_label):
            widget.setFont(font)
        self.picture.set_presenting(self.presenting, round(1.2 * usual))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._size_letters()

    def set_colours(self, colours: dict[str, str]) -> None:
        for part in (self.picture, self.board, self.curves, self.uncertainty):
            part.set_colours(colours)
        for strip in (self.strip, self.wall):
            strip.setBackground(colours["plot"])
