"""Posterior samples of a latent: Hamiltonian or Langevin dynamics with the exact likelihood, corrected by acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.algorithms.one_by_one import side_by_side
from engine.settings import integer

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import GeneratorPrior
    from engine.sensing.measurement import Measurement

__all__ = ["LatentLangevin"]

GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, are spread evenly however many there are."""
MANY, FEW, SMALL = 256, 24, 1 << 12
"""Particles, and particles of images of more than so many values, whose generators cost most of the time."""


@dataclass(frozen=True)
class LatentLangevin(AlgorithmChoice):
    """Latent Langevin: posterior samples of the generator's latent, so a mean, a std and intervals."""

    # A population of each image goes from the prior to the posterior: powers of the likelihood that grow to 1, each as far as
    # half of the population bears; latents are drawn again by what is gained, and moved (sequential Monte Carlo, Del Moral,
    # Doucet and Jasra, 2006), so that modes have the weight of their evidence. Each sample begins at one of them and is a
    # chain of its own from there on. A move draws a momentum and follows ``leapfrog`` steps (1: Langevin, MALA; more:
    # underdamped, Neal 2011) in coordinates in which the Fisher information plus the prior's is the identity (Girolami and
    # Calderhead, 2011, with the metric held fixed for each power), and is accepted or not by Metropolis' rule.

    name = "latent-langevin"
    label = "Latent Langevin"
    takes: ClassVar = ("generator",)

    particles: int | None = integer(
        None,
        "Particles",
        "Latents of an image that go from the prior to the posterior together; auto takes 256, and 24 of large pictures.",
        low=8,
        high=100_000,
    )
    powers: int = integer(30, "Powers", "Of the likelihood, from next to nothing to 1, at most.", low=1, high=10_000)
    moves: int = integer(1, "Moves", "Of each particle at each power.", low=1, high=1000)
    settle: int = integer(
        20, "Settling moves", "Of each sample at the full likelihood.", low=1, high=1_000_000, expert=True
    )
    leapfrog: int = integer(6, "Leapfrog steps", "Of each move; 1 is Langevin dynamics.", low=1, high=1000, expert=True)
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return self.powers * self.moves + self.settle

    def work_for(self, samples: int) -> float:
        each = 3.0 * (self.leapfrog + 1)
        return each * ((self.particles or MANY) * self.powers * self.moves + samples * self.settle)

    def particles_for(self, pixels: int) -> int:
        """Particles of an image of so many values."""
        return self.particles or (MANY if pixels <= SMALL else FEW)

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        seen = viewed(measurement, self.data)
        streams = [
            (image, self._one(seen.select([image]), prior, Draws(draws.seed, [number], draws.samples)))
            for image, number in enumerate(draws.images)
        ]
        return side_by_side(streams)

    def _one(self, seen: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.latent.hamiltonian import Chains
        from engine.algorithms.latent.objective import LatentObjective
        from engine.algorithms.latent.population import Population, systematic

        rows, device = len(draws.samples), str(seen.device)
        particles = self.particles_for(seen.operator.pixels)
        population = Population(seen, prior, draws.per_image("population"), particles, self.powers)
        start = float(draws.per_image("first particle").uniform((1,))[0, 0])
        # a sample has its place among the particles, the same however many there are of it
        places = torch.tensor([(start + GOLDEN * s) % 1.0 for s in draws.samples], dtype=torch.float64)
        chosen = systematic(torch.ones(particles, dtype=torch.float64), places).to(device)
        objective, count = population.objective, 0

        def told(ends: int, x: Tensor, value: Tensor, chance: Tensor, phase: str) -> Iterate:
            facts = {
                "power": population.power, "accepted": float(chance.mean()),
                "misfit": float(objective.squared_residual(value).mean()),
            }  # fmt: skip
            return Iterate(count, ends, x, 3 * count * (self.leapfrog + 1), statistics=facts, phase=phase)

        ends = self.steps_for(1)
        while True:
            if population.done:  # before all powers that were allowed
                ends = count + self.moves + self.settle
            for _ in range(self.moves):
                chance = population.move(self.leapfrog)
                count += 1
                yield told(ends, population.images[chosen], population.value[chosen], chance, "annealing")
            if population.done:
                break
            population.stage()
        chains = Chains(LatentObjective(seen.for_rows(rows), prior), draws.per_row("latent"), population.latent[chosen])
        chains.stage(
            torch.ones(rows, dtype=torch.float64, device=device), chains.objective.metric(chains.latent.float())
        )
        for move in range(self.settle):
            x, value, chance = chains.move(self.leapfrog, adapt=move < self.settle // 2)
            count += 1
            yield told(ends, x, value, chance, "sampling")
