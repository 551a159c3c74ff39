"""The strip of samples: all of them in one picture, a click or an arrow key chooses one."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from qcs_gui.widgets.colour_maps import colour_map

__all__ = ["SampleStrip"]


class SampleStrip(pg.GraphicsLayoutWidget):
    """All samples in one picture; a click selects one."""

    selected = Signal(int)
    GAP = 2

    _samples: np.ndarray | None = None
    _look: tuple[str, tuple[float, float]] = ("grey", (0.0, 1.0))

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
        self.setMinimumHeight(60)

    def set_samples(self, samples: np.ndarray) -> None:
        """Shows (n, c, h, w)."""
        self._samples = samples
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
        self.item.setImage(sheet[..., 0] if c == 1 else sheet, autoLevels=False, levels=self._look[1])

    def set_look(self, colours: str, levels: tuple[float, float]) -> None:
        """The colour map and range of the large picture, so that small and large are the same picture."""
        if (colours, levels) != self._look:
            self._look = colours, levels
            self.item.setColorMap(colour_map(colours))

    def clear_samples(self) -> None:
        self.item.clear()
        self._samples = None
        self.count, self.index = 0, 0
        self.frame.setRect(0, 0, 0, 0)

    def _columns(self, n: int, h: int, w: int) -> int:
        """As many columns as make the samples largest in the strip."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        return max(
            range(1, n + 1), key=lambda k: min(width / (k * (w + self.GAP)), height / (-(-n // k) * (h + self.GAP)))
        )

    def select(self, index: int) -> None:
        self.mark(index)
        self.selected.emit(self.index)

    def mark(self, index: int) -> None:
        """Frames a sample without telling anybody."""
        self.index = max(0, min(index, self.count - 1))
        self._outline()

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

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)
        if self._samples is not None and self.isVisible():
            self.set_samples(self._samples)  # in another shape of room other columns make them largest

    def keyPressEvent(self, event: object) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns}
        move = step.get(event.key())  # type: ignore[attr-defined]
        if move and self.count:
            self.select(self.index + move)
        else:
            super().keyPressEvent(event)
