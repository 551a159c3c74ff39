"""A label whose letters are as large as its room allows, so that what is said large is never cut off."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

__all__ = ["FittedLabel"]


class FittedLabel(QLabel):
    """Plain text between ``smallest`` and ``largest`` pixels a letter, in at most ``lines`` lines where that is possible. Its
    height is that of so many lines at the largest size: a sentence that changes moves nothing else."""

    def __init__(self, name: str, largest: int, smallest: int = 11, lines: int = 1, bold: bool = True) -> None:
        super().__init__()
        self.largest, self.smallest, self.lines, self.bold = largest, smallest, lines, bold
        self.setAccessibleName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fit()

    def setText(self, text: str) -> None:
        if text != self.text():
            super().setText(text)
            self._fit()

    def set_largest(self, largest: int) -> None:
        """Another upper end: a larger stage has larger letters."""
        if largest != self.largest:
            self.largest = largest
            self._fit()

    def _font(self, size: int) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(size)
        font.setBold(self.bold)
        return font

    def _needs(self, size: int) -> QRect:
        room = QRect(0, 0, max(self.width() - 8, 40), 10_000)
        return QFontMetrics(self._font(size)).boundingRect(room, Qt.TextFlag.TextWordWrap, self.text())

    def _fit(self) -> None:
        size = self.largest
        limit = self.lines * QFontMetrics(self._font(size)).lineSpacing()
        while size > self.smallest and not self._fits(size, limit):
            size -= 1
        self.setFont(self._font(size))
        self.setFixedHeight(max(limit, self._needs(size).height()) + 4)

    def _fits(self, size: int, limit: int) -> bool:
        needed = self._needs(size)
        return needed.height() <= limit and needed.width() <= max(self.width() - 8, 40)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(60, super().minimumSizeHint().height())
