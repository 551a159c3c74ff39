"""The large picture in the middle of the stage: one view, or two with a line between them."""

from __future__ import annotations

import time

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRectF, Signal

from qcs_gui.stage.picture_panel import BAR_WIDTH, Panel
from qcs_gui.stage.view_store import VIEWS, ViewStore, displayed
from qcs_gui.widgets.colour_maps import colour_map

__all__ = ["LargeView"]


class LargeView(pg.GraphicsLayoutWidget):
    """Shows the view ``key``; with ``other`` set, that one to the right of a line that can be dragged."""

    hovered = Signal(str)
    clicked = Signal(int, int)
    enlarged = Signal(str)
    menu = Signal(str, QPoint)

    def __init__(self, store: ViewStore, key: str = "denoised") -> None:
        super().__init__()
        self.setAccessibleName("The stage: the chosen view, large")
        self.store, self.other = store, ""
        self.panel = Panel(store, key, size="12pt")
        self.panel.place(self.ci, 0, 0)
        self.ci.layout.setColumnFixedWidth(1, BAR_WIDTH)
        self.right = pg.ImageItem(axisOrder="row-major")
        self.right.setZValue(5)
        self.line = pg.InfiniteLine(0.0, angle=90, movable=True, pen=pg.mkPen("#f0a13a", width=1))
        self.line.setZValue(6)
        self.mark = pg.QtWidgets.QGraphicsRectItem()
        self.mark.setPen(pg.mkPen("#f0a13a", width=0))
        self.mark.setZValue(7)
        for item in (self.right, self.line, self.mark):
            self.panel.box.addItem(item, ignoreBounds=True)
            item.setVisible(False)
        self.line.sigPositionChanged.connect(lambda _: self._split())
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._clicked)
        self.panel.box.double_clicked.connect(lambda: self.enlarged.emit(self.key))
        self.panel.box.menu_wanted.connect(lambda at: self.menu.emit(self.key, at.toPoint()))
        self.paint_seconds = 0.0
        self._stale = False
        store.listeners.append(self._follow)

    @property
    def key(self) -> str:
        return self.panel.key

    def show_view(self, key: str) -> None:
        """Shows another view; the zoom stays where both have the same pixels."""
        self.panel.show_view(key)
        self._split()

    def split_with(self, other: str) -> None:
        """A line between this view and another; empty for none."""
        self.other = other
        if other and self.panel.pixels is not None:
            self.line.setValue(self.panel.pixels.shape[2] / 2)
        self._split()

    def set_mark(self, where: tuple[int, int] | None) -> None:
        """A frame about a pixel (row, column), or none."""
        self.mark.setVisible(where is not None)
        if where is not None:
            self.mark.setRect(QRectF(where[1], where[0], 1, 1))

    def reset_zoom(self) -> None:
        self.panel.reset_zoom()

    def set_colours(self, colours: dict[str, str]) -> None:
        self.setBackground(colours["plot"])
        self.panel.set_colours(colours)

    def _follow(self, key: str) -> None:
        if key not in (self.key, self.other):
            return
        if not self.isVisible():
            self._stale = True
            return
        if key == self.key:
            self.panel.follow()
        self._split()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self.panel.follow()
            self._split()

    def _split(self) -> None:
        """Paints what of the other view lies to the right of the line."""
        left, right = self.panel.pixels, self.store.pixels.get(self.other) if self.other else None
        fits = left is not None and right is not None and left.shape[1:] == right.shape[1:]
        self.line.setVisible(fits)
        if not fits:
            self.right.setVisible(False)
            return
        assert left is not None and right is not None
        height, width = left.shape[1:]
        column = int(np.clip(round(self.line.value()), 0, width))
        self.right.setVisible(column < width)
        if column < width:
            self.right.setColorMap(colour_map(self.store.map(self.other)))
            shown = displayed(self.other, right)[:, column:]
            self.right.setImage(shown, autoLevels=False, levels=self.store.range(self.other))
            self.right.setRect(QRectF(column, 0, width - column, height))

    def paintEvent(self, event: object) -> None:
        start = time.perf_counter()
        super().paintEvent(event)
        self.paint_seconds += time.perf_counter() - start

    def _moved(self, position: object) -> None:
        where = self.panel.at(position)
        if where is None:
            self.hovered.emit("")
            return
        row, column = where
        words = [f"row {row}, column {column}"]
        shape = self.panel.pixels.shape[1:]  # type: ignore[union-attr]
        for key, view in VIEWS.items():  # one pixel, in every view that has it
            pixels = self.store.pixels.get(key)
            if pixels is None or pixels.shape[1:] != shape:
                continue
            if view.of_picture or key == self.key:
                words.append(f"{view.short} " + ", ".join(f"{v:.3f}" for v in pixels[:, row, column]))
        self.hovered.emit("   ".join(words))

    def _clicked(self, event: object) -> None:
        if event.double() or event.button() != pg.QtCore.Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        where = self.panel.at(event.scenePos())  # type: ignore[attr-defined]
        if where is not None and VIEWS[self.key].of_picture:
            self.clicked.emit(*where)
