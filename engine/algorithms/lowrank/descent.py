"""Descent on the factors of low-rank matrices: plain, scaled (Tong, Ma and Chi, JMLR 2021), and damped (Xu et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.algorithms.lowrank.fits import MatrixFit, Pulled
from engine.algorithms.lowrank.spectral import Factors

__all__ = ["Descent", "Rule", "length", "product_change"]

_ENOUGH = 0.1
"""Share of the decrease that the slope promises which a step must bring (Armijo)."""
_SHORTEN, _LENGTHEN, _LONGEST, _TRIES = 0.5, 1.3, 8.0, 20
_NEVER_SINGULAR = 1e-12


@dataclass(frozen=True)
class Rule:
    """How a gradient becomes a step.

    ``scaled`` steps are preconditioned by (R^T R + damping I)^-1 and (L^T L + damping I)^-1, others divided by the largest
    singular value. ``step`` is eta; ``backtracking`` halves it until f falls as it should, and lengthens it again.
    """

    scaled: bool
    step: float
    backtracking: bool
    following: bool = False


class Descent:
    """A batch of independent problems: least f(L R^T) + penalty (|L|^2 + |R|^2) / 2, which is the penalty times the nuclear norm
    (Srebro, Rennie and Jaakkola, 2004). ``moved`` (batch,) is how far the last step went as a share of the matrices, ``f``
    (batch,) the objective; ``largest`` and ``damping`` are (batch, parts), ``penalty`` (batch,)."""

    def __init__(
        self, fit: MatrixFit, start: Factors, rule: Rule, largest: Tensor, damping: Tensor, penalty: Tensor
    ) -> None:
        self.fit, self.factors, self.rule = fit, start, rule
        self.largest, self.penalty = largest.clamp_min(1e-300), penalty
        self.damping = damping
        self.pulled = self._pull(start.left, start.right)
        self.highest = self.f
        self.step = torch.full((fit.batch,), rule.step, dtype=torch.float64, device=start.left.device)
        self.moved = torch.full_like(self.step, torch.inf)
        self.stuck = torch.zeros_like(self.step, dtype=torch.bool)

    @property
    def f(self) -> Tensor:
        return self.pulled.value

    def advance(self, going: Tensor) -> None:
        """One step of the images that are ``going`` (batch,); the others stay."""
        old, pulled = self.factors, self.pulled
        down_left, down_right = self._directions(old, pulled.right, pulled.left)
        slope = ((pulled.right * down_left).sum((1, 2, 3)) + (pulled.left * down_right).sum((1, 2, 3))).clamp_min(0)
        pending, moving = going.clone(), torch.zeros_like(going)
        for _ in range(_TRIES if self.rule.backtracking else 1):
            share = torch.where(pending | moving, self.step, 0.0).reshape(-1, 1, 1, 1)
            share = share * going.reshape(-1, 1, 1, 1)
            left, right = old.left - share * down_left, old.right - share * down_right
            found = self._pull(left, right)
            if not self.rule.backtracking:
                moving = going
                break
            good = found.value <= pulled.value - _ENOUGH * self.step * slope
            moving = moving | (pending & good)
            pending = pending & ~good
            if not bool(pending.any()):
                break
            self.step = torch.where(pending, _SHORTEN * self.step, self.step)
        if bool(pending.any()) and self.rule.backtracking:  # f no longer falls: as good as the numbers resolve
            kept = (~pending).reshape(-1, 1, 1, 1)
            left, right = torch.where(kept, left, old.left), torch.where(kept, right, old.right)
            found = self._pull(left, right)
            self.stuck = self.stuck | pending
        change = product_change(old.left, old.right, left, right)
        self.moved = torch.where(going, change / length(left, right).clamp_min(1e-300), self.moved)
        if self.rule.backtracking:
            self.step = torch.where(moving, (_LENGTHEN * self.step).clamp_max(_LONGEST * self.rule.step), self.step)
        self.factors, self.pulled = Factors(left, right, old.active), found
        self.highest = torch.maximum(self.highest, self.f)

    def _pull(self, left: Tensor, right: Tensor) -> Pulled:
        pulled, weight = self.fit.pull(left, right), self.penalty.reshape(-1, 1, 1, 1)
        if not bool((weight > 0).any()):
            return pulled
        more = 0.5 * self.penalty * (left.square().sum((1, 2, 3)) + right.square().sum((1, 2, 3)))
        return Pulled(pulled.value + more, pulled.right + weight * left, pulled.left + weight * right)

    def _directions(self, factors: Factors, right: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        if not self.rule.scaled:
            scale = self.largest.reshape(*self.largest.shape, 1, 1)
            return right / scale, left / scale
        return (
            self._preconditioned(right, factors.right, factors.active),
            self._preconditioned(left, factors.left, factors.active),
        )

    def _preconditioned(self, gradient: Tensor, factor: Tensor, active: Tensor) -> Tensor:
        gram = factor.mT @ factor
        unit = torch.diagonal(gram, dim1=-2, dim2=-1).sum(-1).clamp_min(1e-200)
        damping = self.damping
        if self.rule.following:
            damping = damping * (self.f / self.highest.clamp_min(1e-300)).clamp(0, 1).sqrt()[:, None]
        ridge = (damping + self.penalty[:, None] + _NEVER_SINGULAR * unit)[..., None] * active + unit[
            ..., None
        ] * ~active
        return torch.linalg.solve(gram + torch.diag_embed(ridge), gradient.mT).mT


def length(left: Tensor, right: Tensor) -> Tensor:
    """|L R^T| of all parts together, (batch,), without forming it."""
    return ((left.mT @ left) * (right.mT @ right)).sum((1, 2, 3)).clamp_min(0).sqrt()


def product_change(left: Tensor, right: Tensor, new_left: Tensor, new_right: Tensor) -> Tensor:
    """|L' R'^T - L R^T|, (batch,): (L' - L) R^T + L' (R' - R)^T, which loses no digits."""
    return length(torch.cat([new_left - left, new_left], -1), torch.cat([right, new_right - right], -1))
