"""Curves of a comparison: a metric over the setting that the runs differ in, one line for each value of the other; or how good
each run was while it went."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.runs.comparison import METRICS
from engine.runs.wording import Naming
from qcs_gui.widgets.boxes import ListBox

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["Curves"]

COLOURS = ("#4c9be8", "#f0a13a", "#5fbf77", "#d66fb0", "#a08cf0", "#3fbfc4", "#c9a227", "#e06c5a")
WENT = "PSNR while it ran"
FIRST = ("psnr_mean", "ssim_mean", "score", "seconds")
LEAST_HEIGHT = 130


class Curves(QWidget):
    """Lines with their names above the plot, where they cover nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.what = ListBox()
        self.what.setAccessibleName("What the curves show")
        self.names = QLabel()
        self.names.setWordWrap(True)
        self.plot = pg.PlotWidget()
        self.plot.setAccessibleName("Curves of the compared runs")
        self.plot.setMinimumHeight(LEAST_HEIGHT)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(False, False)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        row = QHBoxLayout()
        row.addWidget(self.what)
        row.addWidget(self.names, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 0)
        layout.addLayout(row)
        layout.addWidget(self.plot, 1)
        self._results: list[Reconstruction] = []
        self._names: Sequence[str] = ()
        self._naming = Naming([])
        self.lines: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._wanted: str | None = None
        self.what.activated.connect(lambda _: self._choose())
        self.what.currentIndexChanged.connect(lambda _: self._draw())

    def show_runs(self, results: list[Reconstruction], naming: Naming, names: Sequence[str]) -> None:
        """The runs there are; ``naming`` says what tells them apart, ``names`` how each is called."""
        self._results, self._naming, self._names = results, naming, names
        told = [r.metrics() | {"seconds": r.seconds, "network_calls": r.network_calls} for r in results]
        keys = [k for k in METRICS if sum(t.get(k) is not None for t in told) > 1]
        wanted = self._wanted
        self.what.blockSignals(True)
        self.what.clear()
        if self._naming.axes:
            for key in keys:
                self.what.addItem(METRICS[key][0], key)
        if any(len(_history(r)[0]) > 1 for r in results):
            self.what.addItem(WENT, WENT)
        self.what.setCurrentIndex(max(0, self.what.findData(wanted)))
        self.what.blockSignals(False)
        self._draw()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._draw()

    def _choose(self) -> None:
        """What the user asks for stays, while runs come and go."""
        self._wanted = self.what.currentData()

    def _draw(self) -> None:
        """Draws what was asked for, once it is seen."""
        if not self.isVisible():
            return
        self.plot.clear()
        self.lines = {}
        what = self.what.currentData()
        self.plot.getAxis("bottom").setTicks(None)
        self.plot.setLogMode(False, False)
        if what == WENT:
            self._draw_histories()
        elif what is not None:
            self._draw_axis(what)
        words = [
            f'<span style="color:{_colour(i)}">\N{BLACK CIRCLE}</span>&nbsp;{html.escape(n).replace(" ", "&nbsp;")}'
            for i, n in enumerate(self.lines)
        ]
        self.names.setText("&nbsp; ".join(words) if len(words) > 1 else "")
        self.plot.autoRange(padding=0.06)

    def _draw_axis(self, key: str) -> None:
        naming, axes = self._naming, self._naming.axes
        across = axes[0]
        numbers = across.numbers
        logarithmic = numbers is not None and min(numbers) > 0 and max(numbers) / min(numbers) >= 4
        at = np.arange(len(across.words), dtype=float) if numbers is None else np.array(numbers)
        at = np.log10(at) if logarithmic else at
        points: dict[int, list[tuple[float, float]]] = {}
        for number, result in enumerate(self._results):
            value = {**result.metrics(), "seconds": result.seconds, "network_calls": result.network_calls}.get(key)
            place = naming.place(number, axes)
            if value is not None:
                points.setdefault(place[1] if len(place) > 1 else 0, []).append((float(at[place[0]]), float(value)))
        names_only = numbers is None and across.key != "quantizer"  # what has no order is not joined by lines
        for line in sorted(points):
            name = axes[1].words[line] if len(axes) > 1 else METRICS[key][0]
            x, y = np.array(sorted(points[line])).T
            self._bars(name, x, y, len(points)) if names_only else self._line(name, x, y, "o")
        short = across.words if numbers is None else [f"{n:,.6g}" for n in numbers]
        self.plot.getAxis("bottom").setTicks([[(float(x), word) for x, word in zip(at, short, strict=True)]])
        self.plot.setLabel("bottom", across.label)
        self.plot.setLabel("left", METRICS[key][0])

    def _draw_histories(self) -> None:
        for result, name in zip(self._results, self._names, strict=True):
            steps, values = _history(result)
            if len(steps) > 1:
                self._line(name, 100 * steps / max(steps[-1], 1), values, None)
        self.plot.setLabel("bottom", "Share of the run / %")
        self.plot.setLabel("left", "PSNR (dB)")

    def _line(self, name: str, x: np.ndarray, y: np.ndarray, symbol: str | None) -> None:
        colour = _colour(len(self.lines))
        # wide lines are slow to draw, but these few points do not move
        pen = pg.mkPen(colour, width=2)
        self.plot.plot(x, y, pen=pen, antialias=True, symbol=symbol, symbolSize=7, symbolBrush=colour, symbolPen=None)
        self.lines[name] = (x, y)

    def _bars(self, name: str, x: np.ndarray, y: np.ndarray, beside: int) -> None:
        """Bars of one colour, with room for so many beside each other."""
        number, width = len(self.lines), 0.7 / beside
        left = x - 0.35 + (number + 0.5) * width
        self.plot.addItem(pg.BarGraphItem(x=left, height=y, width=width, brush=_colour(number), pen=None))
        self.lines[name] = (x, y)

    def set_colours(self, colours: dict[str, str]) -> None:
        self.plot.setBackground(colours["plot"])
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setTextPen(colours["text"])
            self.plot.getAxis(side).setPen(colours["text"])


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _history(result: Reconstruction) -> tuple[np.ndarray, np.ndarray]:
    """Steps of a run and the PSNR of its estimate there."""
    values = result.history.get("psnr_mean") or result.history.get("psnr") or []
    pairs = [(s, v) for s, v in zip(result.history.get("step", []), values, strict=False) if v is not None]
    steps, found = np.array(pairs, float).reshape(-1, 2).T
    return steps, found
