"""DiffPIR (Zhu et al., 2023, arXiv 2305.08995): half-quadratic splitting inside reverse diffusion. Diff-OneBit is the same loop
with gradient steps on the likelihood of the bits (Chen and Liu, 2025, arXiv 2511.12471)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import DATA_VIEWS, AlgorithmChoice, Draws, Iterate, viewed
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.consistency import Consistency
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["DiffOneBit", "DiffPir"]


@dataclass(frozen=True)
class _SplitDiffusion(AlgorithmChoice):
    """D(x, sigma), then towards the measurements, then noise of the next level: part what was there, part fresh."""

    overconfident: ClassVar = "15 to 40 % too small"

    steps: int = integer(100, "Noise levels", "Each costs one network evaluation.", low=2, high=5000)
    weight: float = number(
        0.3, "Weight", "Of the prior, lambda of the paper: the denoised estimate is trusted like sigma^2 / weight.",
        above=0, high=1e6,
    )  # fmt: skip
    fresh: float = number(1.0, "Fresh noise", "Share of fresh noise in each step, zeta of the paper.", low=0, high=1)
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0)

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (self.steps + 1)

    def view(self, measurement: Measurement) -> Measurement:
        return measurement

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        """The denoised estimate, uncertain by rho, moved towards the measurements."""
        raise NotImplementedError

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods.consistency import make_consistency

        seen = self.view(measurement.for_rows(len(draws.samples)))
        half, shape, device = make_consistency(seen), seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        chains = draws.per_row(self.name)
        x = 0.5 + first * chains.normal(shape, device)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.no_grad():
                denoised = prior.denoise(x, sigma)
                estimate = self.towards(half, denoised, sigma / math.sqrt(self.weight))
                direction = (x - estimate) / sigma
                white = chains.normal(shape, device)
                x = estimate + following * (math.sqrt(1 - self.fresh) * direction + math.sqrt(self.fresh) * white)
            yield Iterate(number_, self.steps + 1, x, number_, denoised, {"sigma": following})
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, self.steps + 1, x, {"sigma": self.sigma_last})


@dataclass(frozen=True)
class DiffPir(_SplitDiffusion):
    """DiffPIR: reverse diffusion whose denoised estimate passes through the exact proximal map of the measurements."""

    name = "diffpir"
    label = "DiffPIR"

    data: str = one_of("exact", DATA_VIEWS, "Quantized data", "Their exact likelihood, or codes taken for real values.")

    def view(self, measurement: Measurement) -> Measurement:
        return viewed(measurement, self.data)

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        return half.mode(denoised, rho)


@dataclass(frozen=True)
class DiffOneBit(_SplitDiffusion):
    """Diff-OneBit: reverse diffusion with a few gradient steps on the likelihood of the bits at each level."""

    name = "diff-onebit"
    label = "Diff-OneBit"

    gradients: int = integer(5, "Gradient steps", "On the likelihood, at each noise level.", low=1, high=1000)

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        step = 1 / (half.term.gain() / half.noise + 1 / rho**2)
        x = denoised
        for _ in range(self.gradients):
            x = x - step * (half.term.gradient(x) + (x - denoised) / rho**2)
        return x
