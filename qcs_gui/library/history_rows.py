"""How a kept run is painted in the history: thumbnail, name and result in one line, what was measured, how it was made."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

__all__ = ["LINES", "PICTURE", "HistoryRows"]

LINES, PICTURE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
"""Of an item: its five texts, and its thumbnail as a QPixmap."""
THUMBNAIL, PAD, LINE_COUNT = 68, 6, 4


class HistoryRows(QStyledItemDelegate):
    """Long words end in dots; the tool tip has them whole."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line = option.fontMetrics.lineSpacing()
        return QSize(120, max(THUMBNAIL, LINE_COUNT * line) + 2 * PAD)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        words = index.data(LINES)
        if not words:
            super().paint(painter, option, index)
            return
        name, good, *others = words
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if chosen:
            painter.fillRect(rect, palette.highlight())
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, palette.button())
        picture: QPixmap | None = index.data(PICTURE)
        if picture is not None and not picture.isNull():
            shown = picture.size().scaled(THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio)
            smooth = shown.width() < picture.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            left = rect.left() + PAD + (THUMBNAIL - shown.width()) // 2
            painter.drawPixmap(
                QRect(left, rect.top() + (rect.height() - shown.height()) // 2, shown.width(), shown.height()), picture
            )
        plain = palette.highlightedText().color() if chosen else palette.text().color()
        dim = palette.highlightedText().color() if chosen else palette.placeholderText().color()
        bold = QFont(option.font)
        bold.setBold(True)
        left, width = rect.left() + THUMBNAIL + 2 * PAD + 4, rect.width() - THUMBNAIL - 3 * PAD - 4
        line = option.fontMetrics.lineSpacing()
        top = rect.top() + (rect.height() - LINE_COUNT * line) // 2
        painter.setFont(bold)
        painter.setPen(plain)
        right = painter.fontMetrics().horizontalAdvance(good) + (8 if good else 0)
        _line(painter, QRect(left, top, width - right, line), name)
        painter.drawText(QRect(left, top, width, line), Qt.AlignmentFlag.AlignRight, good)
        painter.setFont(option.font)
        for number, told in enumerate(others, start=1):
            _line(painter, QRect(left, top + number * line, width, line), told)
            painter.setPen(dim)
        painter.restore()


def _line(painter: QPainter, place: QRect, words: str) -> None:
    shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft, shown)
