"""Curves over the steps: noise level and error, PSNR, consistency; only those that the run has, named above their plot."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from qcs_gui.stage.picture_panel import cache_axes
from qcs_gui.theme import CURVES, pen

__all__ = ["CurveBoard"]

# plot title -> (history key, name, pen, dashed)
PLOTS: dict[str, list[tuple[str, str, int, bool]]] = {
    "Noise level and error": [
        ("sigma", "noise level", 0, False),
        ("predicted_rmse", "predicted RMSE", 1, False),
        ("actual_rmse", "actual RMSE", 2, True),
        ("message_change", "change of messages", 3, False),
        ("misfit", "misfit", 3, True),
        ("disagreement", "disagreement", 2, False),
        ("objective", "objective", 1, False),
    ],
    "PSNR (dB)": [("psnr", "one estimate", 0, False), ("psnr_mean", "mean", 1, False)],
    "Share of denoised estimates' cells": [
        ("consistency", "consistency", 2, False),
        ("acceptance", "acceptance", 3, False),
    ],
}
SOLID, DASHED = "\N{BOX DRAWINGS HEAVY HORIZONTAL}" * 2, "\N{BOX DRAWINGS HEAVY DOUBLE DASH HORIZONTAL}" * 2
LOGARITHMIC = "Noise level and error"
SHARES = "Share of denoised estimates' cells"


class DecadeAxis(pg.AxisItem):
    """A logarithmic axis that labels decades, and 2 and 5 between them where few are in view; never on top of each other."""

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        low, high = int(np.floor(minVal)), int(np.ceil(maxVal))
        decades = [float(d) for d in range(low, high + 1) if minVal <= d <= maxVal]
        if len(decades) > 3:
            return [(1.0, decades)]
        finer = [
            d + np.log10(k) for d in range(low, high + 1) for k in (1, 2, 5) if minVal <= d + np.log10(k) <= maxVal
        ]
        return [(1.0, finer)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{10**v:.3g}" for v in values]


class CurveBoard(QWidget):
    """Curves of a run's history; a vertical line marks the step shown. ``clicked`` carries the step that was clicked: plots
    neither zoom nor scroll, so that nothing can be turned by accident."""

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.plots: dict[str, pg.PlotWidget] = {}
        self.curves: dict[str, pg.PlotDataItem] = {}
        self.legends: dict[str, QLabel] = {}
        self.markers: list[pg.InfiniteLine] = []
        self.empty = QLabel("Curves appear when something runs.")
        self.empty.setObjectName("dim")
        layout.addWidget(self.empty)
        for title, lines in PLOTS.items():
            axes = {"left": DecadeAxis("left")} if title == LOGARITHMIC else None
            plot = pg.PlotWidget(axisItems=axes)
            plot.setAccessibleName(f"Curve: {title}")
            plot.setToolTip("Click to see that step.")
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(False, False)
            plot.showGrid(x=True, y=True, alpha=0.2)
            plot.getPlotItem().hideButtons()
            cache_axes(plot.getPlotItem())
            plot.wheelEvent = lambda event: event.ignore()  # the column scrolls, not the plot
            if title == LOGARITHMIC:
                plot.setLogMode(y=True)
            for key, _, index, dashed in lines:
                self.curves[key] = plot.plot([], [], pen=pen(index, dashed), antialias=False)
            marker = pg.InfiniteLine(angle=90, pen=pg.mkPen("#888888", width=1))
            plot.addItem(marker, ignoreBounds=True)
            self.markers.append(marker)
            plot.scene().sigMouseClicked.connect(lambda event, plot=plot: self._clicked(plot, event))
            legend = QLabel()
            legend.setTextFormat(Qt.TextFormat.RichText)
            legend.setWordWrap(True)
            board = QVBoxLayout()
            board.setSpacing(0)
            board.addWidget(legend)
            board.addWidget(plot, 1)
            for widget in (legend, plot):
                widget.hide()
            self.plots[title], self.legends[title] = plot, legend
            layout.addLayout(board)
        self.plots[SHARES].setYRange(0.0, 1.05)

    def set_history(self, history: dict[str, list], step: int) -> None:
        """Draws the columns of a history; a plot that has none is not shown."""
        steps = np.asarray(history.get("step", []), float)
        for title, lines in PLOTS.items():
            there = []
            for key, name, index, dashed in lines:
                column = history.get(key) or [None] * len(steps)
                values = np.array([np.nan if v is None else v for v in column], float)
                known = np.isfinite(values) & ((values > 0) if title == LOGARITHMIC else True)
                self.curves[key].setData(steps[known], values[known])
                if known.any():
                    there.append(
                        f"<span style='color:{CURVES[index]}'>{DASHED if dashed else SOLID}&nbsp;{name}</span>"
                    )
            words = f"<b>{title}</b>&nbsp; " + " &nbsp;".join(there)
            if self.legends[title].text() != words:
                self.legends[title].setText(words)
            for widget in (self.plots[title], self.legends[title]):
                widget.setVisible(bool(there))
        self.empty.setVisible(all(p.isHidden() for p in self.plots.values()))
        self.set_step(step)

    def _clicked(self, plot: pg.PlotWidget, event: object) -> None:
        box = plot.getPlotItem().getViewBox()
        if box.sceneBoundingRect().contains(event.scenePos()):  # type: ignore[attr-defined]
            self.clicked.emit(round(box.mapSceneToView(event.scenePos()).x()))  # type: ignore[attr-defined]

    def set_colours(self, colours: dict[str, str]) -> None:
        for plot in self.plots.values():
            plot.setBackground(colours["plot"])
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(colours["text"])
                plot.getAxis(side).setPen(colours["text"])

    def set_step(self, step: int) -> None:
        for marker in self.markers:
            marker.setValue(step)
