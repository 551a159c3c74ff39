"""SDLSS: steps on a sparse latent of a generator that was meta-learnt for them (Killedar et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import RESTARTS, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer, number

if TYPE_CHECKING:
    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Sdlss"]


@dataclass(frozen=True)
class Sdlss(AlgorithmChoice):
    """SDLSS: a few learnt steps on the latent, each keeping its largest entries; needs a generator trained for it."""

    name = "sdlss"
    label = "SDLSS (sparse latent steps)"
    takes: ClassVar = ("generator",)
    rows_are: ClassVar = RESTARTS

    steps: int | None = integer(
        None, "Steps", "On the latent; auto takes as many as it was trained for.", low=1, high=10_000
    )
    rate: float | None = number(None, "Rate", "Of the steps; auto takes the learnt one.", above=0, high=1000)
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return (self.steps or 3) + 1

    def work_for(self, samples: int) -> float:
        return 3.0 * samples * self.steps_for(samples)

    def misfit(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        from engine.algorithms.latent.meta import meta_facts

        if meta_facts(prior, self.name) is None:
            return f"{self.name} needs a generator that was trained for it: choose sdlss-mnist, or take csgm"
        return None

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:  # type: ignore[override]
        from engine.algorithms.latent.meta import meta_steps

        meta: dict = getattr(prior, "meta", {})
        steps, rate = self.steps or int(meta.get("steps", 3)), self.rate or float(meta.get("rate", 0.01))
        seen = viewed(measurement, self.data)
        yield from meta_steps(seen, prior, draws, steps, rate, prior.on_latents)
