"""Runs side by side: equal pictures with one zoom and one clock, a table of what differs, curves; or two of them in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.runs.comparison import Comparison, compare, truths_among
from engine.runs.spec import RunSpec
from engine.runs.wording import Axis, Naming
from qcs_gui.compare.curves import Curves
from qcs_gui.compare.metrics_table import MetricsTable
from qcs_gui.compare.moments import (
    SHOWN,
    Shown,
    levels_for,
    of_frame,
    of_result,
    of_truth,
    share_at,
    shown_pixels,
    view_of,
)
from qcs_gui.compare.pair import Pair
from qcs_gui.compare.replay import Replay
from qcs_gui.compare.scale import ColourScale
from qcs_gui.compare.wall import Wall
from qcs_gui.stage.view_store import VIEWS
from qcs_gui.widgets.boxes import ListBox
from qcs_gui.widgets.colour_maps import painted, to_qimage

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction
    from qcs_gui.background.frames import Frame

__all__ = ["ComparePage", "Picture"]

SIDE_BY_SIDE, SPLIT, FLICKER, DIFFERENCE = "Side by side", "Split line", "Flicker", "Difference"
EMPTY = (
    "Put runs side by side: several algorithms on one measurement, a grid over one or two settings, or any runs of the "
    "history. They share one zoom and one clock."
)


@dataclass
class _Slot:
    """A run that is planned, going (with its newest frame) or done."""

    spec: RunSpec
    result: Reconstruction | None = None
    frame: Frame | None = None


@dataclass(frozen=True)
class Picture:
    """What a tile shows, for the figure: its heading, (h, w, 3) 8 bit or None, and the words below."""

    heading: str
    pixels: np.ndarray | None
    words: str


class ComparePage(QWidget):
    """``closed`` asks for the stage again; ``opened`` carries the number of the run whose picture was double-clicked."""

    closed, wants_algorithms, wants_grid, wants_history = Signal(), Signal(), Signal(), Signal()
    opened = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.slots_: list[_Slot] = []
        self.table_of: Comparison | None = None
        self.naming = Naming([])
        self._order: list[int | None] = []
        self.wall, self.pair, self.replay, self.curves, self.scale = Wall(), Pair(), Replay(), Curves(), ColourScale()
        self.view = ListBox()
        self.view.addItems(list(SHOWN))
        self.view.setAccessibleName("What the pictures show")
        self.mode = ListBox()
        self.mode.addItems([SIDE_BY_SIDE, SPLIT, FLICKER, DIFFERENCE])
        self.mode.setAccessibleName("How the runs are compared")
        self.first, self.second = ListBox(), ListBox()
        self.first.setAccessibleName("First run of two")
        self.second.setAccessibleName("Second run of two")
        for box in (self.first, self.second):
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.setMinimumWidth(90)
        self.back_button, self.clear_button = QPushButton("Back to the stage"), QPushButton("Clear")
        self.export_button = QPushButton("Export")
        menu = QMenu(self.export_button)
        self.figure_action = menu.addAction("Figure (PNG, SVG, PDF) ...")
        self.csv_action = menu.addAction("Table (CSV) ...")
        self.report_action = menu.addAction("Report (HTML) ...")
        self.export_button.setMenu(menu)
        self.data, self.busy, self.read_out = QLabel(), QLabel(), QLabel()
        self.data.setWordWrap(True)
        for label in (self.busy, self.read_out):
            label.setObjectName("dim")
        self.busy.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.busy.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table = MetricsTable()
        self.below = QTabWidget()
        self.below.setDocumentMode(True)
        self.below.addTab(self.table, "Table")
        self.below.addTab(self.curves, "Curves")
        self.pictures = QStackedWidget()
        self.pictures.addWidget(self.wall)
        self.pictures.addWidget(self.pair)
        self.empty = self._make_empty()
        self._lay_out()
        self.view.currentTextChanged.connect(lambda _: self._paint())
        for box in (self.mode, self.first, self.second):
            box.currentIndexChanged.connect(lambda _: self._choose_mode())
        self.replay.moved.connect(self._replayed)
        self.back_button.clicked.connect(self.closed)
        self.clear_button.clicked.connect(lambda: self.show_results([]))
        self.wall.opened.connect(self._opened)
        self.show_results([])

    def _make_empty(self) -> QWidget:
        page = QWidget()
        headline, words = QLabel("Nothing to compare yet"), QLabel(EMPTY)
        headline.setObjectName("headline")
        words.setObjectName("dim")
        words.setWordWrap(True)
        words.setFixedWidth(520)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words.setFixedHeight(words.heightForWidth(520) + 14)
        self.algorithms_button = QPushButton("Compare algorithms ...")
        self.grid_button = QPushButton("A grid of runs ...")
        self.history_button = QPushButton("Choose from the history")
        self.algorithms_button.clicked.connect(self.wants_algorithms)
        self.grid_button.clicked.connect(self.wants_grid)
        self.history_button.clicked.connect(self.wants_history)
        column = QVBoxLayout(page)
        column.addStretch(2)
        for widget in (headline, words):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()
        row.addStretch()
        for button in (self.algorithms_button, self.grid_button, self.history_button):
            row.addWidget(button)
        row.addStretch()
        column.addLayout(row)
        column.addStretch(3)
        return page

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        for widget in (self.back_button, self.view, self.scale, self.mode):
            bar.addWidget(widget)
        bar.addWidget(self.first, 1)
        bar.addWidget(self.second, 1)
        bar.addWidget(self.busy, 2)
        bar.addWidget(self.export_button)
        bar.addWidget(self.clear_button)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.pictures)
        self.splitter.addWidget(self.below)
        self.splitter.setSizes([700, 230])
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.pictures.setMinimumHeight(180)
        self.full = QWidget()
        column = QVBoxLayout(self.full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(bar)
        column.addWidget(self.data)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.replay)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.stack)

    # -- what is compared --------------------------------------------------------------------------------------------

    @property
    def results(self) -> list[Reconstruction]:
        """The runs that are done, in their order."""
        return [s.result for s in self.slots_ if s.result is not None]

    def show_results(self, results: list[Reconstruction]) -> None:
        """These runs, in their order."""
        self.slots_ = [_Slot(r.spec, r) for r in results]
        self._take()

    def begin(self, specs: list[RunSpec]) -> None:
        """Runs that are going to be made, each with its place from now on."""
        self.slots_ = [_Slot(s) for s in specs]
        self._take()

    def show_frame(self, number: int, frame: Frame) -> None:
        """The newest frame of the run that is going."""
        slot = self.slots_[number]
        slot.frame = frame
        if number in self._order and self.pictures.currentWidget() is self.wall:
            what = SHOWN[self.view.currentText()]
            self._show(self._order.index(number), of_frame(frame, what), self._levels(what))

    def add_result(self, result: Reconstruction, number: int | None = None) -> None:
        """A run that has ended: in its place, or after the others."""
        if number is None:
            self.slots_.append(_Slot(result.spec, result))
        else:
            self.slots_[number].result, self.slots_[number].frame = result, None
        self._take()

    def give_up(self) -> None:
        """Takes away the runs that were planned and will not come."""
        self.slots_ = [s for s in self.slots_ if s.result is not None]
        self._take()

    def _take(self) -> None:
        results, waiting = self.results, any(s.result is None for s in self.slots_)
        of_results = Naming([r.spec for r in results])
        self.naming = Naming([s.spec for s in self.slots_]) if waiting else of_results
        names = self.naming.headings
        done = tuple(n for n, s in zip(names, self.slots_, strict=True) if s.result is not None)
        self.table_of = replace(compare(results, of_results), columns=done) if results else None
        self.stack.setCurrentWidget(self.full if self.slots_ else self.empty)
        self.data.setText(self.table_of.sentence if self.table_of and not waiting else "")
        self.data.setVisible(bool(self.data.text()))
        self.data.setObjectName("warning" if self.table_of is not None and self.table_of.doubtful else "dim")
        self.data.style().polish(self.data)
        for button in (self.export_button, self.clear_button):
            button.setEnabled(bool(results) and not waiting)
        self.mode.setEnabled(len(results) > 1 and not waiting)
        self.replay.setEnabled(bool(results) and not waiting)
        if waiting:
            self.mode.setCurrentText(SIDE_BY_SIDE)
            self.replay.to_end()
        for box, other in ((self.first, 0), (self.second, 1)):
            chosen = box.currentText()
            box.blockSignals(True)
            box.clear()
            box.addItems(list(done))
            box.setCurrentIndex(max(box.findText(chosen), min(other, len(done) - 1)))
            box.blockSignals(False)
        self.table.fill(self.table_of.table() if self.table_of is not None else None)
        self.curves.show_runs(results, of_results, done)
        if len(self.axes) == 2 and not waiting:
            self.below.setCurrentWidget(self.curves)
        self._lay_out_wall()
        self._choose_mode()

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.naming.axes

    def _lay_out_wall(self) -> None:
        """Truth first, then the runs in their order or, over two settings, as a grid."""
        groups = truths_among(self.results)
        axes = self.axes
        words: tuple[str, ...] = ()
        if len(axes) == 2 and len(groups) <= 1:
            across, down = axes
            inner: list[int] = []
            for row in range(len(down.words)):
                inner += sorted(
                    (n for n in range(len(self.slots_)) if self.naming.place(n, axes)[1] == row),
                    key=lambda n: self.naming.place(n, axes)[0],
                )
            words = tuple(w[:1].upper() + w[1:] for w in down.words)
            headings = [across.words[self.naming.place(n, axes)[0]] for n in inner]
            order: list[int | None] = [*inner]
            headings = [w[:1].upper() + w[1:] if i < len(across.words) else "" for i, w in enumerate(headings)]
        else:
            order = list(range(len(self.slots_)))
            headings = list(self.naming.headings)
        self._truths: list[np.ndarray] = []
        known = [t for t, _ in groups if t is not None] or [
            s.frame.seen.truth for s in self.slots_[:1] if s.frame and s.frame.seen and s.frame.seen.truth is not None
        ]
        if len(groups) > 1 and len(self.results) == len(self.slots_):  # each picture before the runs of it
            order, headings = [], []
            for truth, numbers in groups:
                if truth is not None:
                    self._truths.append(truth)
                    order.append(None)
                    headings.append("Truth")
                order += numbers
                headings += [self.naming.headings[n] for n in numbers]
        elif known:
            self._truths = known[:1]
            order, headings = [None, *order], ["Truth", *headings]
        self._order = order
        shape = next((p.shape for p in [*known, *(r.mean for r in self.results)]), (1, 1, 1))
        self.wall.aspect = shape[1] / shape[2]
        self.wall.set_tiles(headings, words, before=1 if words and known else 0)
        for place, number in enumerate(order):
            if number is not None:
                self.wall.tiles[place].setAccessibleName(self.naming.headings[number])

    def _opened(self, place: int) -> None:
        number = self._order[place]
        if number is not None and self.slots_[number].result is not None:
            self.opened.emit(sum(s.result is not None for s in self.slots_[:number]))

    # -- pictures ----------------------------------------------------------------------------------------------------

    def _levels(self, what: str) -> tuple[float, float]:
        return levels_for(what, self.results)

    def _choose_mode(self) -> None:
        two = self.mode.currentText() in (SPLIT, FLICKER, DIFFERENCE) and len(self.results) > 1
        self.first.setVisible(two)
        self.second.setVisible(two)
        self._paint()

    def _replayed(self) -> None:
        if self.slots_:
            self._paint()

    def _shown(self, number: int, what: str) -> Shown:
        slot = self.slots_[number]
        if slot.result is not None:
            longest = max(r.seconds for r in self.results)
            share = share_at(self.replay.clock, slot.result, longest, self.replay.by_seconds)
            return of_result(slot.result, what, share)
        return of_frame(slot.frame, what) if slot.frame is not None else Shown(None, ("waiting",))

    def _paint(self) -> None:
        mode, what = self.mode.currentText(), SHOWN[self.view.currentText()]
        if not self.slots_:
            return
        levels = self._levels(what)
        self.scale.show_range(view_of(what), levels)
        if mode != SIDE_BY_SIDE and len(self.results) > 1:
            self._paint_pair(mode, what, levels)
            return
        self.pair.rest()
        self.pictures.setCurrentWidget(self.wall)
        truths = iter(self._truths)
        for place, number in enumerate(self._order):
            if number is None:
                self._show(place, of_truth(next(truths)), (0.0, 1.0), "truth")
            else:
                self._show(place, self._shown(number, what), levels)

    def _show(self, place: int, shown: Shown, levels: tuple[float, float], what: str = "") -> None:
        what = what or SHOWN[self.view.currentText()]
        rgb = _coloured(shown.pixels, what, levels)
        image = None if rgb is None else to_qimage(rgb)
        self.wall.tiles[place].show_image(image, shown.parts or (("none",) if image is None else ()), shown.failed)

    def _paint_pair(self, mode: str, what: str, levels: tuple[float, float]) -> None:
        numbers = [n for n, s in enumerate(self.slots_) if s.result is not None]
        chosen = [numbers[max(0, box.currentIndex())] for box in (self.first, self.second)]
        names = [self.naming.headings[n] for n in chosen]
        pictures = [self._shown(n, what).pixels for n in chosen]
        self.pictures.setCurrentWidget(self.pair)
        if mode == DIFFERENCE:
            one, other = pictures
            apart = None if one is None or other is None or one.shape != other.shape else one - other
            limit = 0.5 if apart is None else max(float(np.abs(apart).max()), 0.01)
            name = f"{names[0]} less {names[1]}" if apart is not None else "The two pictures have different sizes"
            self.pair.show_one(name, apart, "error", (-limit, limit))
        else:
            self.pair.show_pair(names, pictures, view_of(what), levels, split=mode == SPLIT)

    def figure_pictures(self) -> tuple[list[Picture], tuple[str, ...]]:
        """What the wall shows, in its order, and the heads of the rows where it is a grid."""
        what = SHOWN[self.view.currentText()]
        levels, truths, found = self._levels(what), iter(self._truths), []
        for place, number in enumerate(self._order):
            shown = of_truth(next(truths)) if number is None else self._shown(number, what)
            rgb = _coloured(shown.pixels, "truth" if number is None else what, levels)
            found.append(Picture(self.wall.tiles[place].heading.text(), rgb, shown.words))
        return found, tuple(h.text() for h in self.wall.heads)

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._paint()

    def set_colours(self, colours: dict[str, str]) -> None:
        self.pair.set_colours(colours)
        self.curves.set_colours(colours)


def _coloured(pixels: np.ndarray | None, what: str, levels: tuple[float, float]) -> np.ndarray | None:
    """(h, w, 3), 8 bit."""
    if pixels is None:
        return None
    return painted(shown_pixels(what, pixels), VIEWS[view_of(what)].colours, levels)
