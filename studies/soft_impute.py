"""Soft-impute by SciPy's truncated singular value decomposition, to compare with (Mazumder, Hastie and Tibshirani, 2010)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, svds

from engine.algorithms.lowrank.fits import EntriesFit

__all__ = ["SoftImpute", "peak_bytes"]

FIRST, FALL = 0.3, 0.7
"""The penalty begins at this share of the largest singular value and falls by this factor at each step, down to none."""


class SoftImpute:
    """X <- S(X + P(Y - X)), S shrinking the singular values, at most ``rank`` of them: the sum of a sparse and a low-rank matrix
    is only ever multiplied with. ``left`` and ``right`` (1, 1, side, rank) are the factors."""

    def __init__(self, fit: EntriesFit, rank: int) -> None:
        self.fit, self.rank = fit, rank
        rows, columns = fit.sides
        self.left = torch.zeros((1, 1, rows, rank), dtype=torch.float64)
        self.right = torch.zeros((1, 1, columns, rank), dtype=torch.float64)
        self.at = (fit.places.rows.numpy(), fit.places.columns.numpy())
        self.penalty: float | None = None

    def advance(self) -> None:
        told = self.fit.places.products(self.left, self.right)[0]
        rest = csr_matrix(((self.fit.values[0] - told).numpy(), self.at), shape=self.fit.sides)
        left, right = self.left[0, 0].numpy(), self.right[0, 0].numpy()

        def times(v: np.ndarray) -> np.ndarray:
            return rest @ v + left @ (right.T @ v)

        def transposed(v: np.ndarray) -> np.ndarray:
            return rest.T @ v + right @ (left.T @ v)

        whole = LinearOperator(
            self.fit.sides, matvec=times, rmatvec=transposed, matmat=times, rmatmat=transposed, dtype=np.float64
        )
        u, values, vt = svds(whole, k=self.rank, random_state=0)
        self.penalty = FIRST * float(values.max()) if self.penalty is None else FALL * self.penalty
        root = np.sqrt(np.maximum(values - self.penalty, 0.0))
        self.left, self.right = (torch.from_numpy(np.ascontiguousarray(m * root))[None, None] for m in (u, vt.T))


def peak_bytes() -> int:
    """The most memory that this process has held."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
