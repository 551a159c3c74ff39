"""Sparse reconstruction: the exact data term plus a convex penalty (Tibshirani, 1996; with total variation, Rudin et al.)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import SparsityPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Lasso"]

OBJECTIVE_EVERY = 5


@dataclass(frozen=True)
class Lasso(AlgorithmChoice):
    """Lasso: least noise^2 * (-log p(y | x)) + penalty * R(x), by FISTA; any cells, and any sparsity prior R.

    For real values the first term is half the squared residual |y - A (x - offset)|^2.
    """

    name = "lasso"
    label = "Lasso (sparse reconstruction)"
    takes: ClassVar = ("sparsity",)
    rows_are: ClassVar = ESTIMATE

    penalty: float | None = number(
        None,
        "Penalty",
        "Weight of R beside half the squared residual (or its like for cells); auto follows the rule below.",
        above=0,
        high=1e9,
    )
    rule: str = one_of(
        "held-out",
        ("held-out", "discrepancy"),
        "Rule of the penalty",
        "auto takes the penalty that best predicts a tenth of the measurements left out of the fit, or the largest one "
        "that explains them as well as the noise allows.",
        expert=True,
    )
    data: str = one_of(
        "cells",
        ("cells", "codes"),
        "Quantized data",
        "cells: the exact likelihood; codes: squared error to the codes as if they were real values, as published.",
        expert=True,
    )
    iterations: int = integer(500, "Iterations", "At most, with the penalty in force.", low=1, high=1_000_000)
    tolerance: float = number(
        1e-5, "Tolerance", "Ends where a step moves the picture by less than this share.", above=0, high=1, expert=True
    )

    def steps_for(self, samples: int) -> int:
        from engine.algorithms.sparse.penalty import PATH, STEPS_PER_PENALTY

        return self.iterations + (PATH * STEPS_PER_PENALTY if self.penalty is None else 0)

    def work_for(self, samples: int) -> float:
        return float(self.steps_for(samples))

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear:
            return "lasso needs a linear operator; take a denoiser prior such as mnist with guided"
        return None

    def iterates(self, measurement: Measurement, prior: SparsityPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.sparse.fista import Fista
        from engine.algorithms.sparse.penalty import SparsityPath
        from engine.likelihoods.data_term import DataTerm

        seen = measurement.decoded() if self.data == "codes" and not measurement.is_linear else measurement
        term = DataTerm(seen)
        step = 1 / term.gain()
        shape, total = measurement.operator.image_shape, self.steps_for(len(draws.samples))
        x = torch.full((measurement.images, *shape), prior.mean, device=measurement.device)
        penalty, done = torch.full((len(x),), self.penalty or 0.0, dtype=torch.float64, device=x.device), 0
        if self.penalty is None:
            path = SparsityPath(seen, prior, x, step, self.rule, draws.seed)
            for x, penalty in path.walk():
                done += 1
                facts = {"penalty": float(penalty.mean())}
                yield Iterate(done, total, x, 0, statistics=facts, per_image=True, mean=x, phase="choosing the penalty")
            x, penalty = path.estimate, path.chosen
        solver, going = Fista(term, prior, x, step), torch.ones(len(x), dtype=torch.bool, device=x.device)
        objective: dict[str, float] = {}
        for count in range(1, self.iterations + 1):
            solver.advance(penalty, going)
            done += 1
            going = going & (solver.moved > self.tolerance)
            last = count == self.iterations or not bool(going.any())
            if last or count % OBJECTIVE_EVERY == 1:
                value = term.variance * term.value(solver.x) + penalty * prior.penalty(solver.x)
                objective = {"objective": float(value.mean())}
            facts = {"penalty": float(penalty.mean()), "change": float(solver.moved.mean())} | objective
            note = "" if not last or not bool(going.any()) else (
                f"Not settled after {self.iterations} iterations; give more for a more exact solution."
            )  # fmt: skip
            yield Iterate(
                done, done if last else total, solver.x, 0, statistics=facts, per_image=True, mean=solver.x, note=note,
                phase="minimising",
            )  # fmt: skip
            if last:
                return
