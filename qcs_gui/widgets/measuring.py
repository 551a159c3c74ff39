"""Whether all that is written in a window can be read: no text wider than its room, nothing beyond the edge of what holds it."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QGraphicsView,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from qcs_gui.widgets.thumb import Thumb

__all__ = ["clipped"]

SLACK = 1
"""Pixels that rounding may take away."""


def clipped(window: QWidget) -> list[str]:
    """What of the visible widgets of a window cannot be read as a whole, in words; empty where everything can."""
    found = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or widget.window() is not window.window():
            continue
        name = f"{type(widget).__name__} '{_text(widget) or widget.accessibleName() or widget.objectName()}'"
        if _text(widget) and _beyond(widget, window):
            found.append(f"{name} reaches beyond what holds it")
        wide = _lacks(widget)
        if wide:
            found.append(f"{name} {wide}")
    return found


def _text(widget: QWidget) -> str:
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
        return widget.text()
    if isinstance(widget, QGroupBox):
        return widget.title()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    return widget.caption if isinstance(widget, Thumb) else ""


def _beyond(widget: QWidget, window: QWidget) -> bool:
    """Whether a part of it lies outside of one of the widgets that hold it; what one can scroll to is no loss, sideways it is."""
    holder = widget.parentWidget()
    while holder is not None:
        at = QRect(widget.mapTo(holder, QPoint(0, 0)), widget.size())
        scrolls = isinstance(holder.parentWidget(), QScrollArea)
        room = holder.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK)
        if scrolls and isinstance(holder.parentWidget(), QAbstractScrollArea):
            return at.left() < room.left() or at.right() > room.right()
        if not room.contains(at):
            return True
        if holder is window:
            return False
        holder = holder.parentWidget()
    return False


def _lacks(widget: QWidget) -> str:
    """What its text lacks to be read."""
    metrics, text = widget.fontMetrics(), _text(widget)
    if isinstance(widget, QGraphicsView):
        return _title_lacks(widget)
    if not text:
        return ""
    if isinstance(widget, Thumb):
        needed, room = max(metrics.horizontalAdvance(line) for line in text.split("\n")), widget.width()
    elif isinstance(widget, QLabel) and widget.wordWrap():
        high = widget.heightForWidth(widget.width())
        if high > widget.height() + SLACK:
            return f"needs {high} pixels of height and has {widget.height()}"
        if widget.textFormat() == Qt.TextFormat.RichText:
            return ""
        words = text.replace("\n", " ").split(" ")
        needed, room = max(metrics.horizontalAdvance(w) for w in words), widget.contentsRect().width()
    elif isinstance(widget, QLabel):
        needed, room = metrics.size(0, text).width(), widget.contentsRect().width()
    elif isinstance(widget, QComboBox):
        needed, room = metrics.horizontalAdvance(text) + 24, widget.width()
        if not widget.itemIcon(widget.currentIndex()).isNull():
            needed += widget.iconSize().width() + 4
    elif isinstance(widget, QLineEdit):
        needed, room = metrics.horizontalAdvance(text), widget.width()
    elif isinstance(widget, QAbstractButton):
        needed, room = max(metrics.horizontalAdvance(line) for line in text.split("\n")), widget.width() - 4
    else:
        needed, room = metrics.horizontalAdvance(text), widget.width()
    return f"needs {needed} pixels and has {room}" if needed > room + SLACK else ""


def _title_lacks(view: QGraphicsView) -> str:
    """Of titles in a plot: each must lie within the view."""
    for item in view.scene().items() if view.scene() is not None else ():
        if isinstance(item, pg.LabelItem) and item.isVisible() and item.text:
            box = item.item.sceneBoundingRect()
            if box.left() < -SLACK or box.right() > view.width() + SLACK:
                return f"has the title '{item.text}', {box.width():.0f} pixels wide, beyond its {view.width()}"
    return ""
