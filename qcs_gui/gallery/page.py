"""The gallery: presets as cards, each with a thumbnail, a title and one line; a click runs it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from engine.runs.presets import Preset, presets

__all__ = ["GalleryPage"]

CARD_WIDTH, THUMBNAIL = 236, 112


class Card(QToolButton):
    """One preset. A button, so that Tab and Return reach it."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.setObjectName("card")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        if preset.thumbnail.is_file():
            picture = QPixmap(str(preset.thumbnail))
            mode = (
                Qt.TransformationMode.FastTransformation
                if picture.width() < 64
                else Qt.TransformationMode.SmoothTransformation
            )
            self.setIcon(QIcon(picture.scaled(THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, mode)))
        self.setText(f"{_wrapped(preset.title, 28)}\n\n{_wrapped(preset.line)}")
        self.setAccessibleName(f"{preset.title}: {preset.line}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(CARD_WIDTH - 12)
        self.setMinimumHeight(THUMBNAIL + 126)


def _wrapped(line: str, width: int = 30) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(line, width))


class GalleryPage(QWidget):
    """``chosen`` carries the name of a preset."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        title = QLabel("What would you like to see?")
        title.setObjectName("headline")
        line = QLabel(
            "One click runs a preset and shows it forming. The column on the left then holds its settings, to be changed."
        )
        line.setObjectName("dim")
        line.setWordWrap(True)
        self.cards = [Card(p) for p in presets()]
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        self._columns = 0
        inner = QWidget()
        inner.setLayout(self._grid)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 12, 8)
        layout.addWidget(title)
        layout.addWidget(line)
        layout.addWidget(area, 1)
        for card in self.cards:
            card.clicked.connect(lambda _=False, name=card.preset.name: self.chosen.emit(name))
        self._arrange(3)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for i, card in enumerate(self.cards):
            self._grid.addWidget(card, i // columns, i % columns)
        for column in range(8):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._grid.setRowStretch(len(self.cards) // columns + 1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(max(1, min(6, (self.width() - 40) // CARD_WIDTH)))
