"""PnP-OneBit (arXiv 2610.11834): split Gibbs sampling whose data half is a run of unadjusted Langevin steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, KnownError
from engine.settings import integer, number

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["PnpOneBit"]


@dataclass(frozen=True)
class PnpOneBit(AlgorithmChoice):
    """PnP-OneBit: split Gibbs with Langevin steps on the likelihood of the cells; `split-gibbs` draws exactly instead."""

    # Algorithm 2: rho_k = max(10 * 0.9^k, 0.3) and step 0.01 in [-1, 1], half and a quarter of that here. The step is lowered
    # where the likelihood curves more than the paper's noise of 0.5 lets it.

    name = "pnp-onebit"
    label = "PnP-OneBit"
    known_error: ClassVar = KnownError(std=(1.07, 1.11), mean=(0.2, 0.7))

    iterations: int = integer(50, "Iterations", "Of both halves; the paper takes 100.", low=1, high=5000)
    langevin: int = integer(
        100, "Langevin steps", "For each draw from the measurements.", low=1, high=10**5, expert=True
    )
    step: float = number(
        0.0025,
        "Langevin step",
        "Largest step; it is lowered where it would not be stable.",
        above=0,
        high=10,
        expert=True,
    )
    level_first: float = number(
        5.0, "First level", "In [0, 1] units; never above the prior's range.", above=0, high=100, expert=True
    )
    level_last: float = number(
        0.05, "Last level", "The level falls geometrically and holds here; the paper's is 0.15.", above=0, expert=True
    )
    decay: float = number(0.9, "Decay", "Of the level, from one iteration to the next.", above=0, high=1, expert=True)
    denoising: int = integer(
        4, "Denoising steps", "Network calls less one for each draw from the prior.", low=1, high=500, expert=True
    )

    def steps_for(self, samples: int) -> int:
        return self.iterations

    def work_for(self, samples: int) -> float:
        return samples * self.iterations * (self.denoising + 1)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.splitting.halves import denoising_draw
        from engine.likelihoods.data_term import DataTerm

        seen = measurement.for_rows(len(draws.samples))
        term, noise = DataTerm(seen), draws.per_row("pnp-onebit")
        curvature = term.gain() / term.variance
        x = torch.full((seen.images, *seen.operator.image_shape), prior.mean, device=seen.device)
        z, calls = x, 0
        for number_ in range(1, self.iterations + 1):
            level = max(self.level_first * self.decay**number_, self.level_last)
            level = min(max(level, prior.sigma_min), prior.sigma_max)
            step = min(self.step, 1 / (curvature + 1 / level**2))
            with torch.no_grad():
                for _ in range(self.langevin):
                    white = noise.normal(z.shape[1:], z.device)
                    z = z - step * (term.gradient(z) + (z - x) / level**2) + math.sqrt(2 * step) * white
                x, denoised = denoising_draw(prior, z, level, self.denoising, noise)
            calls += self.denoising + 1
            yield Iterate(number_, self.iterations, x, calls, denoised, {"sigma": level})
