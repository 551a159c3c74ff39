"""The image panels: linked, with colour bars and a pixel read-out, painted as rasters (software GL is ten times slower)."""

from __future__ import annotations

import time

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

__all__ = ["ImageBoard", "SampleStrip", "cache_axes"]

PANELS = {
    "truth": ("Truth", "grey", (0.0, 1.0)),
    "measurement": ("Measurement", "grey", (0.0, 1.0)),
    "iterate": ("Live iterate", "grey", (0.0, 1.0)),
    "denoised": ("Denoised estimate", "grey", (0.0, 1.0)),
    "mean": ("Posterior mean", "grey", (0.0, 1.0)),
    "std": ("Posterior std", "viridis", (0.0, 0.4)),
    "error": ("Error (mean - truth)", "diverging", (-0.5, 0.5)),
    "message": ("EP message about A x", "diverging", (-1.0, 1.0)),
}
UNLINKED = ("measurement", "message")
"""Panels whose pixels are measurements, not pixels of the picture: they do not share the zoom."""
OVER_CHANNELS = {"std": lambda x: np.sqrt(np.square(x).mean(0)), "error": lambda x: x.mean(0)}
"""What panels with a colour map show of several channels."""
COLUMNS = 4
BAR_WIDTH, SPACING = 56, 6


def colour_map(name: str) -> pg.ColorMap:
    """Grey, viridis, or a blue-to-red map with white at zero; none of them misleads the colour-blind."""
    if name == "grey":
        return pg.ColorMap([0.0, 1.0], [(0, 0, 0), (255, 255, 255)])
    if name == "diverging":
        return pg.ColorMap([0.0, 0.5, 1.0], [(33, 102, 172), (247, 247, 247), (178, 24, 43)])
    return pg.colormap.get(name)


def cache_axes(plot: pg.PlotItem) -> None:
    """Keeps the painted axes as pixmaps: redrawing them is two thirds of the cost of a refresh."""
    for side in ("left", "right", "top", "bottom"):
        plot.getAxis(side).setCacheMode(pg.QtWidgets.QGraphicsItem.CacheMode.DeviceCoordinateCache)


class _Panel:
    """One picture with its title and colour bar inside the board's layout."""

    def __init__(self, board: pg.GraphicsLayoutWidget, row: int, column: int, key: str) -> None:
        title, colours, levels = PANELS[key]
        self.key, self.levels = key, levels
        self.title = board.addLabel(title, row=2 * row, col=2 * column, size="10pt")
        self.title.setMinimumWidth(0)
        self.box = board.addViewBox(row=2 * row + 1, col=2 * column, lockAspect=True, invertY=True, enableMenu=False)
        self.item = pg.ImageItem(axisOrder="row-major", levels=levels)
        self.item.setColorMap(colour_map(colours))
        self.box.addItem(self.item)
        self.bar = pg.ColorBarItem(
            values=levels, colorMap=colour_map(colours), rounding=1e-3, width=8, interactive=True
        )
        self.bar.setImageItem(self.item)
        cache_axes(self.bar)
        board.addItem(self.bar, row=2 * row + 1, col=2 * column + 1)
        self.pixels: np.ndarray | None = None

    def show(self, pixels: np.ndarray | None) -> None:
        """Shows (c, h, w); None empties the panel. Colour pictures are shown as they are; of their std and error, which
        have a colour map, the root mean square and the mean over the channels."""
        if pixels is not None and pixels is self.pixels:
            return
        changed = pixels is None or self.pixels is None or pixels.shape != self.pixels.shape
        self.pixels = pixels
        if pixels is None:
            self.item.clear()
            return
        if pixels.shape[0] == 1:
            shown = pixels[0]
        elif self.key in OVER_CHANNELS:
            shown = OVER_CHANNELS[self.key](pixels)
        else:
            shown = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        self.item.setImage(shown.astype(np.float32, copy=False), autoLevels=False, levels=self.bar.levels())
        if changed:
            self.box.setRange(xRange=(0, pixels.shape[2]), yRange=(0, pixels.shape[1]), padding=0.02)


