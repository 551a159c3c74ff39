"""ScaledGD(lambda) (Xu, Shen, Chi and Ma, "The power of preconditioning in overparameterized low-rank matrix sensing", 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.lowrank.factored import Factored
from engine.settings import flag, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.lowrank.descent import Rule

__all__ = ["ScaledGdLambda"]


@dataclass(frozen=True)
class ScaledGdLambda(Factored):
    """ScaledGD(λ): damped preconditioning, for a rank that is only an upper bound and starts that are small and random."""

    # L <- L - eta G R (R^T R + lambda I)^-1, and likewise R; lambda is about the least singular value of the matrix.

    name = "scaled-gd-lambda"
    label = "ScaledGD(λ), rank over-estimated"

    start: str = one_of(
        "random",
        ("spectral", "random"),
        "Start",
        "The leading singular vectors of what was seen, or small random factors as published.",
        expert=True,
    )
    damping: float = number(
        0.02,
        "Damping",
        "lambda, as a share of the largest singular value of what was seen; best about that of the smallest one.",
        low=0,
        high=100,
        expert=True,
    )

    follow: bool = flag(
        True,
        "Damping follows the residual",
        "It falls with the square root of the objective, so that a rank that is too high does not slow the end; else constant, "
        "as published.",
        expert=True,
    )
    presets: ClassVar = {"paper": {"steps": "constant", "penalty": 0.0, "follow": False}}

    def rule(self) -> Rule:
        from engine.algorithms.lowrank.descent import Rule

        return Rule(True, self.step, self.steps == "backtracking", self.follow)

    def damping_of(self, largest: Tensor) -> Tensor:
        return self.damping * largest
