"""ScaledGD for tensors (Tong, Ma, Prater-Bennette, Tripp and Chi, "Scaling and scalability", JMLR 2022)."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.lowrank.tucker import TuckerDescent
    from engine.priors.base import LowRankPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["TuckerGd"]

LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Ranks that are tried where none is given."""
STEPS_PER_RANK, PATIENCE, HELD_OUT = 30, 2, 0.1


@dataclass(frozen=True)
class TuckerGd(AlgorithmChoice):
    """ScaledGD for tensors: height x width x colours (or frames, or patches) of low rank along each of them (Tucker)."""

    # X = (U, V, W) . S; U <- U - eta M1(G) B (B^T B)^-1 with B = (W x V) M1(S)^T, likewise V and W;
    # S <- S - eta ((U^T U)^-1 U^T, (V^T V)^-1 V^T, (W^T W)^-1 W^T) . G; start by HOSVD.

    name = "tucker-gd"
    label = "ScaledGD for tensors (Tucker)"
    takes: ClassVar = ("low-rank",)
    rows_are: ClassVar = ESTIMATE

    step: float = number(0.3, "Step", "eta; the first try where steps are found by backtracking.", above=0, high=100)
    steps: str = one_of(
        "backtracking",
        ("backtracking", "constant"),
        "Steps",
        "backtracking halves a step until the objective falls as it should; constant is the published method.",
    )
    iterations: int = integer(300, "Iterations", "At most.", low=1, high=1_000_000)
    tolerance: float = number(
        1e-5, "Tolerance", "Ends where a step moves the tensor by less than this share.", low=0, high=1, expert=True
    )
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return self.iterations + len(LADDER) * STEPS_PER_RANK

    def work_for(self, samples: int) -> float:
        return float(self.iterations)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear:
            return "tucker-gd needs a linear operator; take a denoiser prior such as natural with guided"
        if getattr(prior, "form", "") == "patches" and getattr(prior, "overlap", False):
            return "tucker-gd needs every pixel once: set overlap=false, or form=matrix or frames"
        return None

    def iterates(self, measurement: Measurement, prior: LowRankPrior, draws: Draws) -> Iterator[Iterate]:
        from engine.algorithms.lowrank.image_by_image import image_by_image

        return image_by_image(lambda seen, mine: self._one(seen, prior, mine.seed), measurement, draws)

    def _one(self, measurement: Measurement, prior: LowRankPrior, seed: int) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.lowrank.factored import refuse_diverged, truth_error
        from engine.algorithms.lowrank.penalty import FEWEST

        problem = _Problem(viewed(measurement, self.data), prior)
        done, total = 0, self.steps_for(1)

        def told(descent: TuckerDescent, phase: str, steps: int) -> Iterate:
            x = (prior.mean + prior.depict_tensor(descent.x)).float()
            refuse_diverged(self, done, x)
            facts = {
                "objective": float(descent.f), "change": float(descent.moved), "step": float(descent.step),
                "rank": float(max(descent.factors.core.shape[1:])),
            } | truth_error(measurement, x)  # fmt: skip
            return Iterate(done, steps, x, 0, statistics=facts, per_image=True, mean=x, phase=phase)

        if prior.rank is None and problem.operator.rows >= FEWEST:
            for descent in self._search(problem, seed):
                done += 1
                yield told(descent, "choosing the rank", total)
        descent, going = problem.descent(self, problem.rank), torch.ones(1, dtype=torch.bool, device=measurement.device)
        for count in range(1, self.iterations + 1):
            descent.advance(going)
            done += 1
            last = count == self.iterations or float(descent.moved) <= self.tolerance or bool(descent.stuck)
            yield told(descent, "descending", done if last else total)
            if last:
                return

    def _search(self, problem: _Problem, seed: int) -> Iterator[TuckerDescent]:
        """Sets the rank of the problem: up the ladder, until two in a row predict what is left out worse."""
        import torch

        from engine.seeds import generator

        left = torch.rand(problem.operator.rows, generator=generator(seed, "held-out")) < HELD_OUT
        left[0], left[-1] = True, False
        fit, judge = (problem.part(kept.double()) for kept in (~left, left))
        on = torch.ones(1, dtype=torch.bool, device=problem.back.device)
        best, worse = math.inf, 0
        for rank in LADDER:
            if rank > max(problem.back.shape[1:]):
                return
            descent = fit.descent(self, rank)
            for _ in range(STEPS_PER_RANK):
                descent.advance(on)
                yield descent
            value = float(judge.surprise(descent.x))
            if value < best:
                best, worse, problem.rank = value, 0, rank
            else:
                worse += 1
            if worse >= PATIENCE:
                return


class _Problem:
    """One image: f of its tensor, what was read of the tensor without any prior, and the rank that is to be taken."""

    def __init__(self, seen: Measurement, prior: LowRankPrior) -> None:
        from engine.algorithms.lowrank.fits import pseudo_values
        from engine.likelihoods.data_term import DataTerm

        self.seen, self.prior, self.operator = seen, prior, seen.operator
        self.term, self.rank = DataTerm(seen), prior.rank or 1
        self.tau = float(self.operator.row_norms_squared().sum()) / self.operator.pixels
        values = pseudo_values(seen, prior.mean)
        self.back = prior.tensorise(self.operator.adjoint(values.float()).double() / self.tau)

    def part(self, kept: Tensor) -> _Problem:
        """The same by some of the measurements, ``kept`` (rows,) of ones and zeros."""
        from engine.algorithms.lowrank.fits import pseudo_values
        from engine.likelihoods.data_term import DataTerm

        other = copy.copy(self)
        kept = kept.to(self.back.device)
        other.term, other.tau = DataTerm(self.seen, kept), self.tau * float(kept.mean())
        values = pseudo_values(self.seen, self.prior.mean) * kept
        other.back = self.prior.tensorise(self.operator.adjoint(values.float()).double() / other.tau)
        return other

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = self.term.value_and_gradient((self.prior.mean + self.prior.depict_tensor(x)).float())
        share = self.term.variance / self.tau
        return (value - self.term.least) * share, self.prior.tensorise(gradient.double()) * share

    def surprise(self, x: Tensor) -> Tensor:
        """How badly X predicts these measurements, (1,)."""
        picture = (self.prior.mean + self.prior.depict_tensor(x)).float()
        return self.term.surprise(self.seen.predict(picture).double())

    def descent(self, settings: TuckerGd, rank: int) -> TuckerDescent:
        """From the HOSVD, with this rank along every side that is as long."""
        from engine.algorithms.lowrank.tucker import TuckerDescent, hosvd

        ranks = tuple(min(rank, n) for n in self.back.shape[1:])
        start = hosvd(self.back, ranks)  # type: ignore[arg-type]
        return TuckerDescent(self.value_and_gradient, start, settings.step, settings.steps == "backtracking")
