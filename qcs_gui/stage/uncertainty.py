"""What samples say about pixels, and whether they are right: histogram, probabilities, calibration."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from engine.runs.uncertainty import Calibration, PixelBelief
from qcs_gui.theme import CURVES

__all__ = ["UncertaintyPanel"]

NONE = "No samples: run a method that draws some."


def _plot(name: str, left: str, bottom: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setAccessibleName(name)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(False, False)
    plot.getPlotItem().hideButtons()
    plot.setTitle(name, size="9pt")
    for side, text in (("left", left), ("bottom", bottom)):
        plot.getAxis(side).enableAutoSIPrefix(False)
        plot.setLabel(side, text)
    plot.wheelEvent = lambda event: event.ignore()
    return plot


class UncertaintyPanel(QWidget):
    """Three plots and a sentence; ``threshold`` moves the map of probabilities."""

    threshold_changed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.pixel_plot = _plot("Pixel: samples", "samples", "value")
        self.coverage_plot = _plot("Coverage", "share inside", "nominal")
        self.pit_plot = _plot("Rank of the truth", "share", "rank")
        self.pixel_label, self.sentence = QLabel("Click a pixel of the picture."), QLabel(NONE)
        for label in (self.pixel_label, self.sentence):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 100)
        self.threshold.setValue(50)
        self.threshold.setAccessibleName("Threshold of the map 'probability above'")
        self.threshold.setToolTip(
            "The view 'Above t' shows in which share of the samples a pixel is brighter than this."
        )
        self.threshold_label = QLabel("t = 0.50")
        self.threshold.valueChanged.connect(self._moved)
        plots = QHBoxLayout()
        for plot in (self.pixel_plot, self.coverage_plot, self.pit_plot):
            plots.addWidget(plot)
        row = QHBoxLayout()
        row.addWidget(self.pixel_label, 2)
        row.addWidget(self.threshold_label)
        row.addWidget(self.threshold, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(plots, 1)
        layout.addLayout(row)
        layout.addWidget(self.sentence)
        self.show_calibration(None, NONE)

    def _moved(self, value: int) -> None:
        self.threshold_label.setText(f"t = {value / 100:.2f}")
        self.threshold_changed.emit(value / 100)

    def show_pixel(self, belief: PixelBelief | None, pair: str = "") -> None:
        """A pixel's histogram over samples, its interval and the truth; ``pair`` says what two pixels are to each other."""
        self.pixel_plot.clear()
        if belief is None:
            self.pixel_label.setText("Click a pixel of the picture; Ctrl+click a second one to compare.")
            return
        counts, edges = np.histogram(belief.values, bins=min(20, max(5, len(belief.values) // 2)))
        bars = pg.BarGraphItem(x0=edges[:-1], x1=edges[1:], height=counts, brush=CURVES[0], pen=None)
        self.pixel_plot.addItem(bars)
        self.pixel_plot.addItem(pg.LinearRegionItem((belief.low, belief.high), movable=False, brush=(240, 161, 58, 40)))
        if belief.truth is not None:
            self.pixel_plot.addItem(pg.InfiniteLine(belief.truth, pen=pg.mkPen(CURVES[2], width=1), label="truth"))
        self.pixel_label.setText(belief.words() + (f"\n{pair}" if pair else ""))

    def show_calibration(self, found: Calibration | None, why_not: str = "") -> None:
        """Coverage against nominal, ranks, and the sentence; or why there is none."""
        self.coverage_plot.clear()
        self.pit_plot.clear()
        self.sentence.setText(found.sentence if found else why_not)
        for plot in (self.coverage_plot, self.pit_plot):
            plot.setVisible(found is not None)
        if found is None:
            return
        self.coverage_plot.plot([0, 1], [0, 1], pen=pg.mkPen("#888888", style=Qt.PenStyle.DashLine))
        self.coverage_plot.plot(
            found.nominal,
            found.covered,
            pen=pg.mkPen(CURVES[0]),
            symbol="o",
            symbolSize=5,
            symbolBrush=CURVES[0],
            symbolPen=None,
        )
        self.coverage_plot.setRange(xRange=(0, 1), yRange=(0, 1))
        width = 1 / len(found.pit)
        at = (np.arange(len(found.pit)) + 0.5) * width
        self.pit_plot.addItem(pg.BarGraphItem(x=at, height=found.pit, width=0.95 * width, brush=CURVES[1], pen=None))
        self.pit_plot.addItem(pg.InfiniteLine(width, angle=0, pen=pg.mkPen("#888888", style=Qt.PenStyle.DashLine)))

    def set_colours(self, colours: dict[str, str]) -> None:
        for plot in (self.pixel_plot, self.coverage_plot, self.pit_plot):
            plot.setBackground(colours["plot"])
            plot.setTitle(plot.getPlotItem().titleLabel.text, size="9pt", color=colours["text"])
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setTextPen(colours["text"])
                axis.setPen(colours["text"])
