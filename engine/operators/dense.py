"""Any sensing matrix that is held in memory as numbers."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.operators.base import GramEigenbasis, Operator

__all__ = ["DenseOperator"]


class DenseOperator(Operator):
    """A explicit, float32, (rows, pixels); pixels in C order of (channels, height, width)."""

    def __init__(self, matrix: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.matrix = matrix
        self.image_shape = image_shape
        self.rows = matrix.shape[0]
        if matrix.shape != (self.rows, self.pixels):
            raise ValueError(f"a matrix of shape {tuple(matrix.shape)} does not measure images of shape {image_shape}")

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1) @ self.matrix.T.to(x.dtype)

    def adjoint(self, z: Tensor) -> Tensor:
        return (z @ self.matrix.to(z.dtype)).reshape(-1, *self.image_shape)

    def row_norms_squared(self) -> Tensor:
        return self.matrix.double().square().sum(1)

    def memory_usage(self) -> int:
        return self.matrix.numel() * self.matrix.element_size()

    def to(self, device: str) -> DenseOperator:
        return DenseOperator(self.matrix.to(device), self.image_shape)

    @cached_property
    def _eigenbasis(self) -> GramEigenbasis:
        # Of A A^T or of A^T A, whichever is smaller would do for the eigenvalues, but EP needs the basis of the rows.
        exact = self.matrix.double().cpu()
        values, vectors = torch.linalg.eigh(exact @ exact.T)
        values = values.clamp_min(0).to(self.matrix.device, torch.float32)
        vectors = vectors.to(self.matrix.device, torch.float32)
        return GramEigenbasis(values, lambda z: z @ vectors.to(z.dtype), lambda w: w @ vectors.T.to(w.dtype))

    def gram_eigenbasis(self) -> GramEigenbasis:
        return self._eigenbasis
