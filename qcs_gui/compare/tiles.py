"""One picture of a comparison: its heading, the picture at the zoom that all share, and a line below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from qcs_gui.compare.moments import DOT

__all__ = ["PictureArea", "Tile", "Zoom"]

MOST_ZOOM = 64.0
STEP = 1.25


class Zoom:
    """The part of every picture that is seen: ``factor`` times enlarged about ``x``, ``y`` (shares of width and height).
    ``listeners`` are called when it changes; where the wheel scrolls, it enlarges with Ctrl alone."""

    def __init__(self) -> None:
        self.wheel_scrolls = False
        self.factor, self.x, self.y = 1.0, 0.5, 0.5
        self.listeners: list = []

    def set(self, factor: float, x: float, y: float) -> None:
        """Takes the values, kept inside of the picture."""
        self.factor = min(max(factor, 1.0), MOST_ZOOM)
        half = 0.5 / self.factor
        self.x, self.y = (min(max(v, half), 1 - half) for v in (x, y))
        for listener in self.listeners:
            listener()

    def about(self, factor: float, u: float, v: float) -> None:
        """Enlarges so that the place (u, v) of the picture stays where it is."""
        factor = min(max(factor, 1.0), MOST_ZOOM)
        keep = self.factor / factor
        self.set(factor, u + (self.x - u) * keep, v + (self.y - v) * keep)

    def reset(self) -> None:
        self.set(1.0, 0.5, 0.5)


class PictureArea(QWidget):
    """The picture, as large as fits, at the common zoom; wheel and drag change that for all."""

    moved_over = Signal(float, float)

    def __init__(self, zoom: Zoom) -> None:
        super().__init__()
        self.zoom = zoom
        self.image: QImage | None = None
        self.words = ""
        self._drag: QPointF | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, 24)

    def place(self) -> QRectF:
        """Where the picture lies."""
        if self.image is None:
            return QRectF(self.rect())
        scale = min(self.width() / self.image.width(), self.height() / self.image.height())
        width, height = self.image.width() * scale, self.image.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def at(self, position: QPointF) -> tuple[float, float]:
        """The shares of width and height of the picture that lie at a position."""
        place, zoom = self.place(), self.zoom
        u = (position.x() - place.x()) / max(place.width(), 1.0)
        v = (position.y() - place.y()) / max(place.height(), 1.0)
        return zoom.x + (u - 0.5) / zoom.factor, zoom.y + (v - 0.5) / zoom.factor

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.image is None:
            frame = self.rect().adjusted(0, 0, -1, -1)
            painter.setPen(QColor(128, 128, 128, 90))
            painter.drawRect(frame)
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(frame.adjusted(6, 6, -6, -6), _CENTRE, self.words)
            return
        zoom, width, height = self.zoom, self.image.width(), self.image.height()
        part = QRectF(
            (zoom.x - 0.5 / zoom.factor) * width, (zoom.y - 0.5 / zoom.factor) * height,
            width / zoom.factor, height / zoom.factor,
        )  # fmt: skip
        place = self.place()
        # pixels of a small picture are shown as they are; a large one is made smaller without losing its lines
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, place.width() < part.width())
        painter.drawImage(place, self.image, part)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.zoom.wheel_scrolls and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        self.zoom.about(self.zoom.factor * STEP ** (event.angleDelta().y() / 120), *self.at(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag = event.position() if event.button() == Qt.MouseButton.LeftButton else None
        event.ignore()  # the tile is chosen, too

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton and self.zoom.factor > 1:
            was, now = self.at(self._drag), self.at(event.position())
            self._drag = event.position()
            self.zoom.set(self.zoom.factor, self.zoom.x + was[0] - now[0], self.zoom.y + was[1] - now[1])
        elif self.image is not None and self.place().contains(event.position()):
            self.moved_over.emit(*self.at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        event.ignore()


_CENTRE = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)


class Tile(QFrame):
    """``opened`` by a double click or Return."""

    opened = Signal()

    def __init__(self, zoom: Zoom, heading: str) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading, self.area, self.caption = QLabel(heading), PictureArea(zoom), QLabel()
        self.heading.setObjectName("tile_heading")
        self._parts: list[str] = []
        self.heading.setWordWrap(True)
        self.caption.setMinimumWidth(1)
        for label in (self.heading, self.caption):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.caption.setObjectName("dim")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(PAD, PAD, PAD, PAD)
        self.column.setSpacing(GAP)
        self.column.addWidget(self.heading)
        self.column.addWidget(self.area, 1)
        self.column.addWidget(self.caption)
        self.setAccessibleName(heading)

    def set_heading(self, words: str) -> None:
        self.heading.setText(words)
        self.heading.setVisible(bool(words))
        self.setAccessibleName(words)

    def show_image(self, image: QImage | None, parts: Sequence[str], failed: str = "") -> None:
        """The picture and what is said below it, as much of it as fits in one line, from the first; ``failed`` says why it is
        worth less than a trivial one."""
        self.area.image = image
        self.area.words = DOT.join(parts) if image is None else ""
        self._parts = [] if image is None else [*(["failed"] if failed else []), *parts]
        self.setToolTip("\n".join(w for w in (self.heading.text(), DOT.join(self._parts), failed) if w))
        name = "warning" if failed else "dim"
        if self.caption.objectName() != name:
            self.caption.setObjectName(name)
            self.caption.style().polish(self.caption)
        self._fit_caption()
        self.area.update()

    def _fit_caption(self) -> None:
        parts, metrics = list(self._parts), self.caption.fontMetrics()
        while len(parts) > 1 and metrics.horizontalAdvance(DOT.join(parts)) > self.width() - 2 * PAD - 2:
            parts.pop()
        self.caption.setText(DOT.join(parts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_caption()

    def text_heights(self, width: int) -> tuple[int, int]:
        """What heading and caption need in a tile so wide."""
        inner = width - 2 * PAD - 2
        return (
            self.heading.heightForWidth(inner) if self.heading.text() else 0,
            self.caption.fontMetrics().lineSpacing() + 1,
        )

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        zoom, key = self.area.zoom, event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            zoom.set(zoom.factor * STEP, zoom.x, zoom.y)
        elif key == Qt.Key.Key_Minus:
            zoom.set(zoom.factor / STEP, zoom.x, zoom.y)
        else:
            super().keyPressEvent(event)


PAD, GAP = 6, 4
