"""Any sensing matrix that is held in memory as numbers."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.sensing.operators.base import LARGEST_EIGENBASIS, GramEigenbasis, Operator

__all__ = ["DenseOperator", "eigenbasis_of"]

SMALL = 4096
"""Rows up to which the eigenvectors are also kept transposed (128 MB)."""


class DenseOperator(Operator):
    """A explicit, float32, (rows, pixels); pixels in C order of (channels, height, width)."""

    def __init__(self, matrix: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.matrix = matrix
        self.image_shape = image_shape
        self.rows = matrix.shape[0]
        if matrix.shape != (self.rows, self.pixels):
            raise ValueError(f"a matrix of shape {tuple(matrix.shape)} does not measure images of shape {image_shape}")

    @property
    def non_negative(self) -> bool:  # type: ignore[override]
        """A matrix of numbers at least 0 is one of masks or patterns of light."""
        return self._non_negative

    @cached_property
    def _non_negative(self) -> bool:
        return bool((self.matrix >= 0).all())

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1) @ self.matrix.T.to(x.dtype)

    def adjoint(self, z: Tensor) -> Tensor:
        return (z @ self.matrix.to(z.dtype)).reshape(-1, *self.image_shape)

    def row_norms_squared(self) -> Tensor:
        return self.matrix.double().square().sum(1)

    def memory_usage(self) -> int:
        return self.matrix.numel() * self.matrix.element_size()

    def to(self, device: str) -> DenseOperator:
        # the same operator where it is there already: it keeps its eigenbasis
        moved = self.matrix.to(device)
        return self if moved is self.matrix else DenseOperator(moved, self.image_shape)

    @cached_property
    def _eigenbasis(self) -> GramEigenbasis:
        return eigenbasis_of(self.matrix)

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        return self._eigenbasis if self.rows <= LARGEST_EIGENBASIS else None


def eigenbasis_of(matrix: Tensor) -> GramEigenbasis:
    """That of A A^T for a matrix (rows, pixels), which need not be held any longer."""
    # Of A A^T or of A^T A, whichever is smaller would do for the eigenvalues, but EP needs the basis of the rows.
    exact = matrix.double().cpu()
    gram = exact @ exact.T
    norms = gram.diagonal()
    # float32 entries leave inner products of orthogonal rows at a few 1e-8 of their norms
    if bool(((gram - norms.diag()).abs() <= 1e-6 * torch.outer(norms, norms).sqrt()).all()):
        return GramEigenbasis.of_orthogonal_rows(norms.to(matrix.device))
    values, vectors = torch.linalg.eigh(gram)
    values = values.clamp_min(0).to(matrix.device, torch.float32)
    vectors = vectors.to(matrix.device, torch.float32)
    made: dict[torch.dtype, tuple[Tensor, Tensor]] = {}

    def pair(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """E and E^T in a dtype, made when first asked for; E^T as numbers of its own, which is read twice as fast."""
        if dtype not in made:
            basis = vectors.to(dtype)
            made[dtype] = basis, basis.T.contiguous() if len(basis) <= SMALL else basis.T
        return made[dtype]

    return GramEigenbasis(values, lambda z: z @ pair(z.dtype)[0], lambda w: w @ pair(w.dtype)[1])
