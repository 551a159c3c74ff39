"""SIM-DMIS (ICML 2025): one-bit back-projection taken for a noisy picture, inverted to noise and sampled back, all
without randomness."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["SimDmis"]


@dataclass(frozen=True)
class SimDmis(AlgorithmChoice):
    """SIM-DMIS: looks at the measurements once, in a back-projection; the rest is inversion and sampling of the prior."""

    # x = G(G^-1_t(C' A^T y / m)): up the probability-flow equation from the level C / sqrt m at which the back-projection
    # would be a noisy picture, and down again. The scale that bits do not tell is that of typical pictures.

    name = "sim-dmis"
    label = "SIM-DMIS"
    rows_are: ClassVar = ESTIMATE

    up: int = integer(
        50, "Steps up", "Inversion, from the level of the back-projection to the highest.", low=1, high=5000
    )
    down: int = integer(100, "Steps down", "Sampling.", low=1, high=5000)
    level: float = number(
        1.0,
        "Level",
        "C of the paper: the level of the back-projection as a share of what random rows leave.",
        above=0,
        high=100,
        expert=True,
    )
    sigma_first: float = number(
        10.0, "Highest level", "In [0, 1] units; never above the prior's range.", above=0, expert=True
    )

    def steps_for(self, samples: int) -> int:
        return self.up + self.down

    def work_for(self, samples: int) -> float:
        return float(self.up + self.down)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear or not operator.random_like:
            return "sim-dmis needs a random matrix, whose back-projection is the picture plus noise; take plug-and-play"
        return None

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        x, level = self._back_projected(measurement)
        top = max(min(self.sigma_first, prior.sigma_max), level)
        levels = polynomial_levels(level, top, self.up + 1) + polynomial_levels(top, 0.005, self.down)[1:] + [0.0]
        total = self.steps_for(1)
        for step, (now, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.no_grad():
                denoised = prior.denoise(x, now)
                x = denoised + (following / now) * (x - denoised)
            yield Iterate(step, total, x, step, denoised, {"sigma": following}, per_image=True, mean=denoised)

    def _back_projected(self, measurement: Measurement):
        """An unbiased back-projection, (images, c, h, w), and the level of what random rows add to it."""
        operator = measurement.operator
        share = operator.pixels / float(operator.row_norms_squared().sum())
        values, gain = measurement.answer()
        x = share / gain * operator.adjoint(values.float()) + measurement.offset
        # A^T A = I on average, so A^T y differs from x by the random overlaps of rows: |y|^2 / N in each pixel
        power = float(values.square().sum(1).mean()) / gain**2
        level = self.level * share * math.sqrt(power * float(operator.row_norms_squared().mean()) / operator.pixels)
        return x, max(level, 0.01)
