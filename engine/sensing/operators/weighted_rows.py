"""Another operator with every row multiplied by a number of its own: noise that differs from row to row, made one."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.errors import InputError
from engine.sensing.operators.base import LARGEST_EIGENBASIS, GramEigenbasis, Operator
from engine.sensing.operators.dense import DenseOperator

__all__ = ["WeightedRows", "weighted"]


def weighted(operator: Operator, weights: Tensor) -> Operator:
    """diag(weights) A, weights (rows,) above 0; a matrix of numbers stays one. InputError for an operator that is not linear."""
    if not operator.is_linear:
        raise InputError("Noise of each measurement needs a linear operator; give one number.")
    if isinstance(operator, DenseOperator):
        return DenseOperator(weights.to(operator.matrix)[:, None] * operator.matrix, operator.image_shape)
    return WeightedRows(operator, weights)


class WeightedRows(Operator):
    """y = w * (A x). It is laid out as A is."""

    def __init__(self, inner: Operator, weights: Tensor) -> None:
        self.inner, self.weights = inner, weights.double()
        self.image_shape, self.rows = inner.image_shape, inner.rows

    @property
    def non_negative(self) -> bool:  # type: ignore[override]
        return self.inner.non_negative

    def forward(self, x: Tensor) -> Tensor:
        return self.inner.forward(x) * self.weights.to(x.dtype)

    def adjoint(self, z: Tensor) -> Tensor:
        return self.inner.adjoint(z * self.weights.to(z.dtype))

    def interpolate(self, z: Tensor) -> Tensor:
        return self.inner.interpolate(z / self.weights.to(z.dtype))

    def laid_out(self, z: Tensor) -> Tensor | None:
        return self.inner.laid_out(z / self.weights.to(z.dtype))

    def row_norms_squared(self) -> Tensor:
        return self.weights.square() * self.inner.row_norms_squared()

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        return self._basis

    @cached_property
    def _basis(self) -> GramEigenbasis | None:
        inner = self.inner.gram_eigenbasis()
        if inner is None:
            return None
        if inner.trivial:
            return GramEigenbasis.of_orthogonal_rows(self.weights.square() * inner.values.double())
        if self.rows > LARGEST_EIGENBASIS // 2:
            return None
        gram = torch.cat([self.forward(self.adjoint(part)) for part in torch.eye(self.rows).split(256)]).double()
        values, vectors = torch.linalg.eigh(gram.cpu())
        values, vectors = (t.to(self.weights.device, torch.float32) for t in (values.clamp_min(0), vectors))
        return GramEigenbasis(values, lambda z: z @ vectors.to(z.dtype), lambda w: w @ vectors.T.to(w.dtype))

    def memory_usage(self) -> int:
        return self.inner.memory_usage() + 8 * self.rows

    def to(self, device: str) -> WeightedRows:
        moved = self.inner.to(device)
        return self if moved is self.inner else WeightedRows(moved, self.weights.to(device))
