"""Low rank plus sparse: scaled descent beside a hard threshold, or on the sum of absolute residuals (robust PCA)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.algorithms.lowrank.descent import length, product_change

if TYPE_CHECKING:
    from engine.algorithms.lowrank.spectral import Factors

__all__ = ["RobustDescent", "SubgradientDescent", "beyond_noise", "largest_entries", "leading"]

_RIDGE = 1e-12
POLYAK = 4.0
"""Of the step, for subgradients: half of it is Polyak's for an L and an R that move together, and the trimmed sum is short."""
ASTRAY, SHORTER = 2.0, 0.7
DEVIATIONS = 4.0
"""What noise does not do, in deviations of it."""
VISIBLE = 0.05
"""Of the root-mean-square of the part of low rank: what is less is not worth a word."""


def largest_entries(e: Tensor, seen: Tensor, share: float) -> Tensor:
    """``e`` (..., rows, columns) where it is among the ``share`` largest in magnitude of those ``seen`` (like e, of ones and
    zeros) in its row and in its column, else 0: T of Tong, Ma and Chi (2021), eq. 12."""
    size, kept = e.abs() * seen, torch.ones_like(e, dtype=torch.bool)
    for axis in (-1, -2):
        count = (share * seen.sum(axis, keepdim=True)).floor().long().clamp_max(e.shape[axis] - 1)
        limit = size.sort(axis, descending=True).values.gather(axis, count)
        kept = kept & (size > limit)
    return torch.where(kept, e, 0.0)


def beyond_noise(e: Tensor, seen: Tensor) -> Tensor:
    """``e`` (batch, parts, rows, columns) where it is more than noise, of the deviation that its median tells, else 0."""
    deviation = torch.stack([1.4826 * one[at > 0].abs().median() for one, at in zip(e, seen.expand_as(e), strict=True)])
    return torch.where(e.abs() > DEVIATIONS * deviation.reshape(-1, 1, 1, 1), e, 0.0)


def leading(m: Tensor, rank: Tensor) -> Factors:
    """Balanced factors of the best matrices of ``rank`` (batch, parts) near m (batch, parts, rows, columns)."""
    from engine.algorithms.lowrank.spectral import Spectrum, spectral_factors

    left, values, right = torch.linalg.svd(m, full_matrices=False)
    return spectral_factors(Spectrum(left, values, right.mT, m.square().sum((2, 3))), rank)


class RobustDescent:
    """ScaledGD for X + S: S keeps the largest entries of what X does not explain, X takes a scaled step towards the rest
    (Tong, Ma and Chi, 2021, algorithm 2).

    ``residual`` tells of a matrix (batch, parts, rows, columns) what is missing in it at the entries ``seen``: y - X for
    real values, and the pull of the cell for quantized ones. ``sparing`` leaves what noise can do where it is, however few
    larger entries there are; from a start that is far off that would be the wrong entries. ``left`` is the share of those seen
    that noise does not explain and that are too many to be set aside.
    """

    def __init__(
        self, residual: Callable[[Tensor], Tensor], seen: Tensor, start: Factors, outliers: Tensor, share: float, step: float,
        sparing: bool = False,
    ) -> None:  # fmt: skip
        self.sparing, self.left = sparing, 0.0
        self.residual, self.seen, self.factors = residual, seen, start
        self.outliers, self.share, self.step = outliers, share, step
        self.tau = float(seen.double().mean())
        self.f = torch.full((len(outliers),), torch.inf, dtype=torch.float64, device=outliers.device)
        self.moved = self.f

    def advance(self, going: Tensor) -> None:
        left, right, active = self.factors
        missing = self.outliers + self.residual(left @ right.mT + self.outliers)
        outliers = largest_entries(missing, self.seen, self.share)
        if self.sparing:
            beyond = beyond_noise(missing * self.seen, self.seen) != 0
            worth = missing.abs() > VISIBLE * (left @ right.mT).square().mean().sqrt()
            self.left = float((beyond & worth & (outliers == 0)).sum() / self.seen.sum())
            outliers = torch.where(beyond, outliers, 0.0)
        self.outliers = torch.where(going.reshape(-1, 1, 1, 1), outliers, self.outliers)
        rest = (missing - self.outliers) * self.seen / self.tau
        self.f = 0.5 * self.tau * rest.square().sum((1, 2, 3))
        step = self.step * going.reshape(-1, 1, 1, 1)
        new_left = left + step * _solved(rest @ right, right, active)
        new_right = right + step * _solved(rest.mT @ left, left, active)
        change = product_change(left, right, new_left, new_right)
        moved = change / length(new_left, new_right).clamp_min(1e-300)
        self.moved = torch.where(going, moved, self.moved)
        self.factors = type(self.factors)(new_left, new_right, active)


