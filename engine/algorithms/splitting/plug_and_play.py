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

__all__ = ["PlugAndPlay"]

WEIGHT, FIRST = 0.15, 0.3
SIGNS_WEIGHT, SIGNS_FIRST = 0.6, 0.15


@dataclass(frozen=True)
class PlugAndPlay(AlgorithmChoice):
    """Plug-and-play: one estimate from a couple of dozen network calls. Best for masks, blur and blocks."""

    # Half-quadratic splitting with the schedule of DPIR (Zhang et al., 2021): x = prox of the data term at the level
    # level / sqrt(weight), z = D(x, level). As ADMM (Venkatakrishnan et al., 2013) a scaled dual carries what they disagree on.

    name = "plug-and-play"
    label = "Plug-and-play"
    rows_are: ClassVar = ESTIMATE

    steps: int = integer(24, "Steps", "Each costs one network evaluation and one proximal map.", low=1, high=5000)
    splitting: str = one_of("hqs", ("hqs", "admm"), "Splitting", "Half-quadratic, or with a dual variable (ADMM).")
    level_first: float | None = number(
        None, "First level", "Noise level of the first denoising; auto takes 0.3, and 0.15 where signs alone are seen.",
        above=0, high=100,
    )  # fmt: skip
    level_last: float | None = number(
        None, "Last level", "Noise level of the last denoising; auto takes half the measurement's own noise per pixel.",
        above=0, high=100,
    )  # fmt: skip
    weight: float | None = number(
        None, "Weight", "Of the prior: the larger, the smoother. A level of sigma is trusted like sigma^2 / weight; auto takes "
        "0.15, and 0.6 where signs alone are seen and the contrast has to be guessed.", above=0, high=1e6,
    )  # fmt: skip
    data: str = data_view()

    def steps_for(self, samples: int) -> int:
        return self.steps

    def work_for(self, samples: int) -> float:
        return float(self.steps)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.splitting.contrast import KeptContrast
        from engine.likelihoods.consistency import make_consistency

        seen = viewed(measurement, self.data)
        half, kept = make_consistency(seen), KeptContrast.of(seen, prior)
        weight = self.weight or (WEIGHT if kept is None else SIGNS_WEIGHT)
        noise = half.noise_per_pixel()
        last = self.level_last or min(max(0.5 * noise, prior.sigma_min, 1e-3), prior.sigma_max)
        wanted = self.level_first or (FIRST if kept is None else SIGNS_FIRST)
        first = max(min(max(wanted, noise), prior.sigma_max), last)
        z = measurement.simple_estimate()
        dual = torch.zeros_like(z)
        for step, level in enumerate(geometric_levels(first, last, self.steps), start=1):
            with torch.no_grad():
                # every picture in half-open cells is as good a mode: what is expected there is a picture nearer to the truth
                towards = half.mode if kept is None else half.mean
                x = towards(z - dual, level / math.sqrt(weight))
                z = prior.denoise(x + dual, max(level, prior.sigma_min))
                z = z if kept is None else kept.restore(z)
                if self.splitting == "admm":
                    dual = dual + x - z
            apart = float((x - z).square().mean().sqrt())
            statistics = {"sigma": level, "disagreement": apart}
            yield Iterate(step, self.steps, x, step, z, statistics, per_image=True, mean=z)
