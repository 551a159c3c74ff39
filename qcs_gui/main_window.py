"""The main window: where everything is. It knows no engine; controllers wire it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QIcon, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDockWidget,
    QGridLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

import resources
from engine.algorithms import ALGORITHMS
from engine.priors.library import priors
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS
from qcs_gui.actions import ACTIONS
from qcs_gui.compare.page import ComparePage
from qcs_gui.gallery.page import GalleryPage
from qcs_gui.library.history_view import HistoryView
from qcs_gui.meter import Meter
from qcs_gui.setup.forms import ChoiceForm
from qcs_gui.setup.image_group import ImageGroup
from qcs_gui.setup.prior_groups import PRIOR_GROUPS
from qcs_gui.stage.curves import CurveBoard
from qcs_gui.stage.panel_grid import PanelGrid
from qcs_gui.stage.stage import Stage
from qcs_gui.stage.strip import SampleStrip
from qcs_gui.stage.timeline import JumpSlider
from qcs_gui.stage.view_store import VIEWS
from qcs_gui.widgets.boxes import ListBox, SettingBox
from qcs_gui.widgets.problem import ProblemDialog
from qcs_gui.widgets.reading_order import next_in_reading_order

__all__ = ["PACES", "MainWindow"]

PACES = {"Full speed": 0.0, "At least 6 s": 6.0, "At least 20 s": 20.0}
"""Seconds that a run is stretched to, where it is faster; one that takes longer takes as long as it takes."""
PEEK = Qt.Key.Key_T
"""While it is held the stage shows the truth."""
COLUMN_WIDTH = 372
"""Of the column of steps: its widest form and the scroll bar."""


class MainWindow(QMainWindow):
    """``dropped`` carries the paths of local files; ``closing`` is asked before the window closes."""

    dropped = Signal(list)

    def __init__(self, spec: RunSpec) -> None:
        super().__init__()
        self.setWindowTitle("QCS Studio")
        self.setWindowIcon(QIcon(str(Path(resources.__file__).parent / "icon.svg")))
        self.setAcceptDrops(True)
        screen = self.screen().availableSize()
        self.resize(min(1380, screen.width()), min(880, screen.height()))
        self.may_close: Callable[[], bool] = lambda: True
        self.problem = ProblemDialog(self)
        self.stage, self.gallery, self.compare = Stage(), GalleryPage(), ComparePage()
        self.pages = QStackedWidget()
        for page in (self.stage, self.gallery, self.compare):
            self.pages.addWidget(page)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.column = self._left(spec)
        self.splitter.addWidget(self.column)
        self.splitter.addWidget(self.pages)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([COLUMN_WIDTH, 1380 - COLUMN_WIDTH])
        self.splitter.setChildrenCollapsible(False)
        self.setCentralWidget(self.splitter)
        self.history = HistoryView()
        self.history_dock = QDockWidget("History", self)
        self.history_dock.setObjectName("history")
        self.history_dock.setWidget(self.history)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.history_dock)
        self.history_dock.hide()
        self.actions_by_name: dict[str, QAction] = {}
        for command in ACTIONS:
            action = QAction(command.text, self)
            action.setShortcut(QKeySequence(command.shortcut))
            action.setStatusTip(command.tip)
            action.setCheckable(command.checkable)
            self.menu_named(command.menu).addAction(action)
            self.actions_by_name[command.name] = action
        for number, key in enumerate(VIEWS, start=1):
            shortcut = QShortcut(QKeySequence(str(number % 10)), self)
            shortcut.activated.connect(lambda key=key: self.show_view(key))
        for letter, button in (("W", self.stage.wall_button), ("F", self.stage.follow_button)):
            QShortcut(QKeySequence(letter), self).activated.connect(button.click)
        self._wire_views()
        self.stage.picture.setFocus()  # not the first field: letters and digits are keys of the stage
        self.pixel_label, self.speed_label, self.device_label = QLabel(), QLabel(), QLabel("starting the engine ...")
        for label in (self.pixel_label, self.speed_label, self.device_label):
            label.setContentsMargins(6, 0, 6, 0)
        self.meter = Meter()
        self.meter.queue_wanted.connect(lambda: self.actions_by_name["history"].setChecked(True))
        self.statusBar().addWidget(self.pixel_label, 1)
        for widget in (self.speed_label, self.device_label, self.meter):
            self.statusBar().addPermanentWidget(widget)

    def menu_named(self, title: str) -> QMenu:
        """The menu of the bar with that title, made where it is not there yet."""
        bar = self.menuBar()
        for action in bar.actions():
            if action.text() == title and isinstance(action.menu(), QMenu):
                return action.menu()  # type: ignore[return-value]
        return bar.addMenu(title)

    # -- the column of steps ---------------------------------------------------------------------------------------

    def _left(self, spec: RunSpec) -> QWidget:
        column = QVBoxLayout()
        column.setSpacing(6)
        self.image = ImageGroup()
        column.addWidget(self.image)
        self.operator_form = ChoiceForm("2  Sensing", OPERATORS, spec.operator.name)
        settings = RunSpec.settings()
        self.fields = {
            key: SettingBox(settings[key], getattr(spec, key))
            for key in ("noise", "offset", "measurement_seed", "samples", "seed", "held_out")
        }
        for key, box in self.fields.items():
            step = "5  Algorithm" if key in ("samples", "seed", "held_out") else "2  Sensing"
            box.setAccessibleName(f"{step}: {settings[key].label}")
            box.setToolTip(f"{settings[key].help}\nTakes {settings[key].expected()}.")
        self.snr = QLabel()
        self.snr.setObjectName("dim")
        for key in ("noise", "offset", "measurement_seed"):
            self.operator_form.add_setting(key, settings[key], self.fields[key], self.snr if key == "noise" else None)
        self.quantizer_form = ChoiceForm("3  Quantizer", QUANTIZERS, spec.quantizer.name)
        self.prior_form = ChoiceForm("4  Prior", priors(), spec.prior.name, PRIOR_GROUPS)
        self.anew_label = QLabel()
        self.anew_label.setObjectName("dim")
        self.anew_label.setWordWrap(True)
        self.anew_button = QPushButton("Measure anew")
        self.anew_button.setToolTip("Settles offset and ranges that are auto for the prior that is chosen now.")
        for widget in (self.anew_label, self.anew_button):
            widget.hide()
            self.prior_form.layout().addWidget(widget)  # type: ignore[union-attr]
        self.algorithm_form = ChoiceForm("5  Algorithm", ALGORITHMS, spec.algorithm.name)
        for key in ("samples", "seed", "held_out"):
            self.algorithm_form.add_setting(key, settings[key], self.fields[key])
        self.advice = QLabel()
        self.advice.setWordWrap(True)
        self.advice_button = QPushButton("Use the suggestion")
        self.advice_button.setToolTip(
            "Takes the algorithm that suits the sensing matrix, now and whenever that changes."
        )
        self.algorithm_form.layout().addWidget(self.advice)  # type: ignore[union-attr]
        self.algorithm_form.layout().addWidget(self.advice_button)  # type: ignore[union-attr]
        self.forms = (self.operator_form, self.quantizer_form, self.prior_form, self.algorithm_form)
        for form in self.forms:
            column.addWidget(form)
        self.nothing_found = QLabel("No setting of these choices is called so.")
        self.nothing_found.setObjectName("dim")
        self.nothing_found.hide()
        column.addWidget(self.nothing_found)
        column.addStretch()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a setting")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find a setting")
        self.search.setToolTip("Shows only what is called so, folded settings too. Escape shows everything again.")
        self.search.textChanged.connect(self._search)
        QShortcut(QKeySequence("Esc"), self.search, context=Qt.ShortcutContext.WidgetShortcut).activated.connect(
            self.search.clear
        )
        inner = QWidget()
        inner.setLayout(column)
        self.column_area = area = QScrollArea()
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        outer = QWidget()
        layout = QVBoxLayout(outer)
        layout.setContentsMargins(6, 6, 0, 6)
        layout.addWidget(self.search)
        layout.addWidget(area, 1)
        layout.addLayout(self._buttons())
        outer.setMinimumWidth(COLUMN_WIDTH)
        return outer

    def _search(self, words: str) -> None:
        found = False
        for form in self.forms:
            there = form.search(words.strip())
            form.setVisible(there or not words.strip())
            found = found or there
        self.image.setVisible(not words.strip())
        self.nothing_found.setVisible(bool(words.strip()) and not found)

    def _buttons(self) -> QGridLayout:
        self.estimate_label = QLabel()
        self.estimate_label.setWordWrap(True)
        self.run_button, self.pause_button = QPushButton("Run"), QPushButton("Pause")
        self.live_button = QPushButton("Live")
        self.live_button.setCheckable(True)
        self.live_button.setObjectName("live")
        self.live_button.setToolTip(
            "Reconstruct at every change: a stroke, a slider, another matrix. Fast, by messages alone."
        )
        self.pace = ListBox()
        self.pace.addItems(list(PACES))
        self.pace.setAccessibleName("Pace of a run")
        self.pace.setToolTip(
            "As fast as it goes, or slowed for an audience; nothing is made faster. The time reported is the engine's own."
        )
        self.finish_button, self.cancel_button = QPushButton("Finish now"), QPushButton("Cancel")
        self.more_button = QPushButton("Add samples")
        self.run_button.setObjectName("run")
        self.finish_button.setToolTip("End after this step and keep the current estimate.")
        self.cancel_button.setToolTip("End after this step and discard the run.")
        self.more_button.setToolTip("Draw as many samples again and add them to this result.")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress of the run")
        self.crop_button = QPushButton()
        self.crop_button.setAccessibleName("Crop the picture to a size that divides")
        self.crop_button.setToolTip("Takes the nearest size that this way of measuring can divide.")
        self.crop_button.hide()
        grid = QGridLayout()
        said = QVBoxLayout()
        said.addWidget(self.estimate_label)
        said.addWidget(self.crop_button)
        grid.addLayout(said, 0, 0, 1, 4)
        grid.addWidget(self.run_button, 1, 0, 1, 2)
        grid.addWidget(self.live_button, 1, 2)
        grid.addWidget(self.pace, 1, 3)
        grid.addWidget(self.pause_button, 2, 0)
        grid.addWidget(self.finish_button, 2, 1)
        grid.addWidget(self.cancel_button, 2, 2)
        grid.addWidget(self.more_button, 2, 3)
        grid.addWidget(self.progress, 3, 0, 1, 4)
        for column in range(4):
            grid.setColumnStretch(column, 1)
        return grid

    # -- pages and views -------------------------------------------------------------------------------------------

    @property
    def noise(self) -> SettingBox:
        return self.fields["noise"]

    @property
    def offset(self) -> SettingBox:
        return self.fields["offset"]

    @property
    def samples(self) -> SettingBox:
        return self.fields["samples"]

    @property
    def seed(self) -> SettingBox:
        return self.fields["seed"]

    @property
    def board(self) -> PanelGrid:
        return self.stage.board

    @property
    def strip(self) -> SampleStrip:
        return self.stage.strip

    @property
    def curves(self) -> CurveBoard:
        return self.stage.curves

    @property
    def timeline(self) -> JumpSlider:
        return self.stage.timeline.slider

    @property
    def step_label(self) -> QLabel:
        return self.stage.timeline.step_label

    @property
    def result_label(self) -> QLabel:
        return self.stage.result_label

    @property
    def measurement_combo(self) -> ListBox:
        return self.stage.measurement_combo

    def _wire_views(self) -> None:
        """Menu entries and the widgets they show, kept equal."""
        stage, actions = self.stage, self.actions_by_name
        for name, widget in (("diagnostics", stage.curves), ("uncertainty", stage.uncertainty)):
            actions[name].toggled.connect(widget.setVisible)
        for name, button in (("grid", stage.grid_button), ("split", stage.split_button), ("live", self.live_button)):
            actions[name].toggled.connect(button.setChecked)
            button.toggled.connect(actions[name].setChecked)
        actions["history"].toggled.connect(self.history_dock.setVisible)
        self.history_dock.visibilityChanged.connect(
            lambda _: actions["history"].setChecked(not self.history_dock.isHidden())
        )
        actions["play"].triggered.connect(stage.timeline.play_button.toggle)
        actions["live_end"].triggered.connect(stage.timeline.follow)
        actions["reset_zoom"].triggered.connect(stage.board.reset_zoom)
        actions["reset_zoom"].triggered.connect(stage.picture.reset_zoom)
        actions["fix_ranges"].toggled.connect(stage.store.fix)
        actions["reset_contrast"].triggered.connect(stage.store.reset_contrast)
        stage.view_chosen.connect(lambda _: self.show_page(stage))

    def show_page(self, page: QWidget) -> None:
        """The stage, the gallery or the comparison."""
        self.pages.setCurrentWidget(page)

    def show_view(self, key: str) -> None:
        """A view on the stage, wherever the window is."""
        self.stage.show_view(key)

    def repaint_plots(self, colours: dict[str, str]) -> None:
        """Gives the plots the colours of another theme."""
        self.stage.set_colours(colours)
        self.compare.set_colours(colours)

    # -- events -----------------------------------------------------------------------------------------------------

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Rows of settings come and go: the order of Tab is that in which they are seen, whenever it is pressed."""
        found = next_in_reading_order(self, self.focusWidget(), forward)
        if found is None:
            return super().focusNextPrevChild(forward)
        found.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
        if self.column_area.isAncestorOf(found):
            self.column_area.ensureWidgetVisible(found)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == PEEK and not event.modifiers():
            self.stage.picture.peek(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == PEEK and not event.isAutoRepeat():
            self.stage.picture.peek(False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.stage.picture.peek(False)  # the key is let go of elsewhere
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            self._take_as_copy(event)

    @staticmethod
    def _take_as_copy(event: QDropEvent) -> None:
        """A file manager that proposes to move must keep its file; one that can only move is told that nothing was moved."""
        if event.possibleActions() & Qt.DropAction.CopyAction:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.setDropAction(Qt.DropAction.IgnoreAction)

    def dropEvent(self, event: QDropEvent) -> None:
        names = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if names:
            self._take_as_copy(event)
            self.dropped.emit(names)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.may_close():
            event.accept()
        else:
            event.ignore()
