"""ScaledGD (Tong, Ma and Chi, "Accelerating ill-conditioned low-rank matrix estimation via scaled gradient descent", 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.algorithms.lowrank.factored import Factored

if TYPE_CHECKING:
    from engine.algorithms.lowrank.descent import Rule

__all__ = ["ScaledGd"]


@dataclass(frozen=True)
class ScaledGd(Factored):
    """ScaledGD: preconditioned descent on the factors, as fast for ill-conditioned matrices as for others."""

    # L <- L - eta G R (R^T R)^-1, R <- R - eta G^T L (L^T L)^-1 (eq. 3).

    name = "scaled-gd"
    label = "ScaledGD"

    def rule(self) -> Rule:
        from engine.algorithms.lowrank.descent import Rule

        return Rule(True, self.step, self.steps == "backtracking")
