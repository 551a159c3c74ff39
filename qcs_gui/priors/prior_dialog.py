"""The page about a prior: its card, samples drawn from it, and a denoising demo or a walk. Widgets only."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.priors.card_text import CardText
from qcs_gui.priors.latent_pad import WalkView
from qcs_gui.priors.page_plots import QualityPlot, SampleSheet, Trio
from qcs_gui.widgets.boxes import WholeBox

__all__ = ["CardView", "PriorPage"]

SLIDER_STEPS = 2000
BOTH, ITERATE, ESTIMATE = "Iterate and estimate", "Iterate", "Denoised estimate"
ORIGINAL, ERROR = "Original", "Error (denoised - original)"


def _label(name: str = "", words: str = "") -> QLabel:
    """A label for words that come from a file: plain, wrapped, selectable."""
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if name:
        label.setAccessibleName(name)
    return label


class CardView(QWidget):
    """One card; what it does not know takes no place."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.licence = _label("Card: title"), _label("Card: licence")
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setBold(True)
        self.title.setFont(font)
        font = self.licence.font()
        font.setBold(True)
        self.licence.setFont(font)
        self.rows = QFormLayout()
        self.rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setAccessibleName("Card: training command")
        self.command.setToolTip("The command that trained this prior.")
        self.command.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.command.setFixedHeight(150)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setAccessibleName("Copy the training command")
        self.copy_button.setToolTip("Puts the training command on the clipboard.")
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.toPlainText()))
        self.plot = QualityPlot()
        head = QHBoxLayout()
        head.addWidget(QLabel("Training command"), 1)
        head.addWidget(self.copy_button)
        self.training = QWidget()
        layout = QVBoxLayout(self.training)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self.command)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.licence)
        layout.addLayout(self.rows)
        layout.addWidget(self.plot)
        layout.addWidget(self.training)
        layout.addStretch()

    def show_card(self, card: CardText) -> None:
        self.title.setText(card.title)
        self.licence.setVisible(bool(card.licence))
        self.licence.setText(card.licence)
        self.licence.setObjectName("warning" if card.licence_warns else "")
        self.licence.style().polish(self.licence)
        while self.rows.rowCount():
            self.rows.removeRow(0)
        for name, words in card.rows:
            value, label = _label(f"Card: {name.lower()}", words), QLabel(name)
            label.setObjectName("dim")
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            self.rows.addRow(label, value)
        self.training.setVisible(bool(card.command))
        self.command.setPlainText(card.command)
        self.plot.setVisible(bool(card.quality))
        if card.quality:
            self.plot.set_quality(card.quality)

    def facts(self) -> dict[str, str]:
        """The rows as they are shown, label to words."""
        label, field = QFormLayout.ItemRole.LabelRole, QFormLayout.ItemRole.FieldRole
        return {self._words(i, label): self._words(i, field) for i in range(self.rows.rowCount())}

    def _words(self, row: int, role: QFormLayout.ItemRole) -> str:
        item = self.rows.itemAt(row, role)
        widget = None if item is None else item.widget()
        assert isinstance(widget, QLabel)
        return widget.text()


