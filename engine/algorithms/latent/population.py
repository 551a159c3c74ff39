"""Latents that go from the prior to the posterior together, so that modes have the weight of their evidence.

A sequential Monte Carlo sampler (Del Moral, Doucet and Jasra, 2006): the likelihood is raised to growing powers, latents are
drawn again by what it gains at each, and moved. A chain by itself ends in the mode that it met first, however little that is
worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.algorithms.latent.hamiltonian import Chains
from engine.algorithms.latent.objective import LatentObjective
from engine.seeds import RowGenerators

if TYPE_CHECKING:
    from engine.priors.base import GeneratorPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Population", "systematic"]

KEPT = 0.9
"""Effective share of the latents that a growth of the power leaves, where as many powers are allowed as that takes."""
FIRST = 32
"""Latents drawn from the prior for each that goes on: they cost no gradient, so that the first power is as large as they bear."""
CHOSEN = 0.5
"""Effective number of them that the first power leaves, for each that goes on. A smaller share than ``KEPT`` saves powers, each
of which adds chance of its own."""
METRICS = 8
"""Latents whose Fisher information is averaged for the moves of all."""


def systematic(weights: Tensor, at: Tensor) -> Tensor:
    """Which of the rows with ``weights`` (rows,), float64, the shares ``at`` in [0, 1) fall on."""
    edges = weights.cumsum(0) / weights.sum()
    return torch.searchsorted(edges, at.to(edges), right=True).clamp_max(len(weights) - 1)


def _effective(logs: Tensor) -> float:
    """Effective share of rows with logarithmic weights (rows,)."""
    weights = torch.softmax(logs, 0)
    return 1 / (len(logs) * float(weights.square().sum()))


class Population:
    """``size`` latents of one image; its measurement has one row. ``power`` grows to 1 in at most ``powers`` stages."""

    def __init__(
        self, measurement: Measurement, prior: GeneratorPrior, noise: RowGenerators, size: int, powers: int
    ) -> None:
        self.prior, self.noise, self.powers = prior, noise, powers
        self.objective = LatentObjective(measurement.for_rows(size), prior)
        self.some = LatentObjective(measurement.for_rows(METRICS), prior)
        self.power, self.stages = 0.0, 0
        many = RowGenerators(noise.generators * (FIRST * size))  # one stream, drawn from in turn
        latent = prior.draw_latents(many, str(measurement.device))
        value = torch.cat([self.objective.value(part) for part in latent.split(size)])
        at = self._grow(value, CHOSEN / FIRST)
        chosen = systematic(torch.softmax(-at * value, 0), self._combed(size))
        self.chains = Chains(self.objective, RowGenerators(noise.generators * size), latent[chosen], pooled=True)
        self._measure()

    def _combed(self, size: int) -> Tensor:
        start = self.noise.uniform((1,))[0, 0].double()
        return (torch.arange(size, dtype=torch.float64) + start) / size

    def _grow(self, value: Tensor, kept: float = KEPT) -> float:
        """Raises the power as far as an effective share ``kept`` is left, and returns by how much."""
        self.stages += 1
        left = 1.0 - self.power
        if self.stages >= self.powers or _effective(-left * value) >= kept:
            self.power = 1.0
            return left
        low, high = 1e-12, left
        for _ in range(40):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if _effective(-middle * value) >= kept else (low, middle)
        # no slower than evenly in the logarithm: the last of the powers allowed is 1
        even = self.power * ((1 / self.power) ** (1 / (self.powers - self.stages + 1)) - 1) if self.power else 0.0
        grown = max(low, even)
        self.power += grown
        return grown

    @property
    def done(self) -> bool:
        return self.power >= 1.0

    @property
    def latent(self) -> Tensor:
        """(size, latent), float64."""
        return self.chains.latent

    @property
    def images(self) -> Tensor:
        return self.chains.x

    @property
    def value(self) -> Tensor:
        """-ln p(y | x) of each, (size,)."""
        return self.chains.value

    def stage(self) -> None:
        """The next power, and the latents drawn again by what it gains."""
        grown = self._grow(self.value)
        chosen = systematic(torch.softmax(-grown * self.value, 0), self._combed(len(self.value)))
        self.chains.latent = self.latent[chosen]
        self._measure()

    def _measure(self) -> None:
        """One metric for all: that of some, so that no latent's move is by a metric of where it is itself."""
        some = self.latent[:: len(self.latent) // METRICS][:METRICS]
        fisher = self.some.metric(some.float()).mean(0, keepdim=True)
        power = torch.full((len(self.latent),), self.power, dtype=torch.float64, device=self.latent.device)
        self.chains.stage(power, fisher)

    def move(self, leapfrog: int) -> Tensor:
        """One move of each; the chance (size,) that it had."""
        return self.chains.move(leapfrog, adapt=True)[2]
