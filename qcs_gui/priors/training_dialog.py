"""The dialog that trains a prior: what to train on, how long, and what it can do so far."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.settings import DenoiserTraining, Training
from qcs_gui.stage.strip import SampleStrip
from qcs_gui.widgets.boxes import ListBox
from qcs_gui.widgets.settings_panel import SettingsPanel

__all__ = ["TrainingDialog"]

FIRST = ("images", "prior", "minutes", "side", "colour", "crops", "width", "objective", "device", "licence")
FIRST_OF_GENERATOR = (
    "images",
    "prior",
    "minutes",
    "method",
    "side",
    "colour",
    "latent",
    "decoder",
    "device",
    "licence",
)
LOSS_OF = {DenoiserTraining: "Loss (1 is predicting nothing)", GeneratorTraining: "Loss"}
HIDDEN = ("out", "threads", "validation", "steps")
NO_PREVIEW = "PSNR on pictures it is not trained on: after the first preview"


class TrainingDialog(QDialog):
    """Widgets only. Closing it while it trains leaves the training to be resumed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a prior")
        self.setMinimumSize(900, 560)
        self.on_close = lambda: None
        self.panels: dict[type[Training], SettingsPanel] = {
            DenoiserTraining: SettingsPanel(DenoiserTraining, FIRST, HIDDEN),
            GeneratorTraining: SettingsPanel(GeneratorTraining, FIRST_OF_GENERATOR, HIDDEN),
        }
        self.kind_combo = ListBox()
        self.kind_combo.setAccessibleName("Kind of prior")
        self.kind_combo.setToolTip(
            "A denoiser serves most methods and gives the best pictures; a generator makes a picture of a few numbers."
        )
        for cls, words in ((DenoiserTraining, "Denoiser"), (GeneratorTraining, "Generator")):
            self.kind_combo.addItem(words, cls)
        self.stack = QStackedWidget()
        for panel in self.panels.values():
            self.stack.addWidget(panel)
        self.loss_label = QLabel(LOSS_OF[DenoiserTraining])
        self.kind_combo.currentIndexChanged.connect(self.stack.setCurrentIndex)
        self.kind_combo.currentIndexChanged.connect(
            lambda _: self.loss_label.setText(LOSS_OF[self.kind_combo.currentData()])
        )
        self.resume_combo = ListBox()
        self.resume_combo.setAccessibleName("Training to go on with")
        self.resume_combo.setToolTip("A training that was left or broke off goes on where it was last saved.")
        self.discard_button = QPushButton("Discard")
        self.discard_button.setToolTip("Removes what the chosen unfinished training has left.")
        self.start_button, self.pause_button = QPushButton("Train"), QPushButton("Pause")
        self.keep_button = QPushButton("Stop and keep")
        self.start_button.setObjectName("run")
        self.keep_button.setToolTip("Ends the training now and takes the prior as it is.")
        self.leave_button = QPushButton("Leave for later")
        self.leave_button.setToolTip("Saves the training, to be resumed whenever you like.")
        self.says = QLabel("Choose a folder of pictures.")
        self.says.setWordWrap(True)
        self.says.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.hide()
        self.progress = QProgressBar()
        self.use_button = QPushButton("Use it now")
        self.use_button.setToolTip("Choose the new prior in the window.")
        self.use_button.hide()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress of the training")
        self.loss_plot, self.psnr_plot = pg.PlotWidget(), pg.PlotWidget()
        for plot, left in ((self.loss_plot, "loss"), (self.psnr_plot, "PSNR / dB")):
            plot.setLabel("left", left)
            plot.setLabel("bottom", "step")
            plot.setMinimumHeight(140)
            plot.setMenuEnabled(False)
            for side in ("left", "bottom"):
                plot.getAxis(side).enableAutoSIPrefix(False)
        self.loss_curve = self.loss_plot.plot([], pen=pg.mkPen("#4ea1ff", width=2))
        self.psnr_curve = self.psnr_plot.plot([], pen=pg.mkPen("#ffb454", width=2), symbol="o", symbolSize=5)
        self.best_mark = pg.ScatterPlotItem(symbol="star", size=16, brush="#5fbf77", pen=None)
        self.best_mark.setZValue(5)
        self.psnr_plot.addItem(self.best_mark)
        self.psnr_label = QLabel(NO_PREVIEW)
        self.psnr_label.setWordWrap(True)
        self.strip = SampleStrip()
        self.strip.setMinimumHeight(110)
        self._lay_out()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        resume = QHBoxLayout()
        resume.addWidget(self.resume_combo, 1)
        resume.addWidget(self.discard_button)
        left.addLayout(resume)
        left.addWidget(self.kind_combo)
        fields = QScrollArea()
        fields.setWidget(self.stack)
        fields.setWidgetResizable(True)
        fields.setFrameShape(QScrollArea.Shape.NoFrame)
        fields.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        left.addWidget(fields, 1)
        left.addWidget(self.says)
        left.addWidget(self.note)
        buttons = QGridLayout()
        for i, button in enumerate((self.start_button, self.pause_button, self.keep_button, self.leave_button)):
            buttons.addWidget(button, i // 2, i % 2)
        left.addLayout(buttons)
        left.addWidget(self.use_button)
        left.addWidget(self.progress)
        column = QWidget()
        column.setLayout(left)
        column.setFixedWidth(400)
        right = QVBoxLayout()
        right.addWidget(self.loss_label)
        right.addWidget(self.loss_plot, 1)
        right.addWidget(self.psnr_label)
        right.addWidget(self.psnr_plot, 1)
        right.addWidget(QLabel("Samples drawn from nothing"))
        right.addWidget(self.strip)
        layout = QHBoxLayout(self)
        layout.addWidget(column)
        layout.addLayout(right, 1)

    @property
    def panel(self) -> SettingsPanel:
        """The fields of the kind that is chosen."""
        return self.panels[self.kind_combo.currentData()]

    def choose_kind(self, cls: type[Training]) -> None:
        """Shows the fields of a kind of training."""
        self.kind_combo.setCurrentIndex(self.kind_combo.findData(cls))

    def set_colours(self, colours: dict[str, str]) -> None:
        """Gives the plots the colours of the theme."""
        for plot in (self.loss_plot, self.psnr_plot):
            plot.setBackground(colours["plot"])
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(colours["text"])
                plot.getAxis(side).setPen(colours["text"])
        self.strip.setBackground(colours["plot"])

    def show_curves(self, history: dict[str, list]) -> None:
        """Loss and PSNR by step."""
        self.loss_curve.setData(history.get("step", []), history.get("loss", []))
        self.psnr_curve.setData(history.get("psnr_step", []), history.get("psnr", []))

    def mark_best(self, best: tuple[int, float] | None) -> None:
        """The step that is kept, on the curve."""
        self.best_mark.setData([] if best is None else [best[0]], [] if best is None else [best[1]])

    def clear(self) -> None:
        """Takes away what an earlier training has shown."""
        self.progress.setValue(0)
        self.note.hide()
        self.use_button.hide()
        self.show_curves({})
        self.mark_best(None)
        self.psnr_label.setText(NO_PREVIEW)
        self.strip.clear_samples()

    def show_samples(self, samples: np.ndarray) -> None:
        """Pictures (n, c, h, w) in [0, 1]."""
        self.strip.set_samples(samples)

    def reject(self) -> None:
        """Escape and the close button alike."""
        self.on_close()
        super().reject()
