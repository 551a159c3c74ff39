"""What DCS and SDLSS share: a few steps on the latent, of a length that was learnt together with the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import RESTARTS, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["LearntSteps", "meta_facts", "meta_steps"]


def meta_facts(prior: PriorChoice, method: str) -> dict | None:
    """Number and length of the steps that a prior was trained for with ``method``; None where it was not."""
    try:
        told = prior.facts["meta"]
        return {"steps": int(told["steps"]), "rate": float(told["rate"])} if told["method"] == method else None
    except (KeyError, TypeError, ValueError):
        return None


def meta_steps(
    seen: Measurement, prior: GeneratorPrior, draws: Draws, steps: int, rate: float, project: Callable[[Tensor], Tensor]
) -> Iterator[Iterate]:
    """z <- project(z - rate grad |y - A G(z)|^2), from random latents, one row per restart."""
    from engine.algorithms.latent.objective import LatentObjective

    objective = LatentObjective(seen.for_rows(len(draws.samples)), prior)
    latent = project(prior.draw_latents(draws.per_row("latent"), str(seen.device)))
    for step in range(steps + 1):
        x, value, gradient = objective(latent)
        loss = objective.squared_residual(value)
        facts = {"objective": float(loss.reshape(seen.images, -1).amin(1).mean())}
        yield Iterate(step + 1, steps + 1, x, 3 * (step + 1), statistics=facts, loss=loss, phase="descending")
        latent = project(latent - rate * (objective.unit * gradient).to(latent.dtype))


@dataclass(frozen=True)
class LearntSteps(AlgorithmChoice):
    """Settings and steps of both; what a latent is projected onto is the prior's to know."""

    takes: ClassVar = ("generator",)
    rows_are: ClassVar = RESTARTS

    steps: int | None = integer(
        None, "Steps", "On the latent; auto takes as many as it was trained for.", low=1, high=10_000
    )
    rate: float | None = number(
        None, "Rate", "Of the steps; auto takes the learnt one.", above=0, high=1000, expert=True
    )
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return (self.steps or 3) + 1

    def work_for(self, samples: int) -> float:
        return 3.0 * samples * self.steps_for(samples)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if meta_facts(prior, self.name) is None:
            return f"{self.name} needs a generator that was trained for it: choose {self.name}-mnist, or take csgm"
        return None

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        meta: dict = getattr(prior, "meta", {})
        steps, rate = self.steps or int(meta.get("steps", 3)), self.rate or float(meta.get("rate", 0.01))
        seen = viewed(measurement, self.data)
        yield from meta_steps(seen, prior, draws, steps, rate, prior.on_latents)
