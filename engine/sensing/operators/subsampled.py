"""The operator behind the randomised transforms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.sensing.operators import orthonormal
from engine.sensing.operators.base import GramEigenbasis, Operator

__all__ = ["SubsampledTransform"]


class SubsampledTransform(Operator):
    """A = sqrt(N / M) S T D: random signs D, orthonormal transform T, chosen rows S. A A^T = (N / M) I."""

    def __init__(self, transform: str, signs: Tensor, kept: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.transform, self.signs, self.kept = transform, signs, kept
        self.image_shape, self.rows = image_shape, len(kept)
        self.scale = math.sqrt(self.pixels / self.rows)

    def forward(self, x: Tensor) -> Tensor:
        whole = getattr(orthonormal, self.transform)(x.reshape(x.shape[0], -1) * self.signs)
        return self.scale * whole[:, self.kept]

    def adjoint(self, z: Tensor) -> Tensor:
        whole = z.new_zeros((z.shape[0], self.pixels))
        whole[:, self.kept] = self.scale * z
        return (getattr(orthonormal, "inverse_" + self.transform)(whole) * self.signs).reshape(-1, *self.image_shape)

    def row_norms_squared(self) -> Tensor:
        return torch.full((self.rows,), self.scale**2, dtype=torch.float64, device=self.signs.device)

    def memory_usage(self) -> int:
        return self.signs.numel() * self.signs.element_size() + self.kept.numel() * self.kept.element_size()

    def to(self, device: str) -> SubsampledTransform:
        return SubsampledTransform(self.transform, self.signs.to(device), self.kept.to(device), self.image_shape)

    def gram_eigenbasis(self) -> GramEigenbasis:
        return GramEigenbasis.of_orthogonal_rows(self.row_norms_squared())
