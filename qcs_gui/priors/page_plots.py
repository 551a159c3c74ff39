"""The pictures of the prior page: a sheet of samples, three linked pictures, and the curve of the card."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from qcs_gui.stage.curves import DecadeAxis
from qcs_gui.stage.picture_panel import cache_axes
from qcs_gui.stage.strip import SampleStrip
from qcs_gui.theme import ACCENT, pen
from qcs_gui.widgets.colour_maps import colour_map

__all__ = ["QualityPlot", "SampleSheet", "Trio"]

KINDS = {"picture": ("grey", (0.0, 1.0)), "error": ("diverging", (-0.5, 0.5))}


class SampleSheet(SampleStrip):
    """Samples with none of them selected, laid out anew when the sheet is resized."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Prior: drawn samples")
        self.setToolTip("Pictures that the prior makes out of noise, without any measurement.")
        self.frame.hide()
        self.samples: np.ndarray | None = None
        self._in_a_row = 0

    def set_samples(self, samples: np.ndarray, in_a_row: int = 0) -> None:
        """Shows (n, c, h, w), as many in a row as makes them largest, or ``in_a_row``."""
        self.samples, self._in_a_row = samples, in_a_row
        super().set_samples(samples)

    def clear_samples(self) -> None:
        self.samples = None
        super().clear_samples()

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)
        samples = getattr(self, "samples", None)
        if samples is not None:
            self.set_samples(samples, self._in_a_row)

    def _columns(self, n: int, h: int, w: int) -> int:
        return self._in_a_row or super()._columns(n, h, w)


class Trio(pg.GraphicsLayoutWidget):
    """Three pictures side by side that share one zoom."""

    def __init__(self, titles: tuple[str, str, str]) -> None:
        super().__init__()
        self.setAccessibleName("Denoising: noisy picture, denoised picture, original or error")
        self.setToolTip("Zoom with the wheel, drag to move; the three pictures move together.")
        self.setMinimumHeight(170)
        self.pixels: list[np.ndarray | None] = [None, None, None]
        self.titles, self.items = [], []
        self.boxes: list[pg.ViewBox] = []
        for column, title in enumerate(titles):
            self.titles.append(self.addLabel(title, row=0, col=column, size="10pt"))
            box = self.addViewBox(row=1, col=column, lockAspect=True, invertY=True, enableMenu=False)
            item = pg.ImageItem(axisOrder="row-major")
            box.addItem(item)
            if self.boxes:
                box.setXLink(self.boxes[0])
                box.setYLink(self.boxes[0])
            self.boxes.append(box)
            self.items.append(item)
            self.ci.layout.setColumnStretchFactor(column, 1)
            self.ci.layout.setColumnPreferredWidth(column, 200)

    def show_picture(self, index: int, pixels: np.ndarray | None, title: str, kind: str = "picture") -> None:
        """Shows (c, h, w) under a title; None empties the place. Errors: red is too bright, blue too dark."""
        before, self.pixels[index] = self.pixels[index], pixels
        if self.titles[index].text != title:
            self.titles[index].setText(title)
        if pixels is None:
            self.items[index].clear()
            return
        colours, levels = KINDS[kind]
        self.items[index].setColorMap(colour_map(colours))
        shown = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        self.items[index].setImage(shown.astype(np.float32, copy=False), autoLevels=False, levels=levels)
        if before is None or before.shape != pixels.shape:
            self.boxes[index].setRange(xRange=(0, pixels.shape[2]), yRange=(0, pixels.shape[1]), padding=0.02)

    def set_colours(self, plot: str, text: str) -> None:
        self.setBackground(plot)
        for title in self.titles:
            title.setText(title.text, color=text)


class QualityPlot(pg.PlotWidget):
    """PSNR against the noise level: as the card has it, without denoising, and of the demo's picture."""

    def __init__(self) -> None:
        super().__init__(axisItems={"bottom": DecadeAxis("bottom")})
        self.setAccessibleName("Card: denoising quality by noise level")
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.setFixedHeight(210)
        self.setLogMode(x=True)
        self.showGrid(x=True, y=True, alpha=0.2)
        self.getPlotItem().hideButtons()
        cache_axes(self.getPlotItem())
        self.addLegend(offset=(-5, 5), labelTextSize="8pt")
        self.curve = self.plot(
            [], [], pen=pen(0), symbol="o", symbolSize=4, symbolBrush=ACCENT, symbolPen=None, name="denoised"
        )
        self.noisy = self.plot([], [], pen=pen(1, dashed=True), name="noisy")
        self.point = self.plot(
            [], [], pen=None, symbol="star", symbolSize=13, symbolBrush="#d66fb0", symbolPen=None, name="this picture"
        )

    def set_quality(self, quality: dict[str, list[float]]) -> None:
        """Draws the lists ``sigma`` and ``psnr``; the whole table is in the tool tip."""
        sigma = np.asarray(quality["sigma"])
        self.curve.setData(sigma, quality["psnr"])
        # what no denoising would give; from sigma = 1 on it is below 0 dB and says nothing
        low, high = min(sigma), min(max(sigma), 1.0)
        levels = np.geomspace(low, max(high, low), 30)
        self.noisy.setData(levels, -20 * np.log10(levels))
        rows = zip(quality["sigma"], quality["rmse"], quality["psnr"], strict=True)
        table = "\n".join(f"sigma {s:g}: RMSE {e:.4g}, PSNR {p:.2f} dB" for s, e, p in rows)
        self.setToolTip(f"Denoising of pictures that the prior was not trained on:\n{table}")
        self.setAccessibleDescription(table)
        self.set_point(None, None)

    def set_point(self, sigma: float | None, psnr: float | None) -> None:
        """Marks the picture of the demo; None takes the mark away."""
        self.point.setData([] if sigma is None else [sigma], [] if psnr is None else [psnr])

    def set_colours(self, plot: str, text: str) -> None:
        self.setBackground(plot)
        self.setTitle("Denoising of unseen pictures, PSNR in dB by sigma", size="9pt", color=text)
        for side in ("left", "bottom"):
            self.getAxis(side).setTextPen(text)
            self.getAxis(side).setPen(text)
        for _, label in self.getPlotItem().legend.items:
            label.setText(label.text, color=text)
