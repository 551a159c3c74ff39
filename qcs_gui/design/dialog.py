"""The window of the designer: a budget, a chart of what each split is expected to give, and one click that takes it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from qcs_gui.stage.picture_panel import cache_axes
from qcs_gui.theme import ACCENT, pen

if TYPE_CHECKING:
    from engine.experiments.design import Design

__all__ = ["DesignDialog"]

KINDS = {"Bits per pixel value": "bits", "Measurements per pixel value": "rows"}
SHORT = {"one-bit": "1 bit", "dithered": "1 bit,\ndither", "dithered known=false": "1 bit,\nunknown\ndither"}


class DesignDialog(QDialog):
    """Not modal: the set-up behind it is the one it designs for."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Design a measurement")
        self.kind, self.budget = QComboBox(), QDoubleSpinBox()
        self.kind.addItems(list(KINDS))
        self.kind.setAccessibleName("Kind of budget")
        self.budget.setAccessibleName("Budget")
        self.budget.setRange(0.01, 8.0)
        self.budget.setSingleStep(0.1)
        self.budget.setValue(1.0)
        self.fixed_time = QCheckBox("The time of all measurements together is fixed")
        self.fixed_time.setToolTip(
            "Fewer rows are then measured for longer each: the noise of M of N rows is sigma sqrt(M/N)."
        )
        self.about, self.says = QLabel(), QLabel()
        for label in (self.about, self.says):
            label.setWordWrap(True)
        self.about.setObjectName("dim")
        self.plot = pg.PlotWidget()
        self.plot.setAccessibleName("Expected PSNR of each split")
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.getPlotItem().hideButtons()
        self.plot.setLabel("left", "expected PSNR / dB")
        self.plot.setLabel("bottom", "bits of each measurement, and measurements")
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self.plot.showGrid(y=True, alpha=0.2)
        self.plot.setMinimumSize(520, 260)
        cache_axes(self.plot.getPlotItem())
        self.bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), top=0, bottom=0, beam=0.2, pen=pen(0))
        self.points = pg.ScatterPlotItem(size=9, pen=None, brush=ACCENT)
        self.star = pg.ScatterPlotItem(size=18, pen=None, brush="#d66fb0", symbol="star")
        for item in (self.bars, self.points, self.star):
            self.plot.addItem(item)
        self.use_button = QPushButton("Take it over")
        self.use_button.setToolTip("Sets operator, rows, quantizer and noise to the best split, with turbo.")
        self.use_button.setEnabled(False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.use_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        form = QFormLayout()
        form.addRow("Budget", self.kind)
        form.addRow("Amount", self.budget)
        form.addRow("", self.fixed_time)
        layout = QVBoxLayout(self)
        layout.addWidget(self.about)
        layout.addLayout(form)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.says)
        layout.addWidget(buttons)

    def show_design(self, design: Design) -> None:
        """Draws the splits and says which is best."""
        x = np.arange(len(design.splits), dtype=float)
        psnr, low, high = (np.array([getattr(s, k) for s in design.splits]) for k in ("psnr", "low", "high"))
        self.bars.setData(x=x, y=psnr, top=np.maximum(high - psnr, 0), bottom=np.maximum(psnr - low, 0))
        self.points.setData(x, psnr)
        best = design.splits.index(design.best)
        self.star.setData([x[best]], [psnr[best]])
        names = [SHORT.get(s.quantizer, f"{s.bits} bits") + f"\n{s.rows:,}" for s in design.splits]
        self.plot.getAxis("bottom").setTicks([list(zip(x.tolist(), names, strict=True))])
        self.plot.getAxis("bottom").setHeight(84)
        self.plot.setXRange(-0.5, len(x) - 0.5, padding=0)
        self.plot.setYRange(float(low.min()) - 0.5, float(high.max()) + 0.5, padding=0)
        b = design.best
        words = SHORT.get(b.quantizer, f"{b.bits} bits").replace("\n", " ")
        self.says.setText(
            f"Best: {b.rows:,} measurements of {words}, expected {b.psnr:.1f} dB (four of five pictures lie between "
            f"{b.low:.0f} and {b.high:.0f})."
        )
        self.use_button.setEnabled(True)

    def show_problem(self, sentence: str) -> None:
        self.says.setText(sentence)
        self.use_button.setEnabled(False)

    def set_colours(self, plot: str, text: str) -> None:
        self.plot.setBackground(plot)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setTextPen(text)
            self.plot.getAxis(side).setPen(text)
