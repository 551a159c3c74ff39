"""A walk through a generator's latent space: a pad for the mouse, the picture there, and the window's picture beside it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from qcs_gui.priors.page_plots import Trio
from qcs_gui.theme import ACCENT

__all__ = ["LatentPad", "WalkView"]

STEP = 0.05
"""Of an arrow key, in half sides."""


class LatentPad(QWidget):
    """A square; where the mouse is pressed or dragged is a place (across, down) from -1 to 1. Arrow keys move it."""

    moved = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Latent walk: place")
        self.setToolTip("Drag, or use the arrow keys: every place is a latent, and nearby ones make similar pictures.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(150, 150)
        self.across, self.down = 0.0, 0.0

    def sizeHint(self) -> QSize:
        return QSize(190, 190)

    def go(self, across: float, down: float) -> None:
        """Moves the place, as if by the mouse."""
        self.across, self.down = min(max(across, -1.0), 1.0), min(max(down, -1.0), 1.0)
        self.update()
        self.moved.emit()

    def _side(self) -> float:
        return max(1.0, float(min(self.width(), self.height()) - 2))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton or event.type() == event.Type.MouseButtonPress:
            half, place = self._side() / 2, event.position()
            self.go((place.x() - self.width() / 2) / half, (place.y() - self.height() / 2) / half)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (-STEP, 0.0), Qt.Key.Key_Right: (STEP, 0.0), Qt.Key.Key_Up: (0.0, -STEP),
            Qt.Key.Key_Down: (0.0, STEP),
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.go(self.across + step[0], self.down + step[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, half = QPainter(self), self._side() / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(self.width() / 2, self.height() / 2)
        line = QColor(self.palette().color(self.foregroundRole()))
        line.setAlphaF(0.35)
        painter.setPen(QPen(line, 1))
        painter.setBrush(self.palette().base())
        painter.drawRect(int(middle.x() - half), int(middle.y() - half), int(2 * half), int(2 * half))
        painter.drawLine(middle - QPointF(half, 0), middle + QPointF(half, 0))
        painter.drawLine(middle - QPointF(0, half), middle + QPointF(0, half))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ACCENT))
        painter.drawEllipse(middle + QPointF(self.across * half, self.down * half), 6, 6)
        painter.end()


class WalkView(QWidget):
    """Widgets only."""

    def __init__(self) -> None:
        super().__init__()
        self.pad = LatentPad()
        self.new_button = QPushButton("New directions")
        self.new_button.setToolTip("Another part of the latent space: three other latents span the square.")
        self.fit_button = QPushButton("Fit to the window's picture")
        self.fit_button.setToolTip("Looks for the latent whose picture is nearest to the window's, and goes there.")
        self.pictures = Trio(("Here", "Window's picture", "Difference"))
        self.pictures.setAccessibleName("Latent walk: picture here, the window's picture, their difference")
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setTextFormat(Qt.TextFormat.PlainText)
        self.says.setAccessibleName("Latent walk: state")
        left = QVBoxLayout()
        left.addWidget(self.pad, 1)
        left.addWidget(self.new_button)
        left.addWidget(self.fit_button)
        row = QHBoxLayout()
        row.addLayout(left)
        row.addWidget(self.pictures, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row, 1)
        layout.addWidget(self.says)
        for button in (self.new_button, self.fit_button):
            button.setAutoDefault(False)

    def show_pictures(self, here: np.ndarray | None, other: np.ndarray | None) -> None:
        """Pictures (c, h, w) in [0, 1]; the difference where both have the same shape."""
        self.pictures.show_picture(0, here, "Here")
        self.pictures.show_picture(1, other, "Window's picture")
        alike = here is not None and other is not None and here.shape == other.shape
        self.pictures.show_picture(2, here - other if alike else None, "Difference", "error")  # type: ignore[operator]
