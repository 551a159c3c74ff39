"""Plug-and-play: the exact proximal map of the measurements and the prior's denoiser in turn, at falling noise levels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.priors.levels import geometric_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import Operator

__all__ = ["PlugAndPlay"]

WEIGHT, WEIGHT_OF_ALL, SIGNS_WEIGHT = 0.15, 0.3, 0.6
"""Where there are pixels to fill in, and where there are none; where signs alone are seen. The last level c n, a share c of the
noise n, leaves the share c^2 / (c^2 + weight) of it in x: no more than the denoiser is told of if the weight is at least c - c^2,
a quarter for c = 1/2. Filling in is helped by less (photographs: 0.7 dB), pixels that are all seen are hurt (1 to 6 dB)."""
FIRST, SIGNS_FIRST = 0.3, 0.15
"""Level of the first denoising; of signs alone, whose back-projection has no detail to lose."""


@dataclass(frozen=True)
class PlugAndPlay(AlgorithmChoice):
    """Plug-and-play: one estimate from a couple of dozen network calls. Best for masks, blur and blocks."""

    # Half-quadratic splitting with the schedule of DPIR (Zhang et al., 2021): x = prox of the data term at the level
    # level / sqrt(weight), z = D(x, level). As ADMM (Venkatakrishnan et al., 2013) a scaled dual carries what they disagree on.

    name = "plug-and-play"
    label = "Plug-and-play"
    rows_are: ClassVar = ESTIMATE

    steps: int = integer(24, "Steps", "Each costs one network evaluation and one proximal map.", low=1, high=5000)
    splitting: str = one_of(
        "hqs", ("hqs", "admm"), "Splitting", "Half-quadratic, or with a dual variable (ADMM).", expert=True
    )
    level_first: float | None = number(
        None, "First level", "Noise level of the first denoising; auto takes 0.3, and 0.15 where signs alone are seen.",
        above=0, high=100, expert=True)  # fmt: skip
    level_last: float | None = number(
        None, "Last level", "Noise level of the last denoising; auto takes half the measurement's own noise per pixel.",
        above=0, high=100, expert=True)  # fmt: skip
    weight: float | None = number(
        None, "Weight", "Of the prior: the larger, the smoother. A level of sigma is trusted like sigma^2 / weight. auto takes "
        "0.15, 0.3 where every pixel is seen by itself, and 0.6 where signs alone are seen and the contrast has to be guessed.",
        above=0, high=1e6, expert=True)  # fmt: skip
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return self.steps

    def work_for(self, samples: int) -> float:
        return float(self.steps)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.splitting.contrast import NOTE, KeptContrast
        from engine.likelihoods.consistency import make_consistency

        seen = viewed(measurement, self.data)
        half, kept = make_consistency(seen), KeptContrast.of(seen, prior)
        noise = half.noise_per_pixel()
        last = self.level_last or min(max(0.5 * noise, prior.sigma_min, 1e-3), prior.sigma_max)
        usual = WEIGHT_OF_ALL if _sees_every_pixel(measurement.operator) else WEIGHT
        weight = self.weight or (usual if kept is None else SIGNS_WEIGHT)
        wanted = self.level_first or (FIRST if kept is None else SIGNS_FIRST)
        first = max(min(max(wanted, noise), prior.sigma_max), last)
        z = measurement.simple_estimate()
        dual = torch.zeros_like(z)
        for step, level in enumerate(geometric_levels(first, last, self.steps), start=1):
            with torch.no_grad():
                # every picture in half-open cells is as good a mode: what is expected there is nearer; a dual variable makes up
                # for what a wide proximal map smooths away, and without one photons need their slope
                once = half.mode if self.splitting == "admm" else half.approach
                nearest = once if kept is None else half.mean
                x = nearest(z - dual, level / math.sqrt(weight))
                z = prior.denoise(x + dual, max(level, prior.sigma_min))
                z = z if kept is None else kept.restore(z)
                if self.splitting == "admm":
                    dual = dual + x - z
            apart = float((x - z).square().mean().sqrt())
            statistics = {"sigma": level, "disagreement": apart}
            note = "" if kept is None else NOTE
            yield Iterate(step, self.steps, x, step, z, statistics, per_image=True, mean=z, note=note)


def _sees_every_pixel(operator: Operator) -> bool:
    basis = operator.gram_eigenbasis() if operator.is_linear and operator.rows >= operator.pixels else None
    return basis is not None and basis.trivial
