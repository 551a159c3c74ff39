"""The table of a sweep for Qt: rows as they come, sorted by number or word, filtered by words and comparisons."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor

from engine.sweeps.definition import Sweep
from engine.sweeps.records import Record
from engine.sweeps.table import rows_of

__all__ = ["CellModel", "Filtered", "reads"]

Index = QModelIndex | QPersistentModelIndex
SHOWN_FIRST = (
    "psnr_mean", "ssim_mean", "cosine_mean", "psnr_sample", "coverage_90", "consistency", "seconds",
    "network_calls", "error", "failed",
)  # fmt: skip
"""Columns that stand behind the axes and the image, where the table has them; the others follow."""
NO_RESULT = "no result"
FAINT = QColor("#808791")
"""Of rows that are worth nothing; it can be read on dark and on light."""
HERE = QModelIndex()
COMPARISON = re.compile(r"([\w.]+)\s*(<=|>=|!=|=|<|>)\s*(\S+)")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


class CellModel(QAbstractTableModel):
    """One row for each cell that is done."""

    def __init__(self) -> None:
        super().__init__()
        self.sweep: Sweep | None = None
        self.records: list[Record] = []
        self.rows: list[dict[str, Any]] = []
        self.columns: list[str] = []

    def show(self, sweep: Sweep, records: Sequence[Record]) -> None:
        """Another table."""
        self.beginResetModel()
        self.sweep, self.records = sweep, list(records)
        self.rows = rows_of(sweep, self.records)
        self.columns = self._order(list(self.rows[0]) if self.rows else [])
        self.endResetModel()

    def add(self, records: Sequence[Record]) -> None:
        """More rows; new columns come with them."""
        assert self.sweep is not None, "nothing is shown"
        rows = rows_of(self.sweep, records)
        if not self.columns or set(rows[0]) - set(self.columns):
            self.show(self.sweep, [*self.records, *records])
            return
        first = len(self.rows)
        self.beginInsertRows(HERE, first, first + len(rows) - 1)
        self.records += records
        self.rows += rows
        self.endInsertRows()

    def _order(self, columns: list[str]) -> list[str]:
        axes = [axis.name for axis in self.sweep.axes] if self.sweep is not None else []
        empty = [c for c in columns if c not in axes and all(row.get(c) in (None, "") for row in self.rows)]
        first = [c for c in (*axes, "image", *SHOWN_FIRST) if c in columns and c not in empty]
        return first + [c for c in columns if c not in first and c not in empty] + empty

    def rowCount(self, parent: Index = HERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = HERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def value(self, row: int, column: int) -> Any:
        return self.rows[row].get(self.columns[column])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value, row = self.value(index.row(), index.column()), self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if row.get("error") and value is None and self.columns[index.column() - 1] == "image":
                return NO_RESULT
            return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.get("error") or row.get("failed") or None
        if role == Qt.ItemDataRole.ForegroundRole and (row.get("error") or row.get("failed")):
            return FAINT
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(value, (int, float)):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.columns[section] if orientation == Qt.Orientation.Horizontal else section + 1


class Filtered(QSortFilterProxyModel):
    """The rows that a filter lets through, in the order of a column: numbers as numbers, what is missing last."""

    def __init__(self, model: CellModel) -> None:
        super().__init__()
        self.model, self._fits = model, reads("")
        self.setSourceModel(model)

    def set_filter(self, text: str) -> None:
        self.beginFilterChange()
        self._fits = reads(text)
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        return self._fits(self.model.rows[row])

    def lessThan(self, left: Index, right: Index) -> bool:
        first, second = (_key(self.model.value(i.row(), i.column())) for i in (left, right))
        if first[0] != second[0] and 2 in (first[0], second[0]):  # missing ones are last in either order
            ascending = self.sortOrder() == Qt.SortOrder.AscendingOrder
            return (second[0] == 2) == ascending
        return first < second


def _key(value: Any) -> tuple[int, float, str]:
    if value is None or value == "":
        return 2, 0.0, ""
    return (0, float(value), "") if isinstance(value, (int, float)) else (1, 0.0, str(value).lower())


def reads(text: str) -> Callable[[dict[str, Any]], bool]:
    """What a filter means: ``psnr_mean > 20 method=turbo camera`` wants both comparisons and the word anywhere in the row. What
    is compared with a column that the table does not have lets nothing through."""
    comparisons = [(m[1], COMPARED[m[2]], m[3]) for m in COMPARISON.finditer(text)]
    words = COMPARISON.sub(" ", text).lower().split()

    def fits(row: dict[str, Any]) -> bool:
        seen = " ".join(str(value) for value in row.values() if value is not None).lower()
        return all(word in seen for word in words) and all(_compared(row.get(c), op, v) for c, op, v in comparisons)

    return fits


def _compared(value: Any, compare: Callable[[Any, Any], bool], wanted: str) -> bool:
    if value is None:
        return False
    try:
        return compare(float(value), float(wanted))
    except (TypeError, ValueError):
        return compare(str(value).lower(), wanted.lower())
