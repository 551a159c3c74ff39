"""DPnP: diffusion plug-and-play, a posterior sampler for any operator, linear or not (Xu and Chi, 2024, arXiv 2403.17042).

In turn, at a level eta: the proximal consistency sampler draws x ~ p(y | x) N(x; x_k, eta^2 I) by Metropolis-adjusted Langevin
dynamics, and the denoising diffusion sampler draws from p(x) N(x; x_k, eta^2 I). In the published code the accept/reject step is
left out and the likelihood is over-weighted; here the chain is the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, KnownError, data_view, viewed
from engine.priors.levels import geometric_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Dpnp"]


@dataclass(frozen=True)
class Dpnp(AlgorithmChoice):
    """DPnP: Metropolis-adjusted Langevin in the measurements, a diffusion sampler in the prior, any operator."""

    name = "dpnp"
    label = "DPnP"
    known_error: ClassVar = KnownError(std=(0.59, 1.26), mean=(0.1, 0.7))

    schedule: str = one_of(
        "anneal", ("anneal", "paper"), "Levels", "anneal: fall to the last level and hold; paper: eta = 0.2 four times, then "
        "twelve levels to 0.08 (0.4 and 0.16 for pictures in [-1, 1]), never lower.", expert=True)  # fmt: skip
    anneal: int = integer(16, "Falling", "Iterations over which the level falls.", low=1, high=5000)
    hold: int = integer(8, "Holding", "Iterations at the last level.", low=0, high=5000)
    level_first: float = number(
        0.5, "First level", "Coupling of the two halves at first.", above=0, high=100, expert=True
    )
    level_last: float | None = number(
        None,
        "Last level",
        "Coupling at last; auto takes the measurement's own noise per pixel.",
        above=0,
        high=100,
        expert=True,
    )
    langevin: int = integer(
        100,
        "Langevin steps",
        "For each draw from the measurements; half find the step.",
        low=2,
        high=10**5,
        expert=True,
    )
    sampler: str = one_of(
        "second-order", ("second-order", "ddpm", "ddim"), "Diffusion sampler", "second-order: the program's own reverse "
        "diffusion; ddpm and ddim: the update rules of the paper.", expert=True)  # fmt: skip
    denoising: int = integer(
        5, "Denoising steps", "Network calls less one for each draw from the prior.", low=1, high=5000, expert=True
    )
    data: str = data_view()

    def _iterations(self) -> int:
        return 16 if self.schedule == "paper" else self.anneal + self.hold

    def steps_for(self, samples: int) -> int:
        return self._iterations()

    def work_for(self, samples: int) -> float:
        return samples * self._iterations() * (self.denoising + 1)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.splitting.contrast import NOTE, KeptContrast, spread_of
        from engine.algorithms.splitting.halves import HeldMean, fine_level
        from engine.algorithms.splitting.samplers import DENOISING_SAMPLERS
        from engine.likelihoods.consistency import make_consistency
        from engine.likelihoods.mala import Mala

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        half, noise = make_consistency(seen), draws.per_row("dpnp")
        if self.schedule == "paper":
            levels = [0.2] * 4 + geometric_levels(0.2, 0.08, 12)
        else:
            last = self.level_last or fine_level(half, prior)
            first = max(min(self.level_first, prior.sigma_max), last)
            levels = geometric_levels(first, last, self.anneal) + [last] * self.hold
        denoise = DENOISING_SAMPLERS[self.sampler]
        x, calls, step_size, held = seen.simple_estimate(), 0, None, HeldMean(measurement.images)
        # as split-gibbs shows them
        kept = KeptContrast.typical(viewed(measurement, self.data), prior)
        note = "" if kept is None else NOTE
        spread = spread_of(draws.per_row("contrast"), x.device)
        for step, level in enumerate(levels, start=1):
            with torch.no_grad():
                squared = torch.full((len(x),), level**2, dtype=torch.float64, device=x.device)
                chain = Mala(half.term, x, squared, step_size)
                # from a draw of the Gaussian half: what the measurements do not see is right from the first step
                start = x + level * noise.normal(x.shape[1:], x.device)
                z = chain.run(start, self.langevin, noise)
                x, known = denoise(prior, z, level, self.denoising, noise)
            calls += self.denoising + 1
            mean = held.add(known) if level == levels[-1] else None
            statistics = {"sigma": level, "acceptance": float(chain.acceptance.mean())}
            shown = (x, known, mean) if kept is None else kept.shown(x, known, mean, spread)
            yield Iterate(step, len(levels), shown[0], calls, shown[1], statistics, mean=shown[2], note=note)
