"""Curves over the steps: noise level and error, PSNR, consistency; only those that the run has, each named at its end."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

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
        self.names: dict[str, pg.TextItem] = {}
        self.markers: list[pg.InfiniteLine] = []
        self._drawn: tuple[dict[str, list], int] | None = None
        self.empty = QLabel("Curves appear when something runs.")
        self.empty.setObjectName("dim")
        layout.addWidget(self.empty)
        for title, lines in PLOTS.items():
            axes = {"left": DecadeAxis("left")} if title == LOGARITHMIC else None
            plot = pg.PlotWidget(axisItems=axes)
            plot.setAccessibleName(f"Curve: {title}")
            plot.setToolTip("Click to see that step.")
            plot.setTitle(title, size="9pt")
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(False, False)
            plot.showGrid(x=True, y=True, alpha=0.2)
            plot.getPlotItem().hideButtons()
            cache_axes(plot.getPlotItem())
            plot.wheelEvent = lambda event: event.ignore()  # the column scrolls, not the plot
            if title == LOGARITHMIC:
                plot.setLogMode(y=True)
            for key, name, index, dashed in lines:
                self.curves[key] = plot.plot([], [], pen=pen(index, dashed), antialias=False)
                label = pg.TextItem(name, color=CURVES[index], anchor=(1, 1))
                label.setVisible(False)
                plot.addItem(label, ignoreBounds=True)
                self.names[key] = label
            marker = pg.InfiniteLine(angle=90, pen=pg.mkPen("#888888", width=1))
            plot.addItem(marker, ignoreBounds=True)
            self.markers.append(marker)
            plot.scene().sigMouseClicked.connect(lambda event, plot=plot: self._clicked(plot, event))
            plot.hide()
            self.plots[title] = plot
            layout.addWidget(plot)
        self.plots[SHARES].setYRange(0.0, 1.05)

    def set_history(self, history: dict[str, list], step: int) -> None:
        """Draws the columns of a history; a plot that has none is not shown."""
        steps = np.asarray(history.get("step", []), float)
        for title, lines in PLOTS.items():
            ends: dict[str, tuple[float, float]] = {}
            for key, _, _, _ in lines:
                column = history.get(key) or [None] * len(steps)
                values = np.array([np.nan if v is None else v for v in column], float)
                known = np.isfinite(values) & ((values > 0) if title == LOGARITHMIC else True)
                self.curves[key].setData(steps[known], values[known])
                self.names[key].setVisible(bool(known.any()))
                if known.any():
                    last = float(values[known][-1])
                    ends[key] = (float(steps[known][-1]), float(np.log10(last)) if title == LOGARITHMIC else last)
            self.plots[title].setVisible(bool(ends))
            if ends:
                self._name_ends(title, ends, float(steps[-1]))
        self._drawn = (history, step)
        self.empty.setVisible(all(p.isHidden() for p in self.plots.values()))
        self.set_step(step)

    def _name_ends(self, title: str, ends: dict[str, tuple[float, float]], last: float) -> None:
        """The curves' names beside their last points, moved apart where they would lie on top of each other."""
        box = self.plots[title].getPlotItem().getViewBox()
        box.updateAutoRange()
        (low, high), height = box.viewRange()[1], max(box.height(), 1.0)
        line = 15 * (high - low) / height  # a line of text, in the units of the axis
        below = -np.inf
        for key, (x, y) in sorted(ends.items(), key=lambda item: item[1][1]):
            at = min(max(y + 0.6 * line, low + 0.5 * line, below + line), high - 0.5 * line)
            below = at
            self.names[key].setAnchor((1, 0.5) if x > 0.4 * last else (0, 0.5))
            self.names[key].setPos(x, at)

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        QTimer.singleShot(0, self, self._again)  # names are placed by the size that the plots get now

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        QTimer.singleShot(0, self, self._again)

    def _again(self) -> None:
        if self._drawn is not None and self.isVisible():
            self.set_history(*self._drawn)

    def _clicked(self, plot: pg.PlotWidget, event: object) -> None:
        box = plot.getPlotItem().getViewBox()
        if box.sceneBoundingRect().contains(event.scenePos()):  # type: ignore[attr-defined]
            self.clicked.emit(round(box.mapSceneToView(event.scenePos()).x()))  # type: ignore[attr-defined]

    def set_colours(self, colours: dict[str, str]) -> None:
        for title, plot in self.plots.items():
            plot.setBackground(colours["plot"])
            plot.setTitle(title, size="9pt", color=colours["text"])
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(colours["text"])
                plot.getAxis(side).setPen(colours["text"])

    def set_step(self, step: int) -> None:
        for marker in self.markers:
            marker.setValue(step)