class PriorPage(QDialog):
    """Not modal: the window behind it stays usable. A controller fills it and follows its widgets."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About this prior")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setSizeGripEnabled(True)
        self.resize(1100, 680)
        self.combo = QComboBox()
        self.combo.setAccessibleName("Prior to look at")
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.combo.setToolTip("Looking at a prior changes nothing in the window.")
        self.use_button = QPushButton("Use this prior")
        self.use_button.setObjectName("run")
        self.use_button.setToolTip("Puts this prior into step 4 of the window.")
        self.says = _label("Prior page: state")
        self.says.setObjectName("dim")
        self.files = QTabBar()
        self.files.setAccessibleName("Card: which file of the prior")
        self.files.setToolTip("This prior has a network for each number of colours.")
        self.card = CardView()
        area = QScrollArea()
        area.setWidget(self.card)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        left, right = QWidget(), QSplitter(Qt.Orientation.Vertical)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.files)
        column.addWidget(area, 1)
        right.addWidget(self._samples())
        right.addWidget(self._denoising())
        right.setSizes([340, 380])
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(right)
        split.setSizes([400, 760])
        split.setStretchFactor(1, 1)
        head = QHBoxLayout()
        head.addWidget(self.combo)
        head.addWidget(self.says, 1)
        head.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(split, 1)
        for button in self.findChildren(QPushButton):  # Return in a field must not press one of them
            button.setAutoDefault(False)
        self._take_colours()

    def _samples(self) -> QGroupBox:
        group = QGroupBox("Samples of the prior alone")
        self.draw_button, self.stop_button = QPushButton("Draw samples"), QPushButton("Stop")
        self.draw_button.setToolTip(
            "Draws pictures out of noise, with no measurement: what the prior takes for likely."
        )
        self.stop_button.setToolTip("Ends the drawing and keeps what is shown.")
        self.stop_button.setEnabled(False)
        self.count, self.levels = WholeBox(), WholeBox()
        for box, high, value, name, tip in (
            (self.count, 64, 8, "Number of samples", "How many pictures are drawn at once."),
            (self.levels, 1000, 50, "Noise levels", "Steps from noise to picture: fewer are quicker and coarser."),
        ):
            box.setRange(2 if box is self.levels else 1, high)
            box.setValue(value)
            box.setAccessibleName(f"Samples of the prior: {name.lower()}")
            box.setToolTip(tip)
        self.shown = QComboBox()
        self.shown.addItems([BOTH, ITERATE, ESTIMATE])
        self.shown.setAccessibleName("Samples of the prior: what is shown")
        self.shown.setToolTip("The noisy iterate, and below it the clean picture that the prior sees in it.")
        self.sheet = SampleSheet()
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of the drawing")
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(6)
        self.drawn = _label("Samples of the prior: state")
        self.drawn.setObjectName("dim")
        row = QHBoxLayout()
        for widget in (
            self.draw_button,
            self.stop_button,
            self.count,
            QLabel("samples,"),
            self.levels,
            QLabel("steps"),
        ):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.shown)
        layout = QVBoxLayout(group)
        layout.addLayout(row)
        layout.addWidget(self.sheet, 1)
        layout.addWidget(self.progress)
        layout.addWidget(self.drawn)
        return group

    def _denoising(self) -> QGroupBox:
        self.demo_group = group = QGroupBox("Denoising the window's picture")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setSingleStep(SLIDER_STEPS // 100)
        self.slider.setPageStep(SLIDER_STEPS // 20)
        self.slider.setAccessibleName("Denoising: noise level sigma")
        self.slider.setToolTip("Noise added to the picture, on a logarithmic scale; pixels go from 0 to 1.")
        self.sigma_label = QLabel()
        self.sigma_label.setMinimumWidth(110)
        self.third = QComboBox()
        self.third.addItems([ORIGINAL, ERROR])
        self.third.setAccessibleName("Denoising: third picture")
        self.third.setToolTip("The picture without noise, or the error: white is none (grey in colour pictures).")
        self.trio = Trio(("Noisy", "Denoised", ORIGINAL))
        self.verdict = _label("Denoising: PSNR")
        row = QHBoxLayout()
        row.addWidget(QLabel("Noise"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.sigma_label)
        row.addWidget(self.third)
        denoising = QWidget()
        layout = QVBoxLayout(denoising)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.trio, 1)
        layout.addWidget(self.verdict)
        self.walk, self.demos = WalkView(), QStackedWidget()
        for demo in (denoising, self.walk):
            self.demos.addWidget(demo)
        QVBoxLayout(group).addWidget(self.demos)
        self._low, self._high = 0.005, 1.0
        self.slider.valueChanged.connect(lambda _: self._say_sigma())
        self.set_range(0.005, 1.0, 0.2)
        return group

    # -- the slider --------------------------------------------------------------------------------------------------

    def set_range(self, low: float, high: float, sigma: float) -> None:
        """Gives the slider another range, without a signal."""
        self._low, self._high = low, high
        place = math.log(min(max(sigma, low), high) / low) / math.log(high / low)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(SLIDER_STEPS * place))
        self._say_sigma()

    def sigma(self) -> float:
        """The noise level that the slider stands at, to three digits."""
        sigma = float(f"{self._low * (self._high / self._low) ** (self.slider.value() / SLIDER_STEPS):.3g}")
        return min(max(sigma, self._low), self._high)

    def _say_sigma(self) -> None:
        self.sigma_label.setText(f"sigma {self.sigma():.3g}")

    # -- colours -----------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "trio"):
            self._take_colours()

    def _take_colours(self) -> None:
        """Gives the plots the colours of the theme in force."""
        palette = QGuiApplication.palette()
        plot, text = (palette.color(r).name() for r in (QPalette.ColorRole.Base, QPalette.ColorRole.Text))
        self.sheet.setBackground(plot)
        self.trio.set_colours(plot, text)
        self.walk.pictures.set_colours(plot, text)
        self.card.plot.set_colours(plot, text)
