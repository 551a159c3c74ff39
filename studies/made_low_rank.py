"""Low-rank problems with a known truth: matrices and tensors of a condition number, and ways to see them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.algorithms.lowrank.fits import MatrixFit, Pulled
from engine.algorithms.lowrank.spectral import Factors
from engine.algorithms.lowrank.tucker import TuckerFactors
from engine.seeds import generator

__all__ = ["Sensing", "aligned_distance", "made_factors", "made_tensor"]

_COLUMNS = 2048


def made_factors(side: int, rank: int, condition: float, seed: int) -> Factors:
    """L and R (1, 1, side, rank), balanced, of U diag(s) V^T with U and V uniform and s evenly from 1 to 1 / condition."""
    draws = generator(seed, "low-rank")
    u, v = (torch.linalg.qr(torch.randn((side, rank), generator=draws, dtype=torch.float64)).Q for _ in range(2))
    root = torch.linspace(1, 1 / condition, rank, dtype=torch.float64).sqrt()
    active = torch.ones((1, 1, rank), dtype=torch.bool)
    return Factors((u * root)[None, None], (v * root)[None, None], active)


def made_tensor(side: int, rank: int, condition: float, seed: int) -> TuckerFactors:
    """A superdiagonal core from 1 to 1 / condition between uniform factors: side^3, of rank (rank, rank, rank)."""
    draws = generator(seed, "low-rank")
    sides = tuple(
        torch.linalg.qr(torch.randn((side, rank), generator=draws, dtype=torch.float64)).Q[None] for _ in range(3)
    )
    core = torch.zeros((1, rank, rank, rank), dtype=torch.float64)
    each = torch.arange(rank)
    core[0, each, each, each] = torch.linspace(1, 1 / condition, rank, dtype=torch.float64)
    return TuckerFactors(core, sides)


class Sensing(MatrixFit):
    """y_k = <A_k, X> with standard normal A_k. The matrix is kept in single precision, which it has exactly, in blocks whose
    products are summed in double precision, so that errors of 1e-6 mean something."""

    def __init__(self, truth: Factors, rows: int, seed: int) -> None:
        side = truth.left.shape[2]
        self.batch, self.parts, self.sides, self.seen, self.device = 1, 1, (side, side), rows, "cpu"
        draws = generator(seed, "matrix")
        widths = [min(_COLUMNS, side * side - at) for at in range(0, side * side, _COLUMNS)]
        self.blocks = [torch.randn((rows, width), generator=draws) for width in widths]
        self.values = self._forward(truth.left @ truth.right.mT)
        self.start = self._back(self.values) / rows

    def _forward(self, x: Tensor) -> Tensor:
        pieces = x.reshape(-1).float().split(_COLUMNS)
        return torch.stack([(b @ v).double() for b, v in zip(self.blocks, pieces, strict=True)]).sum(0)

    def _back(self, z: Tensor) -> Tensor:
        scale = z.abs().max().clamp_min(1e-300)
        single = (z / scale).float()
        return torch.cat([single @ block for block in self.blocks]).double().reshape(1, 1, *self.sides) * scale

    def pull(self, left: Tensor, right: Tensor) -> Pulled:
        residual = self._forward(left @ right.mT) - self.values
        gradient = self._back(residual) / self.seen
        return Pulled((0.5 * residual @ residual / self.seen)[None], gradient @ right, gradient.mT @ left)

    def surprise(self, left: Tensor, right: Tensor) -> Tensor:
        raise NotImplementedError("nothing is left out of these")

    def part(self, kept: Tensor) -> MatrixFit:
        raise NotImplementedError("nothing is left out of these")

    def start_times(self, right: Tensor) -> Tensor:
        return self.start @ right

    def start_transposed_times(self, left: Tensor) -> Tensor:
        return self.start.mT @ left

    def start_energy(self) -> Tensor:
        return self.start.square().sum((2, 3))


def aligned_distance(found: Factors, truth: Factors) -> float:
    """dist of Tong, Ma and Chi (2021, eq. 6): the least over invertible Q of
    |(L Q - L*) S^1/2|^2 + |(R Q^-T - R*) S^1/2|^2, its root, for factors of the same rank; S the singular values of the
    truth, whose factors are balanced."""
    from scipy.optimize import minimize

    left, right, true_left, true_right = (m[0, 0].numpy() for m in (found.left, found.right, truth.left, truth.right))
    rank = left.shape[1]
    weight = np.sqrt(np.maximum(np.square(true_left).sum(0), 1e-300))

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        q = flat.reshape(rank, rank)
        inverse = np.linalg.inv(q)
        first, second = (left @ q - true_left) * weight, (right @ inverse.T - true_right) * weight
        slope = 2 * left.T @ (first * weight)
        # d (Q^-T) = -Q^-T dQ^T Q^-T
        slope -= 2 * inverse.T @ (second * weight).T @ right @ inverse.T
        return float(np.square(first).sum() + np.square(second).sum()), slope.ravel()

    start = np.linalg.lstsq(left, true_left, rcond=None)[0]
    solved = minimize(value, start.ravel(), jac=True, method="BFGS", options={"maxiter": 200, "gtol": 1e-14})
    return float(np.sqrt(max(solved.fun, 0.0)))
