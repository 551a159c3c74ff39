"""Tab goes where the eye goes: from left to right and from top to bottom, one pane after the other."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QWidget

__all__ = ["in_reading_order", "next_in_reading_order"]


def in_reading_order(root: QWidget) -> list[QWidget]:
    """The widgets below ``root`` that Tab can reach now, in the order in which they are read. What lies in one pane is read
    before what lies in the next one."""
    if isinstance(root, QComboBox | QAbstractSpinBox):  # what they are made of is no stop of its own
        return []
    found: list[QWidget] = []
    for child in _rows(_shown_children(root)):
        if child.isEnabled() and child.focusPolicy() & Qt.FocusPolicy.TabFocus and not child.focusProxy():
            found.append(child)
        found += in_reading_order(child)
    return found


def _shown_children(root: QWidget) -> list[QWidget]:
    children = root.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return [c for c in children if c.isVisible() and not c.isWindow() and c.width() > 0 and c.height() > 0]


def _rows(children: list[QWidget]) -> list[QWidget]:
    """From the top, those whose middles lie beside each other from the left."""
    left = sorted(children, key=lambda c: (c.y(), c.x()))
    ordered: list[QWidget] = []
    while left:
        first = left[0]
        row = [c for c in left if _beside(first, c)]
        ordered += sorted(row, key=lambda c: c.x())
        left = [c for c in left if not any(c is r for r in row)]
    return ordered


def _beside(one: QWidget, other: QWidget) -> bool:
    """Whether they stand in one row: each reaches beyond the middle of the lower one of them."""
    low, high = (one, other) if one.height() <= other.height() else (other, one)
    middle = low.y() + low.height() / 2
    return high.y() <= middle <= high.y() + high.height()


def next_in_reading_order(root: QWidget, now: QWidget | None, forward: bool) -> QWidget | None:
    """The stop after (or before) ``now``, round the end; None where there is none."""
    stops = in_reading_order(root)
    if not stops:
        return None
    at = now
    while at is not None and not any(at is s for s in stops):
        at = at.parentWidget()
    index = next((i for i, s in enumerate(stops) if s is at), -1 if forward else 0)
    return stops[(index + (1 if forward else -1)) % len(stops)]