class SubgradientDescent:
    """Least |y - X|_1 by scaled subgradients (Tong, Ma and Chi, "Low-rank matrix recovery with scaled subgradient methods",
    2021), with Polyak's step. That step needs the least value f*, which is not known: f - f* is taken to be the sum of the
    residuals that are not among the ``share`` largest of their row and column, since those would be outliers."""

    def __init__(
        self, residual: Callable[[Tensor], Tensor], seen: Tensor, start: Factors, outliers: Tensor, share: float, step: float
    ) -> None:  # fmt: skip
        self.residual, self.seen, self.factors, self.share, self.step = residual, seen, start, share, step
        self.outliers = outliers
        self.f = torch.full((len(outliers),), torch.inf, dtype=torch.float64, device=outliers.device)
        self.moved = self.least = self.f
        self.best = start
        self.caution = torch.ones_like(self.f)

    def advance(self, going: Tensor) -> None:
        rest, outliers, above = self._explained(self.factors)
        astray = going & (above > ASTRAY * self.least)
        if bool(astray.any()):  # the steps are too long: back to the best, with shorter ones
            back = astray.reshape(-1, 1, 1, 1)
            self.factors = type(self.factors)(
                torch.where(back, self.best.left, self.factors.left), torch.where(back, self.best.right, self.factors.right),
                self.factors.active,
            )  # fmt: skip
            self.caution = torch.where(astray, SHORTER * self.caution, self.caution)
            rest, outliers, above = self._explained(self.factors)
        better = (above < self.least).reshape(-1, 1, 1, 1)
        left, right, active = self.factors
        self.best = type(self.factors)(
            torch.where(better, left, self.best.left), torch.where(better, right, self.best.right), active
        )
        self.least = torch.minimum(self.least, above)
        self.f = rest.abs().sum((1, 2, 3))
        sign = rest.sign()
        pull_left, pull_right = sign @ right, sign.mT @ left
        down_left, down_right = _solved(pull_left, right, active), _solved(pull_right, left, active)
        slope = (pull_left * down_left).sum((1, 2, 3)) + (pull_right * down_right).sum((1, 2, 3))
        step = (POLYAK * self.step * self.caution * above / slope.clamp_min(1e-300) * going).reshape(-1, 1, 1, 1)
        new_left, new_right = left + step * down_left, right + step * down_right
        change = product_change(left, right, new_left, new_right)
        self.moved = torch.where(going, change / length(new_left, new_right).clamp_min(1e-300), self.moved)
        self.outliers = torch.where(going.reshape(-1, 1, 1, 1), outliers, self.outliers)
        self.factors = type(self.factors)(new_left, new_right, active)

    def _explained(self, factors: Factors) -> tuple[Tensor, Tensor, Tensor]:
        """What is left of the data, the largest of it, and the sum of the others' magnitudes (batch,)."""
        rest = self.residual(factors.left @ factors.right.mT) * self.seen
        outliers = largest_entries(rest, self.seen, self.share)
        return rest, outliers, (rest - outliers).abs().sum((1, 2, 3))


def _solved(gradient: Tensor, factor: Tensor, active: Tensor) -> Tensor:
    gram = factor.mT @ factor
    unit = torch.diagonal(gram, dim1=-2, dim2=-1).sum(-1).clamp_min(1e-200)[..., None]
    return torch.linalg.solve(gram + torch.diag_embed(_RIDGE * unit * active + unit * ~active), gradient.mT).mT
