"""The large picture in the middle of the stage: one view, or two with a line between them, each named on its half."""

from __future__ import annotations

import time

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRectF, QVariantAnimation, Signal

from qcs_gui.stage.picture_panel import BAR_WIDTH, Panel
from qcs_gui.stage.view_store import VIEWS, ViewStore, displayed
from qcs_gui.widgets.colour_maps import colour_map

__all__ = ["LargeView"]

SIZE = "12pt"
"""Of the title."""
FADE_MS = 700
"""How long one picture takes to become another."""


class LargeView(pg.GraphicsLayoutWidget):
    """Shows the view ``key``; with ``other`` set, that one to the right of a line that can be dragged."""

    hovered = Signal(str)
    clicked = Signal(int, int)
    enlarged = Signal(str)
    menu = Signal(str, QPoint)

    def __init__(self, store: ViewStore, key: str = "truth") -> None:
        super().__init__()
        self.setAccessibleName("The stage: the chosen view, large")
        self.store, self.other, self._key = store, "", key
        self.panel = Panel(store, key, size=SIZE)
        self.panel.place(self.ci, 0, 0)
        self.ci.layout.setColumnFixedWidth(1, BAR_WIDTH)
        self.right = pg.ImageItem(axisOrder="row-major")
        self.right.setZValue(5)
        self.line = pg.InfiniteLine(0.0, angle=90, movable=True, pen=pg.mkPen("#f0a13a", width=1))
        self.line.setZValue(6)
        self.mark = pg.QtWidgets.QGraphicsRectItem()
        self.mark.setPen(pg.mkPen("#f0a13a", width=0))
        self.mark.setZValue(7)
        self.fading = pg.ImageItem(axisOrder="row-major")
        self.fading.setZValue(4)
        self.names = [pg.TextItem("", color="#ffffff", fill=(0, 0, 0, 150), anchor=(side, 0)) for side in (0, 1)]
        for name in self.names:
            name.setZValue(8)
        for item in (self.right, self.line, self.mark, self.fading, *self.names):
            self.panel.box.addItem(item, ignoreBounds=True)
            item.setVisible(False)
        self.pointing = False
        self.pointer = pg.QtWidgets.QGraphicsRectItem()
        self.pointer.setPen(pg.mkPen("#f0a13a", width=2, cosmetic=True))
        self.told = pg.TextItem("", color="#ffffff", fill=(0, 0, 0, 190), anchor=(0, 1))
        for item, depth in ((self.pointer, 9), (self.told, 10)):
            item.setZValue(depth)
            self.panel.box.addItem(item, ignoreBounds=True)
            item.setVisible(False)
        self._fade = QVariantAnimation(self)
        self._fade.setDuration(FADE_MS)
        self._fade.setStartValue(1.0)
        self._fade.setEndValue(0.0)
        self._fade.valueChanged.connect(self.fading.setOpacity)
        self._fade.finished.connect(lambda: self.fading.setVisible(False))
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
        """The view that was chosen; while the truth is looked at, that comes back afterwards."""
        return self._key

    @property
    def peeking(self) -> bool:
        """Whether the truth is looked at in the place of the chosen view."""
        return self.panel.key != self._key

    def show_view(self, key: str) -> None:
        """Shows another view; the zoom stays where both have the same pixels."""
        self._key = key
        self._stop_fading()
        self.panel.show_view(key)
        self._split()

    def fade_to(self, key: str) -> None:
        """The same, the old picture fading into the new one where both have the same pixels."""
        old, before = self.key, self.panel.pixels
        self.show_view(key)
        now = self.panel.pixels
        if old == key or before is None or now is None or before.shape != now.shape or not self.isVisible():
            return
        self.fading.setColorMap(colour_map(self.store.map(old)))
        self.fading.setImage(displayed(old, before), autoLevels=False, levels=self.store.range(old))
        self.fading.setOpacity(1.0)
        self.fading.setVisible(True)
        self._fade.start()

    def _stop_fading(self) -> None:
        self._fade.stop()
        self.fading.setVisible(False)

    def peek(self, on: bool) -> None:
        """Shows the truth as long as that is wished, then the chosen view again."""
        if on and self.store.pixels.get("truth") is None:
            return
        wanted = "truth" if on else self._key
        if self.panel.key != wanted:
            self._stop_fading()
            self.panel.show_view(wanted)
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

    def set_presenting(self, on: bool, letters: int) -> None:
        """For an audience: a title in letters of so many pixels, and a pointer that tells the pixel below it."""
        self.pointing = on
        self.panel.set_size(f"{letters}px" if on else SIZE)
        font = self.font()
        font.setPixelSize(letters)
        for item in (self.told, *self.names):
            item.setFont(font if on else self.font())
        self._point(None)

    def _point(self, where: tuple[int, int] | None) -> None:
        """The pointer on a pixel (row, column): its frame, its value, and the truth's."""
        there = where is not None and self.pointing
        for item in (self.pointer, self.told):
            item.setVisible(there)
        if where is None or not there:
            return
        row, column = where
        words = self.panel.read_out(row, column, digits=2)
        truth, pixels = self.store.pixels.get("truth"), self.panel.pixels
        if truth is not None and pixels is not None and truth.shape == pixels.shape and self.panel.key != "truth":
            words += "   truth " + ", ".join(f"{v:.2f}" for v in truth[:, row, column])
        self.pointer.setRect(QRectF(column, row, 1, 1))
        self.told.setText(words)
        right = pixels is not None and column > pixels.shape[2] / 2
        low = pixels is not None and row > pixels.shape[1] / 4
        self.told.setAnchor((float(right), float(low)))
        self.told.setPos(column + (0 if right else 1), row + (0 if low else 1))

    def set_colours(self, colours: dict[str, str]) -> None:
        self.setBackground(colours["plot"])
        self.panel.set_colours(colours)

    def _follow(self, key: str) -> None:
        if key not in (self.panel.key, self.other):
            return
        if not self.isVisible():
            self._stale = True
            return
        if key == self.panel.key:
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
        other = "" if self.peeking else self.other
        left, right = self.panel.pixels, self.store.pixels.get(other) if other else None
        fits = left is not None and right is not None and left.shape[1:] == right.shape[1:]
        for item in (self.line, *self.names):
            item.setVisible(fits)
        if not fits:
            self.right.setVisible(False)
            return
        assert left is not None and right is not None
        height, width = left.shape[1:]
        for name, view, at in zip(self.names, (self.key, self.other), (0, width), strict=True):
            name.setText(VIEWS[view].short)
            name.setPos(at, 0)
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
        self._point(where)
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
