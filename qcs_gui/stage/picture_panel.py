"""One picture with its title and colour bar in a pyqtgraph layout, painted as a raster (software GL is ten times slower)."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from qcs_gui.stage.view_store import VIEWS, ViewStore, displayed
from qcs_gui.widgets.colour_maps import colour_map

__all__ = ["Panel", "PictureBox", "cache_axes"]

BAR_WIDTH = 56
PLAIN = ("grey", (0.0, 1.0))
"""Map and range of what is a picture as it is: black is 0 and white is 1, which needs no bar beside it."""


def cache_axes(plot: pg.PlotItem) -> None:
    """Keeps the painted axes as pixmaps: redrawing them is two thirds of the cost of a refresh."""
    for side in ("left", "right", "top", "bottom"):
        plot.getAxis(side).setCacheMode(pg.QtWidgets.QGraphicsItem.CacheMode.DeviceCoordinateCache)


class PictureBox(pg.ViewBox):
    """A view box whose double click and right click are signals; only the left button drags."""

    double_clicked = Signal()
    menu_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__(lockAspect=True, invertY=True, enableMenu=False)

    def mouseClickEvent(self, event: object) -> None:
        if event.button() == pg.QtCore.Qt.MouseButton.RightButton:  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.menu_wanted.emit(event.screenPos())  # type: ignore[attr-defined]
        elif event.double():  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.double_clicked.emit()

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        if event.button() == pg.QtCore.Qt.MouseButton.RightButton:  # type: ignore[attr-defined]
            event.ignore()  # type: ignore[attr-defined]  # pyqtgraph would scale
        else:
            super().mouseDragEvent(event, axis)


class Panel:
    """A view of the store: its items know how to lie in a layout and how to follow the store."""

    def __init__(self, store: ViewStore, key: str, size: str = "10pt") -> None:
        self.store, self.key = store, key
        self.title = pg.LabelItem(VIEWS[key].title, size=size)
        self.title.setMinimumWidth(0)
        self.box = PictureBox()
        self.item = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self.item)
        # ranges are set by menu and button: a bar that drags is turned by accident and never turned back
        self.bar = pg.ColorBarItem(values=(0, 1), rounding=1e-3, width=8, interactive=False)
        cache_axes(self.bar)
        self.pixels: np.ndarray | None = None
        self._look: tuple | None = None
        self.follow()

    def place(self, layout: pg.GraphicsLayout, row: int, column: int) -> None:
        layout.addItem(self.title, row=2 * row, col=2 * column)
        layout.addItem(self.box, row=2 * row + 1, col=2 * column)
        layout.addItem(self.bar, row=2 * row + 1, col=2 * column + 1)

    def show_view(self, key: str) -> None:
        """Becomes the panel of another view."""
        self.key = key
        self.follow()

    def follow(self) -> None:
        """Takes title, picture, colour map and range from the store."""
        store, key = self.store, self.key
        if self.title.text != store.title(key):
            self.title.setText(store.title(key))
            self.title.setMinimumWidth(0)  # a long title must not widen its column
        look = (store.map(key), store.range(key))
        if look != self._look:
            self._look = look
            self.item.setColorMap(colour_map(look[0]))
            self.bar.setColorMap(colour_map(look[0]))
            self.bar.setLevels(look[1])
        pixels = store.pixels.get(key)
        if pixels is None:
            if self.pixels is not None:
                self.item.clear()
            self.pixels = None
            self.bar.setVisible(False)
            return
        changed = self.pixels is None or pixels.shape != self.pixels.shape
        self.pixels = pixels
        shown = displayed(key, pixels)
        self.bar.setVisible(shown.ndim == 2 and look != PLAIN)
        self.item.setImage(shown, autoLevels=False, levels=store.range(key))
        if changed:
            self.reset_zoom()

    def reset_zoom(self) -> None:
        if self.pixels is not None:
            self.box.setRange(xRange=(0, self.pixels.shape[2]), yRange=(0, self.pixels.shape[1]), padding=0.02)

    def at(self, position: object) -> tuple[int, int] | None:
        """(row, column) of the pixel at a scene position, None outside of the picture."""
        if self.pixels is None or not self.box.sceneBoundingRect().contains(position):
            return None
        point = self.box.mapSceneToView(position)
        column, row = int(np.floor(point.x())), int(np.floor(point.y()))
        inside = 0 <= row < self.pixels.shape[1] and 0 <= column < self.pixels.shape[2]
        return (row, column) if inside else None

    def read_out(self, row: int, column: int, digits: int = 3) -> str:
        assert self.pixels is not None
        return ", ".join(f"{v:.{digits}f}" for v in self.pixels[:, row, column])

    def set_size(self, size: str) -> None:
        """Another size of the title."""
        self.title.setText(self.title.text, size=size)
        self.title.setMinimumWidth(0)

    def set_colours(self, colours: dict[str, str]) -> None:
        self.title.setText(self.title.text, color=colours["text"])
        axis = self.bar.getAxis("right")
        axis.setTextPen(colours["text"])
        axis.setPen(colours["text"])
