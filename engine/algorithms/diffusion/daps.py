"""DAPS (Zhang et al., 2024, arXiv 2407.01521): decoupled annealing. Each level draws a clean picture given the measurements and
covers it with fresh noise of the next level."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.algorithms.base import DATA_VIEWS, AlgorithmChoice, Draws, Iterate, viewed
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Daps"]


@dataclass(frozen=True)
class Daps(AlgorithmChoice):
    """DAPS: a clean picture by the probability-flow equation, drawn towards the measurements, then fresh noise."""

    # The paper draws x0 given the measurements by Langevin dynamics about the estimate, with a deviation r of the order of
    # sigma. Here the draw is exact, and r^2 = sigma^2 s^2 / (sigma^2 + s^2) knows that pictures do not spread for ever.

    name = "daps"
    label = "DAPS"

    steps: int = integer(50, "Noise levels", "Annealing steps.", low=2, high=5000)
    flow: int = integer(3, "Flow steps", "Network evaluations for each clean estimate.", low=1, high=500)
    spread: float = number(
        0.3,
        "Spread",
        "Deviation of the clean picture about its estimate, far above the data's own noise level.",
        above=0,
        high=10,
    )
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "The last annealing level.", above=0)
    data: str = one_of("exact", DATA_VIEWS, "Quantized data", "Their exact likelihood, or codes taken for real values.")

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (self.flow * self.steps + 1)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods.consistency import make_consistency

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        half, shape, device = make_consistency(seen), seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        chains = draws.per_row("daps")
        x = 0.5 + first * chains.normal(shape, device)
        levels, calls = polynomial_levels(first, self.sigma_last, self.steps + 1), 0
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.no_grad():
                clean = self._flow(prior, x, sigma)
                spread = sigma * self.spread / (sigma**2 + self.spread**2) ** 0.5
                drawn = half.draw(clean, spread, chains)
                x = drawn + following * chains.normal(shape, device)
            calls += self.flow
            yield Iterate(number_, self.steps + 1, x, calls, clean, {"sigma": following})
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, calls + 1, x, {"sigma": self.sigma_last})

    def _flow(self, prior: DenoiserPrior, x: Tensor, sigma: float) -> Tensor:
        """The clean picture at the end of the probability-flow equation (Karras et al., 2022), Euler steps."""
        levels = [*polynomial_levels(sigma, max(sigma / 20, 0.005), self.flow), 0.0]
        for now, following in itertools.pairwise(levels):
            denoised = prior.denoise(x, now)
            x = denoised + (following / now) * (x - denoised)
        return x
