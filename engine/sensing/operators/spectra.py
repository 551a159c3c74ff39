"""Dense sensing matrices with a given spectrum: orthogonal rows, ill-conditioned, correlated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.operators.dense_choice import DenseChoice
from engine.settings import number, one_of

if TYPE_CHECKING:
    import numpy as np
    import torch

QUADRATURE = 40

__all__ = ["CorrelatedMatrix", "IllConditionedMatrix", "OrthogonalMatrix"]


def _orthonormal_rows(rows: int, columns: int, draw: torch.Generator) -> torch.Tensor:
    """A Haar-distributed matrix with orthonormal rows (Mezzadri, 2007: QR with the signs of R's diagonal)."""
    import torch

    q, r = torch.linalg.qr(torch.randn((columns, rows), generator=draw, dtype=torch.float64))
    return (q * r.diagonal().sign()).T


@dataclass(frozen=True)
class OrthogonalMatrix(DenseChoice):
    """Random matrix with orthogonal rows, A A^T = (N / M) I: the case in which Theorem 1 is exact."""

    name = "orthogonal"
    label = "Orthogonal rows"

    @property
    def orthogonal_rows(self) -> bool:
        return True

    def check_rows(self, pixels: int) -> None:
        if self.measurements > pixels:
            raise InputError(
                f"At most {pixels:,} rows can be orthogonal for {pixels:,} pixels; ask for fewer measurements."
            )

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        return math.sqrt(pixels / rows) * _orthonormal_rows(rows, pixels, draw)


@dataclass(frozen=True)
class IllConditionedMatrix(DenseChoice):
    """Ill-conditioned A = U diag(s) V^T, singular values in geometric progression, tr(A A^T) = N."""

    name = "ill-conditioned"
    label = "Ill-conditioned"

    condition: float = number(1000.0, "Condition number", "Largest over smallest singular value.", low=1, high=1e8)
    convention: str = one_of(
        "matrix",
        ("matrix", "gram"),
        "Convention",
        "Whether the condition number is that of A or, as published, of A A^T.",
        expert=True,
    )

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        import torch

        rank = min(rows, pixels)
        condition = self.condition if self.convention == "matrix" else math.sqrt(self.condition)
        powers = torch.arange(rank, dtype=torch.float64) / max(rank - 1, 1)
        values = condition ** (-powers)
        values = values * math.sqrt(pixels / float(values.square().sum()))
        left, right = _orthonormal_rows(rank, rows, draw).T, _orthonormal_rows(rank, pixels, draw)
        return (left * values) @ right


@dataclass(frozen=True)
class CorrelatedMatrix(DenseChoice):
    """Correlated A = R_L H R_R: Gaussian H between roots of Toeplitz matrices rho^|i - j|."""

    name = "correlated"
    label = "Correlated"

    rho: float = number(0.4, "Correlation", "Correlation rho of neighbouring rows and columns.", low=0, high=0.999)
    convention: str = one_of(
        "root",
        ("root", "element-wise"),
        "Convention",
        "Matrix square roots, or the element-wise square roots of the published code (a harder, larger matrix).",
        expert=True,
    )

    @property
    def random_like(self) -> bool:
        return self.convention == "root"

    def mean_row_norm_squared_of(self, pixels: int) -> float:
        if self.convention == "root":
            return pixels / self.measurements
        return self._total(self.measurements) * self._total(pixels) / self.measurements**2

    def _total(self, size: int) -> float:
        """Sum of the entries of the Toeplitz matrix: the squared Frobenius norm of its element-wise root."""
        return size + 2 * sum((size - d) * self.rho**d for d in range(1, min(size, 2000)))

    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        import torch

        core = torch.randn((rows, pixels), generator=draw, dtype=torch.float64) / math.sqrt(rows)
        return torch.from_numpy(self._root_times(self._root_times(core.numpy().T).T))

    def _root_times(self, columns: np.ndarray) -> np.ndarray:
        """The root of the Toeplitz matrix rho^|i - j| times columns (size, n).

        The inverse of that matrix is tridiagonal, so that nothing of size x size is held. The element-wise root is the
        same matrix with the root of rho: one banded solve. The matrix root is a sum of shifted solves, exact to rounding
        (contour quadrature with elliptic functions: Hale, Higham and Trefethen, 2008).
        """
        import numpy as np
        from scipy.special import ellipj, ellipk

        if self.rho == 0 or len(columns) == 1:
            return columns
        if self.convention == "element-wise":
            return _shifted_solve(math.sqrt(self.rho), 0.0, columns)
        least = (1 - self.rho) / (1 + self.rho)
        complement = 1 - least**4  # the spectrum lies between least and 1 / least
        quarter = ellipk(complement)
        points = (np.arange(QUADRATURE) + 0.5) / QUADRATURE * quarter
        sn, cn, dn, _ = ellipj(points, complement)
        weights = 2 * math.sqrt(least) * quarter / (math.pi * QUADRATURE) * dn / cn**2
        total = np.zeros_like(columns)
        for weight, shift in zip(weights, least * (sn / cn) ** 2, strict=True):
            total += weight * _shifted_solve(self.rho, shift, columns)
        return total


def _shifted_solve(rho: float, shift: float, columns: np.ndarray) -> np.ndarray:
    """(T + shift I)^-1 columns, T the tridiagonal inverse of the matrix rho^|i - j|."""
    import numpy as np
    from scipy.linalg import solveh_banded

    bands = np.zeros((2, len(columns)))
    bands[1] = (1 + rho**2) / (1 - rho**2) + shift
    bands[1, [0, -1]] = 1 / (1 - rho**2) + shift
    bands[0, 1:] = -rho / (1 - rho**2)
    return solveh_banded(bands, columns)
