"""Rank-one projections of a low-rank matrix, which never form it: a^T L R^T b = sum over columns of (a^T L) (b^T R)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from torch import Tensor

from engine.algorithms.lowrank.fits import MatrixFit, Pulled, pseudo_values
from engine.likelihoods.data_term import DataTerm

if TYPE_CHECKING:
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators.rank_one import RankOneOperator

__all__ = ["RankOneFit"]

_ROWS_AT_ONCE = 64


class RankOneFit(MatrixFit):
    """y_k = sum over parts of a_kc^T L_c R_c^T b_k: work and memory rows * (sides + rank) for each product."""

    def __init__(self, seen: Measurement, level: float) -> None:
        operator: RankOneOperator = seen.operator  # type: ignore[assignment]
        self.term, self.batch, self.device, self.seen = DataTerm(seen), seen.images, seen.device, operator.rows
        self.columns = operator.columns.double().transpose(0, 1)  # (parts, rows, height)
        self.lines = operator.lines.double()
        self.parts, self.sides = operator.image_shape[0], operator.image_shape[1:]
        self.tau = float(operator.row_norms_squared().sum()) / operator.pixels
        self.values = pseudo_values(seen, level)
        # what the level alone is measured as, (rows,)
        self.level = (level - seen.offset) * self.columns.sum(2).sum(0) * self.lines.sum(1)

    def _responses(self, left: Tensor, right: Tensor) -> Tensor:
        return ((self.columns @ left) * (self.lines @ right)).sum((1, 3)) + self.level

    def _times(self, values: Tensor, right: Tensor) -> Tensor:
        """(sum over k of values_k a_k b_k^T) R, (batch, parts, height, rank)."""
        return self.columns.mT @ (values[:, None, :, None] * (self.lines @ right))

    def _transposed_times(self, values: Tensor, left: Tensor) -> Tensor:
        return self.lines.mT @ (values[:, None, :, None] * (self.columns @ left))

    def pull(self, left: Tensor, right: Tensor) -> Pulled:
        value, score = self.term.of_responses(self._responses(left, right))
        share = self.term.variance / self.tau
        slope = -score * share
        return Pulled((value - self.term.least) * share, self._times(slope, right), self._transposed_times(slope, left))

    def surprise(self, left: Tensor, right: Tensor) -> Tensor:
        return self.term.surprise(self._responses(left, right))

    def part(self, kept: Tensor) -> RankOneFit:
        other = copy.copy(self)
        other.term, other.tau = DataTerm(self.term.measurement, kept), self.tau * float(kept.mean())
        return other

    def start_times(self, right: Tensor) -> Tensor:
        return self._times(self.values / self.tau, right)

    def start_transposed_times(self, left: Tensor) -> Tensor:
        return self._transposed_times(self.values / self.tau, left)

    def start_energy(self) -> Tensor:
        """Some rows of the matrix at a time, (batch, parts)."""
        weighted, found = (self.values / self.tau)[:, None, :, None] * self.lines, 0.0
        for piece in self.columns.split(_ROWS_AT_ONCE, dim=2):
            found = found + (piece.mT @ weighted).square().sum((2, 3))
        return found  # type: ignore[return-value]
