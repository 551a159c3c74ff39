"""Split Gibbs sampling: draws from the measurements' half and from the prior's half in turn, at a level that falls and holds.

The pair (x, z) has the law p(x) N(z; x, rho^2 I) p(y | z) (Vono et al., 2019; PnP-DM, Wu et al., 2024). z given x is drawn
exactly (:mod:`engine.likelihoods.consistency`), x given z by reverse diffusion from the level rho. As rho falls, x tends to
the posterior; falling slowly lets the chain follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, KnownError, data_view, viewed
from engine.priors.levels import geometric_levels
from engine.settings import flag, integer, number

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["SplitGibbs"]


FALLING = 1
"""Reverse-diffusion steps of a draw from the prior while the level falls."""


@dataclass(frozen=True)
class SplitGibbs(AlgorithmChoice):
    """Split Gibbs: posterior samples for any operator, exact in the measurements, reverse diffusion in the prior."""

    name = "split-gibbs"
    label = "Split Gibbs (PnP-DM)"
    known_error: ClassVar = KnownError(std=(0.73, 1.08), mean=(0, 0.9))

    anneal: int = integer(
        67, "Falling", "Iterations over which the level falls, of two network calls each.", low=1, high=5000
    )
    hold: int = integer(14, "Holding", "Iterations at the last level.", low=0, high=5000)
    level_first: float = number(
        2.0, "First level", "Coupling of picture and measurements at first.", above=0, high=100, expert=True
    )
    level_last: float | None = number(
        None, "Last level", "Coupling at last: the smaller, the less bias and the slower the mixing; auto takes the "
        "measurement's own noise per pixel.", above=0, high=100, expert=True)  # fmt: skip
    denoising: int = integer(
        6,
        "Denoising steps",
        "Reverse-diffusion steps for each draw from the prior at the last level.",
        low=1,
        high=500,
        expert=True,
    )
    unbiased: bool = flag(
        True, "Unbiased", "Takes the noise that the coupling adds off the measurement's own; without it, as published, the "
        "held law has a little more noise than was measured.", expert=True)  # fmt: skip
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return self.anneal + self.hold

    def work_for(self, samples: int) -> float:
        return samples * (self.anneal * (FALLING + 1) + self.hold * (self.denoising + 1))

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.splitting.contrast import NOTE, KeptContrast, spread_of
        from engine.algorithms.splitting.halves import HeldMean, denoising_draw, fine_level
        from engine.likelihoods.consistency import make_consistency

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        half, noise = make_consistency(seen), draws.per_row("split-gibbs")
        last = self.level_last or fine_level(half, prior)
        first = max(min(self.level_first, prior.sigma_max), last)
        levels = geometric_levels(first, last, self.anneal) + [last] * self.hold
        x, calls, held = seen.simple_estimate(), 0, HeldMean(measurement.images)
        # some signs leave the contrast to the network, which has no opinion: what is shown has the one that is typical
        kept = KeptContrast.typical(viewed(measurement, self.data), prior)
        note = "" if kept is None else NOTE
        spread = spread_of(draws.per_row("contrast"), x.device)
        for step, level in enumerate(levels, start=1):
            with torch.no_grad():
                z = half.draw(x, level, noise, unbiased=self.unbiased)
                # while the level falls many short draws follow it better than few long ones; what is kept is drawn well
                draws_of = FALLING if step <= self.anneal else self.denoising
                x, denoised = denoising_draw(prior, z, level, draws_of, noise)
            calls += draws_of + 1
            mean = held.add(denoised) if step > self.anneal or step == len(levels) else None
            shown = (x, denoised, mean) if kept is None else kept.shown(x, denoised, mean, spread)
            yield Iterate(step, len(levels), shown[0], calls, shown[1], {"sigma": level}, mean=shown[2], note=note)
