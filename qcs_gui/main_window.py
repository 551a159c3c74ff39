"""The main window: where everything is. It knows no engine; controllers wire it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from engine.algorithms import ALGORITHMS
from engine.priors.library import priors
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS
from qcs_gui.setup.forms import ChoiceForm
from qcs_gui.setup.image_group import ImageGroup
from qcs_gui.stage.board import ImageBoard, SampleStrip
from qcs_gui.stage.curves import CurveBoard
from qcs_gui.widgets.boxes import ListBox, NumberBox, WholeBox
from qcs_gui.widgets.problem import ProblemDialog

__all__ = ["AUTO_OFFSET", "MainWindow"]

AUTO_OFFSET = -0.01
"""The least value of the offset's box, which stands for auto."""
COLUMN_WIDTH = 372
"""Of the column of steps: its widest form and the scroll bar."""

# name, menu, text, shortcut
ACTIONS = [
    ("open_image", "&File", "&Open image ...", QKeySequence.StandardKey.Open),
    ("draw", "&File", "&Draw an image ...", "Ctrl+D"),
    ("open_measurement", "&File", "Open &own measurements ...", "Ctrl+Shift+M"),
    ("save_measurement", "&File", "Save meas&urement ...", "Ctrl+Alt+M"),
    ("open_result", "&File", "Open resul&t ...", "Ctrl+Shift+R"),
    ("save_result", "&File", "Save resu&lt ...", "Ctrl+Alt+S"),
    ("open_run", "&File", "Open &run file ...", "Ctrl+Shift+O"),
    ("save_run", "&File", "&Save run file ...", QKeySequence.StandardKey.Save),
    ("export_mean", "&File", "Export &mean ...", "Ctrl+E"),
    ("export_std", "&File", "Export s&td ...", "Ctrl+Shift+E"),
    ("export_samples", "&File", "Export sam&ples ...", "Ctrl+Alt+E"),
    ("export_all", "&File", "Export &everything ...", QKeySequence.StandardKey.SaveAs),
    ("quit", "&File", "&Quit", QKeySequence.StandardKey.Quit),
    ("run", "&Run", "&Run", "Ctrl+R"),
    ("pause", "&Run", "&Pause or resume", "Ctrl+P"),
    ("finish", "&Run", "&Finish now", "Ctrl+Return"),
    ("cancel", "&Run", "&Cancel", "Esc"),
    ("more", "&Run", "&Add samples", "Ctrl+M"),
    ("copy_command", "&Run", "Copy as command &line", "Ctrl+Shift+C"),
    ("prior_page", "&Prior", "&About this prior ...", "Ctrl+I"),
    ("train_prior", "&Prior", "&Train a prior ...", "Ctrl+T"),
    ("import_prior", "&Prior", "I&mport a network ...", "Ctrl+Shift+I"),
    ("reset_zoom", "&View", "Reset &zoom", "Ctrl+0"),
    ("theme", "&View", "&Light or dark", "Ctrl+L"),
    ("about", "&Help", "&About QCS Studio", QKeySequence.StandardKey.HelpContents),
]


