"""Posterior samples of a latent: Hamiltonian or Langevin dynamics with the exact likelihood, corrected by acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.latent.objective import LatentObjective
    from engine.priors.base import GeneratorPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement

__all__ = ["LatentLangevin"]

TARGET = 0.8
"""Share of proposals to be accepted, towards which the step of each row moves while it is tempered."""


@dataclass(frozen=True)
class LatentLangevin(AlgorithmChoice):
    """Latent Langevin: posterior samples of the generator's latent, so a mean, a std and intervals."""

    # Each row is a chain of its own from the prior on. The likelihood is raised to powers that grow to 1 (annealing), the
    # last of them for ``settle`` moves. A move draws a momentum and follows ``leapfrog`` steps (1: Langevin, MALA; more:
    # underdamped, Neal 2011) in coordinates in which the Fisher information plus the prior's is the identity (Girolami and
    # Calderhead, 2011, with the metric held fixed for each power), and is accepted or not by Metropolis' rule.

    name = "latent-langevin"
    label = "Latent Langevin"
    takes: ClassVar = ("generator",)

    powers: int = integer(30, "Powers", "Of the likelihood, from next to nothing to 1.", low=1, high=10_000)
    moves: int = integer(3, "Moves", "At each power before the last.", low=1, high=1000)
    settle: int = integer(40, "Settling moves", "At the full likelihood.", low=1, high=1_000_000, expert=True)
    leapfrog: int = integer(6, "Leapfrog steps", "Of each move; 1 is Langevin dynamics.", low=1, high=1000, expert=True)
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return (self.powers - 1) * self.moves + self.settle

    def work_for(self, samples: int) -> float:
        return 3.0 * samples * self.steps_for(samples) * (self.leapfrog + 1)

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.latent.objective import LatentObjective

        seen = viewed(measurement, self.data).for_rows(len(draws.samples))
        objective = LatentObjective(seen, prior)
        noise = draws.per_row("latent")
        device = str(measurement.device)
        latent = prior.draw_latents(noise, device)
        x, value, _ = objective(latent)
        first = (1 / value.abs().clamp_min(1.0)).clamp_max(1.0)  # where the likelihood weighs as much as one latent
        chain = _Chain(objective, noise, latent)
        steps, count = self.steps_for(1), 0
        for k in range(self.powers):
            power = first ** (1 - k / (self.powers - 1)) if self.powers > 1 else torch.ones_like(first)
            last = k + 1 == self.powers
            chain.stage(power)
            for move in range(self.settle if last else self.moves):
                x, value, accepted = chain.move(self.leapfrog, adapt=not last or move < self.settle // 2)
                count += 1
                facts = {
                    "power": float(power.mean()), "accepted": float(accepted.mean()),
                    "misfit": float(objective.squared_residual(value).mean()),
                }  # fmt: skip
                calls = 3 * count * (self.leapfrog + 1)
                yield Iterate(count, steps, x, calls, statistics=facts, phase="sampling" if last else "annealing")


class _Chain:
    """Rows of latents, each a Markov chain; ``stage`` fixes power and metric, ``move`` leaves that posterior as it is."""

    def __init__(self, objective: LatentObjective, noise: RowGenerators, latent: Tensor) -> None:
        import torch

        self.objective, self.noise, self.latent = objective, noise, latent.double()
        self.step = torch.full((len(latent),), 0.5, dtype=torch.float64, device=latent.device)

    def stage(self, power: Tensor) -> None:
        import torch

        size = self.latent.shape[1]
        fisher = power[:, None, None] * self.objective.metric(self.latent.float())
        factor = torch.linalg.cholesky(fisher + torch.eye(size, dtype=torch.float64, device=fisher.device))
        # z = W u with W W^T the inverse of the metric
        self.wide = torch.linalg.inv(factor).transpose(1, 2)
        self.power = power
        self.x, self.value, self.energy, self.slope = self._at(self.latent)

    def _at(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, -ln p(y | x), potential and its gradient in the whitened coordinates."""
        x, value, gradient = self.objective(latent.float())
        energy = self.power * value + 0.5 * latent.square().sum(1)
        slope = self.power[:, None] * gradient.double() + latent
        return x, value, energy, (self.wide.transpose(1, 2) @ slope[:, :, None])[:, :, 0]

    def move(self, leapfrog: int, adapt: bool) -> tuple[Tensor, Tensor, Tensor]:
        import torch

        device = str(self.latent.device)
        momentum = self.noise.normal(self.latent.shape[1:], device).double()
        # steps of random length: chains that turn back where they began are no samples
        jitter = 0.8 + 0.4 * self.noise.uniform((1,), device).double()
        step = self.step[:, None] * jitter
        before = self.energy + 0.5 * momentum.square().sum(1)
        latent, slope = self.latent, self.slope
        x, value, energy = self.x, self.value, self.energy
        for _ in range(leapfrog):
            momentum = momentum - 0.5 * step * slope
            latent = latent + (self.wide @ (step * momentum)[:, :, None])[:, :, 0]
            x, value, energy, slope = self._at(latent)
            momentum = momentum - 0.5 * step * slope
        after = energy + 0.5 * momentum.square().sum(1)
        chance = (before - after).nan_to_num(-torch.inf, neginf=-torch.inf).clamp_max(0).exp()
        taken = self.noise.uniform((1,), device).double()[:, 0] < chance
        row = taken[:, None]
        self.latent, self.slope = torch.where(row, latent, self.latent), torch.where(row, slope, self.slope)
        self.x = torch.where(taken.reshape(-1, 1, 1, 1), x, self.x)
        self.value, self.energy = torch.where(taken, value, self.value), torch.where(taken, energy, self.energy)
        if adapt:
            self.step = (self.step * torch.exp(0.25 * (chance - TARGET))).clamp(1e-4, 1.2)
        return self.x, self.value, chance
