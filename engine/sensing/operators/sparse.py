"""A sensing matrix most of whose entries are zero: only the others are held, and it never becomes dense."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError
from engine.sensing.operators.base import Operator

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["SparseOperator", "bytes_for"]

LARGEST_ENTRY = 1e15
"""As of dense matrices: sums of products of a few of them still are numbers of single precision."""


def bytes_for(entries: int, rows: int, pixels: int) -> int:
    """Bytes of a sparse operator with so many entries: it is held by rows and by columns, numbers of 4 and places of 8 bytes."""
    return 24 * entries + 8 * (rows + pixels + 2)


class SparseOperator(Operator):
    """A in compressed sparse rows, float32, (rows, pixels); pixels in C order of (channels, height, width).

    Arguments: ``starts`` (rows + 1,), ``columns`` and ``entries`` (entries,), the CSR arrays (indptr, indices and data of
    SciPy); entries of one place are added up. Raises InputError where they are no such matrix.
    """

    def __init__(
        self, starts: np.ndarray, columns: np.ndarray, entries: np.ndarray, image_shape: tuple[int, int, int]
    ) -> None:
        self.image_shape, self.rows = image_shape, len(starts) - 1
        _check(np.asarray(starts), np.asarray(columns), np.asarray(entries), self.pixels)
        self._set(*_both_ways(starts, columns, entries, (self.rows, self.pixels)))

    def _set(self, matrix: Tensor, transposed: Tensor) -> None:
        self.matrix, self.transposed = matrix, transposed

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.sparray, image_shape: tuple[int, int, int]) -> SparseOperator:
        """Of any matrix of scipy.sparse, (rows, pixels)."""
        rows = matrix.tocsr()
        if rows.shape[1] != int(np.prod(image_shape)):
            raise InputError(
                f"The matrix has {rows.shape[1]:,} columns but pictures of shape {tuple(image_shape)} have "
                f"{int(np.prod(image_shape)):,} pixels; the matrix needs one column per pixel."
            )
        return cls(rows.indptr, rows.indices, rows.data, image_shape)

    @property
    def non_negative(self) -> bool:  # type: ignore[override]
        return self._non_negative

    @cached_property
    def _non_negative(self) -> bool:
        return bool((self.matrix.values() >= 0).all())

    def forward(self, x: Tensor) -> Tensor:
        return _times(self.matrix, x.reshape(x.shape[0], -1))

    def adjoint(self, z: Tensor) -> Tensor:
        return _times(self.transposed, z).reshape(-1, *self.image_shape)

    def rows_of(self, numbers: Tensor) -> Tensor:
        starts, columns, entries = (part(self.matrix) for part in _PARTS)
        out = entries.new_zeros((len(numbers), self.pixels))
        for place, number in enumerate(numbers.tolist()):
            inside = slice(int(starts[number]), int(starts[number + 1]))
            out[place, columns[inside]] = entries[inside]
        return out.reshape(-1, *self.image_shape)

    def coarser(self, side: int) -> tuple[Operator, Callable[[Tensor], Tensor]]:
        """Columns of the pixels of a block are added up, and neighbouring rows averaged where :meth:`_merged_rows` says so."""
        from scipy.sparse import csr_array

        channels, height, width = self.image_shape
        block = math.ceil(max(height, width) / side)
        if block < 2:
            return self, lambda z: z
        high, wide = math.ceil(height / block), math.ceil(width / block)
        channel, row, column = np.unravel_index(np.arange(self.pixels), self.image_shape)
        place = (channel * high + row // block) * wide + column // block
        parts = [t.cpu().numpy() for t in (self.matrix.values(), self.matrix.col_indices(), self.matrix.crow_indices())]
        merged, count = self._merged_rows(block)
        rows = np.repeat(merged, np.diff(parts[2]))
        sizes = np.bincount(merged, minlength=count)
        added = csr_array((parts[0] / sizes[rows], (rows, place[parts[1]])), shape=(count, channels * high * wide))
        made = SparseOperator(added.indptr, added.indices, added.data, (channels, high, wide)).to(
            str(self.matrix.device)
        )

        def averaged(z: Tensor) -> Tensor:
            to = torch.from_numpy(merged).to(z.device)
            total = z.new_zeros((len(z), count)).index_add_(1, to, z)
            return total / torch.from_numpy(sizes).to(z)

        return made, averaged

    def _merged_rows(self, block: int) -> tuple[np.ndarray, int]:
        """The coarse row that each row is part of, (rows,), and how many there are."""
        return np.arange(self.rows), self.rows

    def row_norms_squared(self) -> Tensor:
        counts = self.matrix.crow_indices().diff()
        row = torch.repeat_interleave(torch.arange(self.rows, device=counts.device), counts)
        squares = self.matrix.values().double().square()
        return torch.zeros(self.rows, dtype=torch.float64, device=counts.device).index_add_(0, row, squares)

    def memory_usage(self) -> int:
        parts = [f(m) for m in (self.matrix, self.transposed) for f in _PARTS]
        return sum(t.numel() * t.element_size() for t in parts)

    def to(self, device: str) -> SparseOperator:
        if self.matrix.device == torch.device(device):
            return self
        moved = object.__new__(type(self))
        moved.__dict__ |= self.__dict__
        moved._set(self.matrix.to(device), self.transposed.to(device))
        return moved


_PARTS = (torch.Tensor.crow_indices, torch.Tensor.col_indices, torch.Tensor.values)


def _times(matrix: Tensor, x: Tensor) -> Tensor:
    """M x for x (batch, columns), (batch, rows), in the dtype of x."""
    return (matrix.to(x.dtype) @ x.T.contiguous()).T


def _both_ways(
    starts: np.ndarray, columns: np.ndarray, entries: np.ndarray, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """The matrix and its transpose as CSR tensors."""
    from scipy.sparse import csr_array

    matrix = csr_array((np.asarray(entries, np.float32), columns, starts), shape=shape)
    matrix.sum_duplicates()
    made = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        for each in (matrix, matrix.T.tocsr()):
            row_starts, row_columns = (torch.from_numpy(a.astype(np.int64)) for a in (each.indptr, each.indices))
            data = torch.from_numpy(each.data.copy())
            made.append(
                torch.sparse_csr_tensor(row_starts, row_columns, data, tuple(each.shape), check_invariants=True)
            )
    return made[0], made[1]


def _check(starts: np.ndarray, columns: np.ndarray, entries: np.ndarray, pixels: int) -> None:
    for name, array, kinds in (("indptr", starts, "iu"), ("indices", columns, "iu"), ("data", entries, "biuf")):
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise InputError(f"'{name}' of a sparse matrix must be one row of {'whole ' * ('u' in kinds[:2])}numbers.")
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(entries) or (np.diff(starts.astype(np.int64)) < 0).any():
        raise InputError(
            "'indptr' of a sparse matrix must rise from 0 to the number of its entries, one number per row."
        )
    if len(columns) != len(entries):
        raise InputError(f"A sparse matrix has {len(columns):,} indices for {len(entries):,} entries; give as many.")
    if len(columns) and (columns.min() < 0 or columns.max() >= pixels):
        raise InputError(
            f"A sparse matrix names column {int(columns.max()):,}, but the picture has {pixels:,} pixels; the matrix needs "
            "one column per pixel."
        )
    largest = float(np.abs(entries.astype(np.float64)).max(initial=0.0))
    if not largest <= LARGEST_ENTRY:
        raise InputError("A sparse matrix has entries that are no finite numbers or are above 1e15; give other units.")
    if largest == 0:
        raise InputError("The sparse matrix is all zero: it measures nothing; give the sensing matrix.")