class MainWindow(QMainWindow):
    """``dropped`` carries the path of a local file; ``closing`` is asked before the window closes."""

    dropped = Signal(str)

    def __init__(self, spec: RunSpec) -> None:
        super().__init__()
        self.setWindowTitle("QCS Studio")
        self.setAcceptDrops(True)
        screen = self.screen().availableSize()
        self.resize(min(1380, screen.width()), min(880, screen.height()))
        self.may_close: Callable[[], bool] = lambda: True
        self.problem = ProblemDialog(self)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(self._left(spec))
        splitter.addWidget(self._middle())
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([COLUMN_WIDTH, 1380 - COLUMN_WIDTH])
        self.setCentralWidget(splitter)
        self.actions_by_name: dict[str, QAction] = {}
        for name, menu, text, shortcut in ACTIONS:
            action = QAction(text, self)
            action.setShortcut(QKeySequence(shortcut))
            self._menu(menu).addAction(action)
            self.actions_by_name[name] = action
        self.pixel_label, self.speed_label, self.device_label = QLabel(), QLabel(), QLabel("starting the engine ...")
        self.result_label = QLabel()
        self.result_label.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.result_label, self.speed_label, self.device_label):
            label.setContentsMargins(6, 0, 6, 0)
        self.statusBar().addWidget(self.result_label)
        self.statusBar().addWidget(self.pixel_label, 1)
        for label in (self.speed_label, self.device_label):
            self.statusBar().addPermanentWidget(label)

    def _menu(self, title: str):
        bar = self.menuBar()
        for action in bar.actions():
            if action.text() == title and action.menu() is not None:
                return action.menu()
        return bar.addMenu(title)

    # -- the column of steps ---------------------------------------------------------------------------------------

    def _left(self, spec: RunSpec) -> QWidget:
        column = QVBoxLayout()
        column.setSpacing(6)
        self.image = ImageGroup()
        column.addWidget(self.image)
        self.operator_form = ChoiceForm("2  Sensing", OPERATORS, spec.operator.name)
        self.noise = NumberBox()
        self.noise.setRange(0, 1e5)
        self.noise.setAccessibleName("2  Sensing: noise sigma")
        self.noise.setToolTip("Standard deviation of the Gaussian noise n, in the units of z = A x.")
        self.offset = NumberBox()
        self.offset.setRange(AUTO_OFFSET, 1)
        self.offset.setSpecialValueText("auto")
        self.offset.setAccessibleName("2  Sensing: offset")
        self.offset.setToolTip(
            "What is measured is A (x - offset): taking the mean brightness away leaves the quantizer its range. auto takes "
            "the prior's mean, and 0 for masks and light."
        )
        self.snr = QLabel()
        self.snr.setObjectName("dim")
        row = QHBoxLayout()
        row.addWidget(self.noise, 1)
        row.addWidget(self.snr)
        noise_row = QFormLayout()
        noise_row.addRow("Noise sigma", row)
        noise_row.addRow("Offset", self.offset)
        self.operator_form.layout().insertLayout(3, noise_row)  # type: ignore[union-attr]
        self.quantizer_form = ChoiceForm("3  Quantizer", QUANTIZERS, spec.quantizer.name)
        self.prior_form = ChoiceForm("4  Prior", priors(), spec.prior.name)
        self.algorithm_form = ChoiceForm("5  Algorithm", ALGORITHMS, spec.algorithm.name)
        self.samples, self.seed = WholeBox(), WholeBox()
        self.samples.setRange(1, 4096)
        self.samples.setAccessibleName("5  Algorithm: posterior samples")
        self.samples.setToolTip("Number of posterior samples: their spread is the uncertainty.")
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setAccessibleName("5  Algorithm: seed")
        self.seed.setToolTip("Seed of matrix, noise and samples: the same seed gives the same picture.")
        extra = QFormLayout()
        extra.addRow("Posterior samples", self.samples)
        extra.addRow("Seed", self.seed)
        self.algorithm_form.layout().insertLayout(3, extra)  # type: ignore[union-attr]
        self.advice = QLabel()
        self.advice.setWordWrap(True)
        self.advice_button = QPushButton("Use the suggestion")
        self.advice_button.setToolTip(
            "Takes the algorithm that suits the sensing matrix, now and whenever that changes."
        )
        self.algorithm_form.layout().addWidget(self.advice)  # type: ignore[union-attr]
        self.algorithm_form.layout().addWidget(self.advice_button)  # type: ignore[union-attr]
        for form in (self.operator_form, self.quantizer_form, self.prior_form, self.algorithm_form):
            column.addWidget(form)
        column.addStretch()
        inner = QWidget()
        inner.setLayout(column)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        outer = QWidget()
        layout = QVBoxLayout(outer)
        layout.setContentsMargins(6, 6, 0, 6)
        layout.addWidget(area, 1)
        layout.addLayout(self._buttons())
        outer.setMinimumWidth(COLUMN_WIDTH)
        return outer

    def _buttons(self) -> QGridLayout:
        self.estimate_label = QLabel()
        self.estimate_label.setWordWrap(True)
        self.run_button, self.pause_button = QPushButton("Run"), QPushButton("Pause")
        self.finish_button, self.cancel_button = QPushButton("Finish now"), QPushButton("Cancel")
        self.more_button = QPushButton("Add samples")
        self.run_button.setObjectName("run")
        self.finish_button.setToolTip("End after this step and keep the current estimate.")
        self.cancel_button.setToolTip("End after this step and discard the run.")
        self.more_button.setToolTip("Draw as many samples again and add them to this result.")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress of the run")
        grid = QGridLayout()
        grid.addWidget(self.estimate_label, 0, 0, 1, 2)
        grid.addWidget(self.run_button, 1, 0, 1, 2)
        grid.addWidget(self.pause_button, 2, 0)
        grid.addWidget(self.finish_button, 2, 1)
        grid.addWidget(self.cancel_button, 3, 0)
        grid.addWidget(self.more_button, 3, 1)
        grid.addWidget(self.progress, 4, 0, 1, 2)
        return grid

    # -- panels -----------------------------------------------------------------------------------------------------

    def _middle(self) -> QWidget:
        self.board, self.strip, self.curves = ImageBoard(), SampleStrip(), CurveBoard()
        self.measurement_combo = ListBox()
        for text, view, tip in (
            ("Measurement: codes", "codes", "Bits or codes, one pixel each, on a square."),
            ("Measurement: back-projection", "back", "A^T applied to the middles of the cells."),
            ("Sensing: what is measured", "sensing", "The first rows of the matrix, the mask or the kernel."),
        ):
            self.measurement_combo.addItem(text, view)
            self.measurement_combo.setItemData(self.measurement_combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.measurement_combo.setAccessibleName("How the measurement is shown")
        self.timeline = QSlider(Qt.Orientation.Horizontal)
        self.timeline.setAccessibleName("Timeline of the run")
        self.timeline.setToolTip(
            "Drag to look back at earlier iterates, also while it runs; the right end follows the run."
        )
        self.timeline.setEnabled(False)
        self.step_label = QLabel("no run yet")
        self.step_label.setMinimumWidth(230)
        bar = QHBoxLayout()
        bar.addWidget(self.measurement_combo)
        bar.addWidget(self.timeline, 1)
        bar.addWidget(self.step_label)
        top = QWidget()
        layout = QVBoxLayout(top)
        layout.setContentsMargins(0, 6, 6, 0)
        layout.addWidget(self.board, 1)
        layout.addLayout(bar)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(top)
        splitter.addWidget(self.strip)
        splitter.addWidget(self.curves)
        splitter.setSizes([560, 120, 200])
        splitter.setStretchFactor(0, 1)
        return splitter

    def repaint_plots(self, colours: dict[str, str]) -> None:
        """Gives the plots the colours of another theme."""
        self.board.set_colours(colours)
        self.strip.setBackground(colours["plot"])
        self.curves.set_colours(colours)

    # -- events -----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.dropped.emit(url.toLocalFile())
                return

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.may_close():
            event.accept()
        else:
            event.ignore()
