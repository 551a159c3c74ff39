"""Three curves over the steps: noise level (or predicted and actual error), PSNR, consistency."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QHBoxLayout, QWidget

from qcs_gui.stage.board import cache_axes
from qcs_gui.theme import pen

__all__ = ["CurveBoard"]

# plot title -> (history key, legend, pen, dashed)
PLOTS: dict[str, list[tuple[str, str, int, bool]]] = {
    "Noise level and error": [
        ("sigma", "noise level", 0, False),
        ("predicted_rmse", "predicted RMSE", 1, False),
        ("actual_rmse", "actual RMSE", 2, True),
        ("message_change", "change of EP messages", 3, False),
    ],
    "PSNR (dB)": [("psnr", "one estimate", 0, False), ("psnr_mean", "mean", 1, False)],
    "Consistency with the measurement": [("consistency", "share of cells", 2, False)],
}


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
    """Curves of a run's history; a vertical line marks the step shown in the panels."""

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.plots: dict[str, pg.PlotWidget] = {}
        self.curves: dict[str, pg.PlotDataItem] = {}
        self.markers: list[pg.InfiniteLine] = []
        for title, lines in PLOTS.items():
            axes = {"left": DecadeAxis("left")} if lines[0][0] == "sigma" else None
            plot = pg.PlotWidget(axisItems=axes)
            plot.setAccessibleName(f"Curve: {title}")
            plot.setTitle(title, size="9pt")
            plot.setMenuEnabled(False)
            plot.showGrid(x=True, y=True, alpha=0.2)
            plot.getPlotItem().hideButtons()
            cache_axes(plot.getPlotItem())
            if lines[0][0] == "sigma":
                plot.setLogMode(y=True)
            if len(lines) > 1:
                plot.addLegend(offset=(-5, 5 if lines[0][0] == "sigma" else -5), labelTextSize="8pt", colCount=2)
            for key, legend, index, dashed in lines:
                self.curves[key] = plot.plot([], [], pen=pen(index, dashed), name=legend, antialias=False)
            marker = pg.InfiniteLine(angle=90, pen=pg.mkPen("#888888", width=1))
            plot.addItem(marker, ignoreBounds=True)
            self.markers.append(marker)
            self.plots[title] = plot
            layout.addWidget(plot)
        self.plots["Consistency with the measurement"].setYRange(0.0, 1.02)

    def set_history(self, history: dict[str, list], step: int) -> None:
        """Draws the columns of a history; a missing one (no truth, no cells) leaves its curve empty."""
        steps = np.asarray(history.get("step", []), float)
        for key, curve in self.curves.items():
            column = history.get(key)
            if not column:
                curve.setData([], [])
                continue
            values = np.array([np.nan if v is None else v for v in column], float)
            known = np.isfinite(values)
            curve.setData(steps[known], values[known])
        self.set_step(step)

    def set_colours(self, colours: dict[str, str]) -> None:
        for title, plot in self.plots.items():
            plot.setBackground(colours["plot"])
            plot.setTitle(title, size="9pt", color=colours["text"])
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(colours["text"])
                plot.getAxis(side).setPen(colours["text"])
            legend = plot.getPlotItem().legend
            if legend is not None:
                background = pg.mkColor(colours["plot"])
                background.setAlpha(200)
                legend.setBrush(background)
                legend.setLabelTextColor(colours["text"])
                for _, label in legend.items:
                    label.setText(label.text, color=colours["text"])

    def set_step(self, step: int) -> None:
        for marker in self.markers:
            marker.setValue(step)
