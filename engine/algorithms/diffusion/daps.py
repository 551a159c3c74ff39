"""DAPS (Zhang et al., 2024, arXiv 2407.01521): decoupled annealing. Each level draws a clean picture given the measurements and
covers it with fresh noise of the next level."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, data_view, viewed
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, fresh, shrunk
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement

__all__ = ["Daps"]


@dataclass(frozen=True)
class Daps(ReverseDiffusion):
    """DAPS: a clean picture by the probability-flow equation, drawn towards the measurements, then fresh noise."""

    # The paper draws x0 given the measurements by Langevin dynamics about the estimate, with a deviation r of the order of
    # sigma. Here the draw is exact, and r^2 = sigma^2 s^2 / (sigma^2 + s^2) knows that pictures do not spread for ever.

    name = "daps"
    label = "DAPS"
    known_error: ClassVar = KnownError(std=(1.13, 1.8), mean=(0.1, 0.4))

    steps: int = integer(50, "Noise levels", "Annealing steps.", low=2, high=5000)
    flow: int = integer(3, "Flow steps", "Network evaluations for each clean estimate.", low=1, high=500, expert=True)
    spread: float = number(
        0.3,
        "Spread",
        "Deviation of the clean picture about its estimate, far above the data's own noise level.",
        above=0,
        high=10,
        expert=True,
    )
    data: str = data_view()

    def calls_per_step(self) -> int:
        return self.flow

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        from engine.likelihoods.consistency import make_consistency

        half = make_consistency(viewed(measurement, self.data))

        def take(x: Tensor, sigma: float, following: float) -> Step:
            clean = self._flow(prior, x, sigma)
            return Step(half.draw(clean, shrunk(sigma, self.spread), chains) + following * fresh(x, chains), clean)

        return take

    def _flow(self, prior: DenoiserPrior, x: Tensor, sigma: float) -> Tensor:
        """The clean picture at the end of the probability-flow equation (Karras et al., 2022), Euler steps."""
        levels = [*polynomial_levels(sigma, max(sigma / 20, 0.005), self.flow), 0.0]
        for now, following in itertools.pairwise(levels):
            denoised = prior.denoise(x, now)
            x = denoised + (following / now) * (x - denoised)
        return x
