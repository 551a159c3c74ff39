"""Places of a matrix that were seen, and products with the sparse matrix of what is known there."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import InputError

__all__ = ["Places", "refuse_unseen"]

_CHUNK = 1 << 16


def refuse_unseen(count: Tensor, axis: int, sides: tuple[int, int]) -> None:
    """Raises InputError if one of the rows (axis 0) or columns (1), part by part, has a ``count`` of entries seen of 0."""
    empty = count.flatten() == 0
    if not bool(empty.any()):
        return
    where, more = int(empty.nonzero()[0]) % sides[axis], int(empty.sum()) - 1
    raise InputError(
        f"Nothing was seen of {('row', 'column')[axis]} {where} of the {sides[0]:,} x {sides[1]:,} matrix"
        f"{f', nor of {more} more' if more else ''}, so that low rank says nothing of it; see more pixels, or cut the picture "
        "into overlapping patches (form=patches overlap=true)."
    )


class Places:
    """Entries (part, row, column), each seen once, in the order of the measurements.

    Products keep to O(entries * rank) work and O(entries) memory. Raises InputError where a row or a column has no entry:
    nothing would tell its factor.
    """

    def __init__(self, part: Tensor, row: Tensor, column: Tensor, parts: int, sides: tuple[int, int]) -> None:
        self.parts, self.sides = parts, sides
        for axis, index, length in ((0, row, sides[0]), (1, column, sides[1])):
            refuse_unseen(torch.bincount(part * length + index, minlength=parts * length), axis, sides)
        self.part = part
        self.rows, self.columns = part * sides[0] + row, part * sides[1] + column
        self._by_row, self._by_column = _Sorted(self.rows), _Sorted(self.columns)

    def products(self, left: Tensor, right: Tensor) -> Tensor:
        """Entries of L R^T, (batch, entries), for L (batch, parts, rows, rank) and R (batch, parts, columns, rank)."""
        flat_left, flat_right = left.flatten(1, 2), right.flatten(1, 2)
        found = left.new_empty((len(left), len(self.rows)))
        for start in range(0, len(self.rows), _CHUNK):
            piece = slice(start, start + _CHUNK)
            found[:, piece] = (flat_left[:, self.rows[piece]] * flat_right[:, self.columns[piece]]).sum(2)
        return found

    def times(self, values: Tensor, right: Tensor) -> Tensor:
        """S R, S with ``values`` (batch, entries) at the places: (batch, parts, rows, rank)."""
        return self._by_row.sums(values, right.flatten(1, 2), self.columns, self.parts, self.sides[0])

    def transposed_times(self, values: Tensor, left: Tensor) -> Tensor:
        """S^T L, (batch, parts, columns, rank)."""
        return self._by_column.sums(values, left.flatten(1, 2), self.rows, self.parts, self.sides[1])

    def by_part(self, values: Tensor) -> Tensor:
        """Sums of ``values`` (batch, entries) over each part, (batch, parts)."""
        return values.new_zeros((len(values), self.parts)).index_add_(1, self.part, values)


class _Sorted:
    """Entries in the order of one of their indices."""

    def __init__(self, index: Tensor) -> None:
        self.order = index.argsort(stable=True)
        self.index = index[self.order]

    def sums(self, values: Tensor, factor: Tensor, other: Tensor, parts: int, length: int) -> Tensor:
        """sum over entries of value * factor[other], by index; factor (batch, parts * side, rank)."""
        total = factor.new_zeros((len(values), parts * length, factor.shape[2]))
        for start in range(0, len(self.order), _CHUNK):
            taken = self.order[start : start + _CHUNK]
            rows = values[:, taken, None] * factor[:, other[taken]]
            total.index_add_(1, self.index[start : start + _CHUNK], rows)
        return total.reshape(len(values), parts, length, -1)
