"""A canvas to draw a picture on by hand, beside the stage, so that what comes of it is seen at the same time."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

__all__ = ["DrawPanel"]

SIDE = 280
MOST_UNDO = 50


class Canvas(QWidget):
    """White strokes on black, SIDE x SIDE pixels."""

    drawn = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(SIDE, SIDE)
        self.setAccessibleName("Drawing canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.image = QImage(QSize(SIDE, SIDE), QImage.Format.Format_Grayscale8)
        self._last: QPointF | None = None
        self.brush, self.erasing = SIDE / 13, False
        self._before: list[QImage] = []
        self._after: list[QImage] = []
        self.clear()
        self._before.clear()

    def clear(self) -> None:
        self._remember()
        self.image.fill(QColor("black"))
        self.update()
        self.drawn.emit()

    def _remember(self) -> None:
        """The canvas before a stroke, for undo."""
        self._before.append(self.image.copy())
        del self._before[:-MOST_UNDO]
        self._after.clear()

    def undo(self) -> None:
        self._swap(self._before, self._after)

    def redo(self) -> None:
        self._swap(self._after, self._before)

    def _swap(self, source: list[QImage], target: list[QImage]) -> None:
        if source:
            target.append(self.image)
            self.image = source.pop()
            self.update()
            self.drawn.emit()

    def pixels(self) -> np.ndarray:
        """(1, SIDE, SIDE) float32 in [0, 1]."""
        stride = self.image.bytesPerLine()
        raw = np.frombuffer(self.image.constBits(), np.uint8).reshape(SIDE, stride)[:, :SIDE]
        return (raw.astype(np.float32) / 255)[None]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._remember()
            self._last = event.position()
            self._stroke(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._last is not None:
            self._stroke(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None

    def _stroke(self, to: QPointF) -> None:
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = QColor("black" if self.erasing else "white")
        painter.setPen(QPen(ink, self.brush, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        start = self._last if self._last is not None else to
        painter.drawLine(start, to + QPointF(0.01, 0.01))
        painter.end()
        self._last = to
        self.update()
        self.drawn.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(0, 0, self.image)
        painter.end()


class DrawPanel(QFrame):
    """Draw, then "Use drawing". ``centred`` asks for the ink to be centred and sized as MNIST's digits were; it is on
    for a ``digit``. It ends with ``accepted`` or ``rejected``, and ``finished`` after either."""

    accepted, rejected, finished = Signal(), Signal(), Signal()

    def __init__(self, digit: bool = True) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.canvas = Canvas()
        self.centred = QCheckBox("Centre and size it like a digit of MNIST")
        self.centred.setChecked(digit)
        self.clear_button, self.eraser = QPushButton("Clear"), QPushButton("Eraser")
        self.undo_button, self.redo_button = QPushButton("Undo"), QPushButton("Redo")
        self.eraser.setCheckable(True)
        self.eraser.toggled.connect(self._erase)
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(4, 60)
        self.brush.setValue(round(self.canvas.brush))
        self.brush.setAccessibleName("Brush size")
        self.brush.setToolTip("Brush size, in pixels of the canvas.")
        self.brush.valueChanged.connect(self._resize_brush)
        self.clear_button.clicked.connect(self.canvas.clear)
        self.undo_button.clicked.connect(self.canvas.undo)
        self.redo_button.clicked.connect(self.canvas.redo)
        self.use_button, self.close_button = QPushButton("Use drawing"), QPushButton("Close")
        self.use_button.setObjectName("run")
        self.use_button.setToolTip("The drawing becomes the picture that is measured.")
        self.close_button.setToolTip("Leaves the picture as it was (Escape).")
        self.use_button.setEnabled(False)
        self.use_button.clicked.connect(self.accept)
        self.close_button.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"Draw {'a digit' if digit else 'something'} with the mouse."))
        layout.addWidget(self.canvas, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.centred)
        row = QHBoxLayout()
        row.addWidget(QLabel("Brush"))
        row.addWidget(self.brush, 1)
        row.addWidget(self.eraser)
        tools = QHBoxLayout()
        ends = QHBoxLayout()
        for button in (self.clear_button, self.undo_button, self.redo_button):
            tools.addWidget(button)
        for button in (self.use_button, self.close_button):
            ends.addWidget(button)
        for line in (row, tools, ends):
            layout.addLayout(line)
        layout.addStretch()
        self.canvas.drawn.connect(self._drawn)
        keys = QKeySequence.StandardKey
        self._keys = ((keys.Undo, self.canvas.undo), (keys.Redo, self.canvas.redo), (keys.Cancel, self.reject))

    def event(self, event: QEvent) -> bool:
        """Keys that mean something to the drawing are its own while the focus is in it."""
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            work = next((work for key, work in self._keys if event.matches(key)), None)
            if work is not None:
                event.accept()
                if event.type() == QEvent.Type.KeyPress:
                    work()
                return True
        return super().event(event)

    def accept(self) -> None:
        self.accepted.emit()
        self._finish()

    def reject(self) -> None:
        self.rejected.emit()
        self._finish()

    def _finish(self) -> None:
        self.finished.emit()
        self.hide()
        self.deleteLater()

    def _erase(self, on: bool) -> None:
        self.canvas.erasing = on

    def _resize_brush(self, size: int) -> None:
        self.canvas.brush = size

    def _drawn(self) -> None:
        self.use_button.setEnabled(bool(self.canvas.pixels().max() > 0))

    def drawing(self, side: int) -> np.ndarray:
        """The drawing, (1, side, side)."""
        return (
            centre_ink(self.canvas.pixels(), side)
            if self.centred.isChecked()
            else _shrink(self.canvas.pixels(), side, side)
        )


def _shrink(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    from engine.images import fit

    return fit(pixels, (1, height, width))


def centre_ink(pixels: np.ndarray, side: int) -> np.ndarray:
    """The ink scaled to 20/28 of the side and its centre of mass moved to the middle, as MNIST's digits were."""
    rows, columns = (np.flatnonzero(pixels[0].max(axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((1, side, side), np.float32)
    cut = pixels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = round(side * 20 / 28)
    scale = inner / max(cut.shape[1:])
    height, width = (max(1, round(n * scale)) for n in cut.shape[1:])
    small = _shrink(cut, height, width)[0]
    total = float(small.sum()) or 1.0
    centre = [float((small.sum(1 - axis) * (np.arange(n) + 0.5)).sum()) / total for axis, n in enumerate(small.shape)]
    top, left = (int(np.clip(round(side / 2 - c), 0, side - n)) for c, n in zip(centre, small.shape, strict=True))
    out = np.zeros((1, side, side), np.float32)
    out[0, top : top + height, left : left + width] = small
    return out