class ImageBoard(pg.GraphicsLayoutWidget):
    """Eight panels; all but those of the measurement share one zoom. ``hovered`` carries the read-out text."""

    hovered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(
            "Image panels: truth, measurement, iterate, denoised estimate, mean, std, error, EP message"
        )
        self.panels = {key: _Panel(self, i // COLUMNS, i % COLUMNS, key) for i, key in enumerate(PANELS)}
        for key, panel in self.panels.items():
            if key not in UNLINKED:
                panel.box.sigRangeChangedManually.connect(lambda _, panel=panel: self._zoom_with(panel))
        self.scene().sigMouseMoved.connect(self._moved)
        self.paint_seconds = 0.0

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if not hasattr(self, "panels"):  # while it is made
            return
        # equal columns, whatever the titles and tick labels would like
        layout = self.ci.layout
        layout.setHorizontalSpacing(SPACING)
        left, _, right, _ = layout.getContentsMargins()
        spare = self.viewport().width() - left - right - (2 * COLUMNS - 1) * SPACING - COLUMNS * BAR_WIDTH
        for column in range(COLUMNS):
            layout.setColumnFixedWidth(2 * column, max(spare / COLUMNS, 20.0))
            layout.setColumnFixedWidth(2 * column + 1, BAR_WIDTH)

    def paintEvent(self, event: object) -> None:
        start = time.perf_counter()
        super().paintEvent(event)  # type: ignore[arg-type]
        self.paint_seconds += time.perf_counter() - start

    def set_image(self, key: str, pixels: np.ndarray | None, title: str | None = None) -> None:
        """Shows a picture in a panel and optionally retitles it."""
        panel = self.panels[key]
        panel.show(pixels)
        wanted = title or PANELS[key][0]
        if panel.title.text != wanted:
            panel.title.setText(wanted)
            panel.title.setMinimumWidth(0)  # a long title must not widen its column

    def _zoom_with(self, moved: _Panel) -> None:
        """Shows in every linked panel what the user just zoomed or dragged to in one."""
        rect = moved.box.viewRect()
        for panel in self.panels.values():
            if panel is not moved and panel.key not in UNLINKED:
                panel.box.setRange(rect=rect, padding=0)

    def set_colours(self, colours: dict[str, str]) -> None:
        self.setBackground(colours["plot"])
        for panel in self.panels.values():
            panel.title.setText(panel.title.text, color=colours["text"])
            panel.bar.getAxis("right").setTextPen(colours["text"])
            panel.bar.getAxis("right").setPen(colours["text"])

    def reset_zoom(self) -> None:
        for panel in self.panels.values():
            if panel.pixels is not None:
                panel.box.setRange(xRange=(0, panel.pixels.shape[2]), yRange=(0, panel.pixels.shape[1]), padding=0.02)

    def _moved(self, position: object) -> None:
        for panel in self.panels.values():
            if panel.pixels is None or not panel.box.sceneBoundingRect().contains(position):  # type: ignore[arg-type]
                continue
            point = panel.box.mapSceneToView(position)
            column, row = int(np.floor(point.x())), int(np.floor(point.y()))
            if 0 <= row < panel.pixels.shape[1] and 0 <= column < panel.pixels.shape[2]:
                values = ", ".join(f"{v:.3f}" for v in panel.pixels[:, row, column])
                self.hovered.emit(f"{panel.title.text}  row {row}, column {column}: {values}")
                return
        self.hovered.emit("")


class SampleStrip(pg.GraphicsLayoutWidget):
    """All samples in one picture; a click selects one."""

    selected = Signal(int)
    GAP = 2

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Samples: click one to see it large")
        self.setToolTip("All samples. Click one to see it in the live iterate and denoised panels.")
        self.box = self.addViewBox(lockAspect=True, invertY=True, enableMenu=False, enableMouse=False)
        self.item = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self.item)
        self.frame = pg.QtWidgets.QGraphicsRectItem()
        self.frame.setPen(pg.mkPen("#f0a13a", width=0))
        self.frame.setZValue(10)
        self.box.addItem(self.frame)
        self.count, self.columns, self.index = 0, 1, 0
        self.size_of_one = (1, 1)
        self.scene().sigMouseClicked.connect(self._clicked)
        self.setMinimumHeight(80)

    def set_samples(self, samples: np.ndarray) -> None:
        """Shows (n, c, h, w)."""
        n, c, h, w = samples.shape
        columns = self._columns(n, h, w)
        rows = -(-n // columns)
        if (n, columns, (h, w)) != (self.count, self.columns, self.size_of_one):
            self.count, self.columns, self.size_of_one = n, columns, (h, w)
            self.index = min(self.index, n - 1)
            edge = 1 + self.GAP  # room for the frame of those at the rim
            self.box.setRange(
                xRange=(-edge, columns * (w + self.GAP) + 1), yRange=(-edge, rows * (h + self.GAP) + 1), padding=0
            )
            self._outline()
        # colour pictures carry an opacity, so that nothing is painted between them
        depth = 1 if c == 1 else 4
        sheet = np.full((rows * (h + self.GAP), columns * (w + self.GAP), depth), np.nan if c == 1 else 0.0, np.float32)
        for i in range(n):
            top, left = (i // columns) * (h + self.GAP), (i % columns) * (w + self.GAP)
            sheet[top : top + h, left : left + w, :c] = samples[i].transpose(1, 2, 0)
            if c > 1:
                sheet[top : top + h, left : left + w, 3] = 1.0
        self.item.setImage(sheet[..., 0] if c == 1 else sheet, autoLevels=False, levels=(0.0, 1.0))

    def clear_samples(self) -> None:
        self.item.clear()
        self.count, self.index = 0, 0
        self.frame.setRect(0, 0, 0, 0)

    def _columns(self, n: int, h: int, w: int) -> int:
        """As many columns as make the samples largest in the strip."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        return max(
            range(1, n + 1), key=lambda k: min(width / (k * (w + self.GAP)), height / (-(-n // k) * (h + self.GAP)))
        )

    def select(self, index: int) -> None:
        self.index = max(0, min(index, self.count - 1))
        self._outline()
        self.selected.emit(self.index)

    def _outline(self) -> None:
        h, w = self.size_of_one
        top, left = (self.index // self.columns) * (h + self.GAP), (self.index % self.columns) * (w + self.GAP)
        self.frame.setRect(left - 0.5, top - 0.5, w + 1, h + 1)

    def _clicked(self, event: object) -> None:
        if self.count == 0 or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        point = self.box.mapSceneToView(event.scenePos())  # type: ignore[attr-defined]
        h, w = self.size_of_one
        column, row = int(point.x() // (w + self.GAP)), int(point.y() // (h + self.GAP))
        index = row * self.columns + column
        if 0 <= column < self.columns and 0 <= index < self.count:
            self.select(index)

    def keyPressEvent(self, event: object) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns}
        move = step.get(event.key())  # type: ignore[attr-defined]
        if move and self.count:
            self.select(self.index + move)
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]
