"""The gallery: presets as cards of equal height in sections. A thumbnail forms while the mouse or the keyboard is on it; a click
runs it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOption,
    QVBoxLayout,
    QWidget,
)

from engine.runs.presets import SECTIONS, Preset, presets

__all__ = ["Card", "GalleryPage"]

CARD_WIDTH, THUMBNAIL, PAD, SPACE = 188, 112, 12, 10
COLUMNS = (6, 3, 2, 1)
"""Of which six cards leave no gap."""
FRAME_MS, REST_MS = 110, 1200
"""Between two frames of a thumbnail, and at its end."""
WRAP = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class Card(QAbstractButton):
    """One preset. A button, so that Tab and Return reach it."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.setObjectName("card")
        self.setText(preset.title)
        self.setAccessibleName(f"{preset.title}: {preset.line}" + (f" {preset.fails}" if preset.fails else ""))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._picture, self._frames = QPixmap(), QPixmap()
        self._count, self.frame = 0, -1
        if preset.thumbnail.is_file():
            self._picture.load(str(preset.thumbnail))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._next)

    # -- the thumbnail -----------------------------------------------------------------------------------------------

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def play(self) -> None:
        """From fog to picture, over and over."""
        if not self._count and self.preset.forming.is_file():
            self._frames.load(str(self.preset.forming))
            self._count = self._frames.width() // max(1, self._frames.height())
        if self._count and not self.playing:
            self.frame = 0
            self._timer.start(FRAME_MS)
            self.update()

    def rest(self) -> None:
        """Shows the result again."""
        self._timer.stop()
        self.frame = -1
        self.update()

    def _next(self) -> None:
        self.frame = (self.frame + 1) % self._count
        self._timer.setInterval(REST_MS if self.frame == self._count - 1 else FRAME_MS)
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.FocusIn):
            self.play()
        elif event.type() in (QEvent.Type.HoverLeave, QEvent.Type.FocusOut, QEvent.Type.Hide):
            self.rest()
        return super().event(event)

    # -- size and looks ----------------------------------------------------------------------------------------------

    def _fonts(self) -> tuple[QFont, QFont, QFont]:
        """Of title, line and the word on what is expected to fail."""
        title, small = QFont(self.font()), QFont(self.font())
        title.setBold(True)
        title.setPointSizeF(self.font().pointSizeF() * 1.08)
        small.setItalic(True)
        return title, self.font(), small

    def _texts(self, width: int) -> list[tuple[QFont, str, int]]:
        """What is written below the picture, with the height of each."""
        found = []
        for font, words in zip(self._fonts(), (self.preset.title, self.preset.line, self.preset.fails), strict=True):
            if words:
                need = QFontMetrics(font).boundingRect(QRect(0, 0, width - 2 * PAD, 10000), int(WRAP), words)
                found.append((font, words, need.height() + 4))
        return found

    def height_for(self, width: int) -> int:
        return THUMBNAIL + 3 * PAD + sum(h for _, _, h in self._texts(width))

    def sizeHint(self) -> QSize:
        return QSize(CARD_WIDTH, self.height_for(CARD_WIDTH))

    def minimumSizeHint(self) -> QSize:
        return QSize(CARD_WIDTH - 24, 100)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QPainter(self), QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        place = QRect((self.width() - THUMBNAIL) // 2, PAD, THUMBNAIL, THUMBNAIL)
        if self.frame >= 0:
            side = self._frames.height()
            painter.drawPixmap(place, self._frames, QRect(self.frame * side, 0, side, side))
        elif not self._picture.isNull():
            painter.drawPixmap(place, self._picture)
        top = place.bottom() + PAD
        colours = (self.palette().text(), self.palette().placeholderText(), self.palette().placeholderText())
        for (font, words, height), colour in zip(self._texts(self.width()), colours, strict=False):
            painter.setFont(font)
            painter.setPen(colour.color())
            painter.drawText(QRect(PAD, top, self.width() - 2 * PAD, height), int(WRAP), words)
            top += height


class GalleryPage(QWidget):
    """``chosen`` carries the name of a preset; ``tour_wanted`` asks for the tour."""

    chosen = Signal(str)
    tour_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        title = QLabel("What would you like to see?")
        title.setObjectName("headline")
        line = QLabel(
            "One click runs a preset and shows it forming. The column on the left then holds its settings, to be changed."
        )
        line.setObjectName("dim")
        line.setWordWrap(True)
        self.tour_button = QPushButton("Take the tour")
        self.tour_button.setToolTip("Nine hints, each done as it is read.")
        self.tour_button.clicked.connect(self.tour_wanted)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.tour_button)
        every = presets()
        self.sections: list[tuple[QLabel, QGridLayout, list[Card]]] = []
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(6)
        for name, words in SECTIONS.items():
            heading, grid = QLabel(words), QGridLayout()
            heading.setObjectName("section")
            grid.setSpacing(SPACE)
            cards = [Card(p) for p in every if p.section == name]
            self.sections.append((heading, grid, cards))
            column.addWidget(heading)
            column.addLayout(grid)
            column.addSpacing(10)
        column.addStretch()
        self.cards = [c for _, _, cards in self.sections for c in cards]
        self._columns = 0
        inner = QWidget()
        inner.setLayout(column)
        self.area = QScrollArea()
        self.area.setWidget(inner)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 12, 8)
        layout.addLayout(head)
        layout.addWidget(line)
        layout.addWidget(self.area, 1)
        for card in self.cards:
            card.clicked.connect(lambda _=False, name=card.preset.name: self.chosen.emit(name))
        self._arrange(3)

    def _arrange(self, columns: int) -> None:
        """So many columns, all cards of one width, those of a section of one height."""
        width = (max(self.width(), 400) - 60 - SPACE * (columns - 1)) // columns
        for _, _, cards in self.sections:
            tallest = max(c.height_for(width) for c in cards)
            for card in cards:
                card.setFixedHeight(tallest)
        if columns == self._columns:
            return
        self._columns = columns
        for _, grid, cards in self.sections:
            for i, card in enumerate(cards):
                grid.addWidget(card, i // columns, i % columns)
            for column in range(8):
                grid.setColumnStretch(column, 1 if column < columns else 0)
                grid.setColumnMinimumWidth(column, CARD_WIDTH - 24 if column < columns else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(next(c for c in COLUMNS if c * CARD_WIDTH <= max(self.width() - 50, CARD_WIDTH)))

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._arrange(next(c for c in COLUMNS if c * CARD_WIDTH <= max(self.width() - 50, CARD_WIDTH)))
