"""The colours of a view with their numbers, small enough for a bar of buttons."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from qcs_gui.stage.view_store import VIEWS
from qcs_gui.widgets.colour_maps import painted, to_qimage

__all__ = ["ColourScale"]

WIDE, PAD = 72, 6


class ColourScale(QWidget):
    """Shown for views whose range follows their data; one range holds for all pictures."""

    def __init__(self) -> None:
        super().__init__()
        self._view, self._levels = "std", (0.0, 1.0)
        self.hide()

    def show_range(self, view: str, levels: tuple[float, float]) -> None:
        self._view, self._levels = view, levels
        self.setVisible(VIEWS[view].fits)
        low, high = (f"{v:g}" for v in levels)
        metrics = self.fontMetrics()
        self.setFixedWidth(WIDE + metrics.horizontalAdvance(low) + metrics.horizontalAdvance(high) + 4 * PAD)
        self.setFixedHeight(metrics.height() + PAD)
        self.setToolTip(f"Colours from {low} to {high}, the same in all pictures.")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        low, high = (f"{v:g}" for v in self._levels)
        painter, metrics = QPainter(self), self.fontMetrics()
        left = PAD + metrics.horizontalAdvance(low) + PAD
        ramp = np.linspace(*self._levels, WIDE)[None]
        image = to_qimage(painted(ramp, VIEWS[self._view].colours, self._levels))
        painter.drawImage(QRectF(left, self.height() / 2 - 5, WIDE, 10), image)
        painter.setPen(self.palette().text().color())
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(PAD, 0, left, self.height()), middle, low)
        painter.drawText(QRectF(left + WIDE + PAD, 0, 200, self.height()), middle, high)
