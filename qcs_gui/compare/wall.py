"""The pictures of a comparison: equal tiles that always fit, in lines that wrap or as a grid; what does not fit is scrolled."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QWidget

from qcs_gui.compare.tiles import GAP, PAD, Tile, Zoom

__all__ = ["Wall"]

LEAST_SIDE, LEAST_IN_GRID = 120, 92
"""Of a tile; smaller ones are scrolled instead."""
SPACE = 8
ROW_HEAD = 92


class Wall(QScrollArea):
    """Tiles in order. With ``rows`` words, the first ``before`` tiles stand apart and the others are a grid of so many rows,
    whose columns are headed by their first tiles."""

    opened = Signal(int)
    pointed = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Pictures of the compared runs")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.inner = QWidget()
        self.setWidget(self.inner)
        self.zoom = Zoom()
        self.zoom.listeners.append(self._repaint)
        self.tiles: list[Tile] = []
        self.heads: list[QLabel] = []
        self.before = 0
        self.aspect = 1.0

    def set_tiles(self, headings: Sequence[str], rows: Sequence[str] = (), before: int = 0) -> None:
        """So many tiles with these headings; those that are there are used again."""
        while len(self.tiles) > len(headings):
            self._drop(self.tiles.pop())
        while len(self.tiles) < len(headings):
            tile, number = Tile(self.zoom, ""), len(self.tiles)
            tile.opened.connect(lambda number=number: self.opened.emit(number))
            tile.area.moved_over.connect(self.pointed)
            tile.setParent(self.inner)
            tile.show()
            self.tiles.append(tile)
        for tile, heading in zip(self.tiles, headings, strict=True):
            tile.set_heading(heading)
        while self.heads:
            self._drop(self.heads.pop())
        for words in rows:
            label = QLabel(words, self.inner)
            label.setObjectName("tile_heading")
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            label.show()
            self.heads.append(label)
        self.before = before
        self.lay_out()

    @staticmethod
    def _drop(widget: QWidget) -> None:
        widget.hide()
        widget.deleteLater()

    def reset_zoom(self) -> None:
        self.zoom.reset()

    def _repaint(self) -> None:
        for tile in self.tiles:
            tile.area.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lay_out()

    # -- geometry ----------------------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """The largest equal tiles that fit; else the least ones, to be scrolled."""
        if not self.tiles:
            self.inner.setFixedSize(1, 1)
            return
        for tile in self.tiles:
            tile.ensurePolished()
        frame = self.contentsRect()
        width, height = frame.width(), frame.height()
        if self.heads:
            self._lay_out_grid(width, height)
        else:
            self._lay_out_lines(width, height)
        self.zoom.wheel_scrolls = self.inner.height() > height or self.inner.width() > width

    def _texts(self, side: int) -> tuple[int, int]:
        """The tallest heading and caption of all tiles so wide."""
        heights = [t.text_heights(side) for t in self.tiles]
        return max(h for h, _ in heights), max(c for _, c in heights)

    def _give_heights(self, side: int) -> None:
        """The same room for words in all tiles, so that their pictures are alike."""
        heading, caption = self._texts(side)
        for tile in self.tiles:
            tile.heading.setFixedHeight(heading)
            tile.caption.setFixedHeight(caption)

    def _heights(self, side: int) -> tuple[int, int]:
        """Of a tile so wide, with and without a heading."""
        heading, caption = self._texts(side)
        bare = caption + round((side - 2 * PAD - 2) * self.aspect) + 2 * PAD + 2 + GAP
        return bare + (heading + GAP if heading else 0), bare

    def _least(self) -> int:
        """No tile is smaller, nor narrower than a word above it."""
        words = (t.heading.fontMetrics().horizontalAdvance(w) for t in self.tiles for w in t.heading.text().split())
        return max(LEAST_IN_GRID if self.heads else LEAST_SIDE, max(words, default=0) + 2 * PAD + 4)

    def _needed(self, side: int, rows: int) -> int:
        """The height of so many rows; those of a grid are headed once."""
        headed, bare = self._heights(side)
        return headed + (rows - 1) * (bare if self.heads else headed) + SPACE * (rows - 1)

    def _fitting(self, columns: int, rows: int, width: int, height: int) -> int:
        """The widest tiles of which so many fit; 0 where not even the least do."""
        side = (width - SPACE * (columns - 1)) // columns
        least = self._least()
        while side >= least:
            excess = self._needed(side, rows) - height
            if excess <= 0:
                return side
            side -= max(1, math.ceil(excess / rows / max(self.aspect, 0.1) / 2))
        return 0

    def _lay_out_lines(self, width: int, height: int) -> None:
        count = len(self.tiles)
        best = max((self._fitting(c, -(-count // c), width, height), c) for c in range(1, count + 1))
        side, columns = best
        if not side:
            bar = self.verticalScrollBar().sizeHint().width()
            columns = max(1, min(count, (width - bar + SPACE) // (self._least() + SPACE)))
            side = (width - bar - SPACE * (columns - 1)) // columns
        rows = -(-count // columns)
        columns = -(-count // rows)  # as many in each line
        tall, whole = self._heights(side)[0], self._needed(side, rows)
        self._give_heights(side)
        left = max(0, (width - columns * side - SPACE * (columns - 1)) // 2)
        top = max(0, (height - whole) // 2)
        for i, tile in enumerate(self.tiles):
            row, column = divmod(i, columns)
            tile.setGeometry(left + column * (side + SPACE), top + row * (tall + SPACE), side, tall)
        self.inner.setFixedSize(max(left + columns * (side + SPACE) - SPACE, 1), top + whole)

    def _lay_out_grid(self, width: int, height: int) -> None:
        rows = len(self.heads)
        across = max(1, (len(self.tiles) - self.before) // rows)
        columns = across + (1 if self.before else 0)
        side = self._fitting(columns, rows, width - ROW_HEAD - SPACE, height) or self._least()
        headed, bare = self._heights(side)
        whole = self._needed(side, rows)
        self._give_heights(side)
        left = max(0, (width - columns * (side + SPACE) - ROW_HEAD) // 2)
        top = max(0, (height - whole) // 2)
        for i, tile in enumerate(self.tiles[: self.before]):
            tile.setGeometry(left, top + i * (headed + SPACE), side, headed)
        start = left + (side + SPACE if self.before else 0)
        ends = [top + headed + row * (bare + SPACE) for row in range(rows)]
        picture = round((side - 2 * PAD - 2) * self.aspect)
        for end, label in zip(ends, self.heads, strict=True):
            label.setGeometry(start, end - bare + PAD, ROW_HEAD, picture)
        for i, tile in enumerate(self.tiles[self.before :]):
            row, column = divmod(i, across)
            tall = bare if row else headed
            tile.setGeometry(start + ROW_HEAD + SPACE + column * (side + SPACE), ends[row] - tall, side, tall)
        self.inner.setFixedSize(start + ROW_HEAD + SPACE + across * (side + SPACE) - SPACE, top + whole)
