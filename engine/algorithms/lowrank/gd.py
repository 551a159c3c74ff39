"""Gradient descent on factors, the method that scaled gradient descent is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.algorithms.lowrank.factored import Factored

if TYPE_CHECKING:
    from engine.algorithms.lowrank.descent import Rule

__all__ = ["Gd"]


@dataclass(frozen=True)
class Gd(Factored):
    """GD: gradient descent on the factors; needs some times more steps as the condition number grows."""

    # L <- L - (eta / sigma_1) G R, R <- R - (eta / sigma_1) G^T L, sigma_1 the largest singular value of the start.

    name = "gd"
    label = "GD on factors"

    def rule(self) -> Rule:
        from engine.algorithms.lowrank.descent import Rule

        return Rule(False, self.step, self.steps == "backtracking")
