"""CSGM: gradient descent on the latent of a generator (Bora et al., "Compressed sensing using generative models", 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import RESTARTS, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import GeneratorPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Csgm"]


@dataclass(frozen=True)
class Csgm(AlgorithmChoice):
    """CSGM: gradient descent on the latent from random restarts; the one that fits best is the estimate."""

    # Minimises (1/m) |A G(z) - y|^2 + penalty |z|^2 (eq. 4), for quantized data with -2 variance ln p(cells) in place of the
    # squared residual, which it is for cells far narrower than the noise.

    name = "csgm"
    label = "CSGM (latent descent)"
    takes: ClassVar = ("generator",)
    rows_are: ClassVar = RESTARTS

    steps: int = integer(500, "Steps", "Of the descent; the paper takes 1,000 with rate 0.01.", low=1, high=1_000_000)
    rate: float = number(0.03, "Rate", "Of the descent.", above=0, high=100, expert=True)
    optimiser: str = one_of("adam", ("adam", "sgd"), "Optimiser", "Adam, or plain gradient descent.", expert=True)
    penalty: float = number(
        0.01,
        "Penalty",
        "Weight of |z|^2 beside the mean squared residual; the paper takes 0.1 at noise 0.1.",
        low=0,
        high=1e6,
        expert=True,
    )
    data: str = data_view()
    presets: ClassVar = {"paper": {"steps": 1000, "rate": 0.01, "penalty": 0.1}}

    def steps_for(self, samples: int) -> int:
        return self.steps

    def work_for(self, samples: int) -> float:
        return 3.0 * self.steps * samples

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.latent.objective import LatentObjective
        from engine.priors.generators.fitting import LatentAdam

        seen = viewed(measurement, self.data).for_rows(len(draws.samples))
        objective = LatentObjective(seen, prior)
        latent = prior.draw_latents(draws.per_row("latent"), str(measurement.device))
        descent = LatentAdam(self.rate, self.optimiser == "adam")
        best, least = latent, torch.full((len(latent),), torch.inf, dtype=torch.float64, device=latent.device)
        for step in range(1, self.steps + 1):
            x, value, gradient = objective(latent)
            loss = objective.squared_residual(value) + self.penalty * latent.double().square().sum(1)
            better = loss < least
            best, least = torch.where(better[:, None], latent, best), torch.where(better, loss, least)
            if step == self.steps:  # each row ends where it was best, which plain descent need not
                with torch.no_grad():
                    x, loss = prior.generate(best), least
            latent = descent.step(latent, (objective.unit * gradient + 2 * self.penalty * latent).to(latent.dtype))
            apart = loss.reshape(measurement.images, -1)
            facts = {"objective": float(apart.amin(1).mean()), "objective_mean": float(apart.mean())}
            yield Iterate(step, self.steps, x, 3 * step, statistics=facts, loss=loss, phase="descending")
