"""A small picture with a caption, which can be clicked."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from qcs_gui.widgets.colour_maps import painted, to_qimage

__all__ = ["Thumb"]


class Thumb(QWidget):
    """Shows (h, w) or (h, w, 3), enlarged without blur; ``clicked`` by mouse, Return or Space."""

    clicked = Signal()

    def __init__(self, caption: str, side: int = 120) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.caption, self.side = caption, side
        self.setAccessibleName(caption)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumSize(60, 60)

    def sizeHint(self) -> QSize:
        return QSize(self.side, self.side + 2 * self._line)

    @property
    def _line(self) -> int:
        """Height of a line of the caption."""
        return self.fontMetrics().lineSpacing() + 3

    def set_picture(self, shown: np.ndarray | None, caption: str, colours: str = "grey", levels=(0.0, 1.0)) -> None:
        self.image = None if shown is None else to_qimage(painted(shown, colours, levels))
        self.caption = caption
        self.setAccessibleName(caption.replace("\n", ", "))
        self.setToolTip(caption)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        lines = self.caption.count("\n") + 1
        room = QRect(2, 2, self.width() - 4, self.height() - 4 - lines * self._line)
        if self.image is not None and room.height() > 8:
            scale = min(room.width() / self.image.width(), room.height() / self.image.height())
            width, height = round(self.image.width() * scale), round(self.image.height() * scale)
            where = QRect(
                room.x() + (room.width() - width) // 2, room.y() + (room.height() - height) // 2, width, height
            )
            # whole pixels enlarged, many pixels smoothed
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
            painter.drawImage(where, self.image)
        text = QRect(0, self.height() - lines * self._line - 2, self.width(), lines * self._line)
        words = "\n".join(
            self.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, self.width() - 2)
            for line in self.caption.split("\n")
        )
        painter.drawText(text, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)
        if self.hasFocus():
            painter.setPen(self.palette().highlight().color())
            painter.drawRect(0, 0, self.width() - 1, self.height() - 1)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)
