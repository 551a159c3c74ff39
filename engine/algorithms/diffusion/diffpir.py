"""DiffPIR (Zhu et al., 2023, arXiv 2305.08995): half-quadratic splitting inside reverse diffusion. Diff-OneBit is the same loop
with gradient steps on the likelihood of the bits (Chen and Liu, 2025, arXiv 2511.12471)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, data_view, viewed
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, fresh
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.consistency import Consistency
    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement

__all__ = ["DiffOneBit", "DiffPir"]


@dataclass(frozen=True)
class _SplitDiffusion(ReverseDiffusion):
    """D(x, sigma), then towards the measurements, then noise of the next level: part what was there, part fresh."""

    known_error: ClassVar = KnownError(std=(0.34, 0.76), mean=(0.2, 0.3))

    weight: float = number(
        0.3, "Weight", "Of the prior, lambda of the paper: the denoised estimate is trusted like sigma^2 / weight.",
        above=0, high=1e6,
    )  # fmt: skip
    fresh: float = number(
        1.0, "Fresh noise", "Share of fresh noise in each step, zeta of the paper.", low=0, high=1, expert=True
    )

    def view(self, measurement: Measurement) -> Measurement:
        return measurement

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        """The denoised estimate, uncertain by rho, moved towards the measurements."""
        raise NotImplementedError

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        from engine.likelihoods.consistency import make_consistency

        half = make_consistency(self.view(measurement))

        def take(x: Tensor, sigma: float, following: float) -> Step:
            denoised = prior.denoise(x, sigma)
            estimate = self.towards(half, denoised, sigma / math.sqrt(self.weight))
            direction = (x - estimate) / sigma
            noise = math.sqrt(1 - self.fresh) * direction + math.sqrt(self.fresh) * fresh(x, chains)
            return Step(estimate + following * noise, denoised)

        return take


@dataclass(frozen=True)
class DiffPir(_SplitDiffusion):
    """DiffPIR: reverse diffusion whose denoised estimate passes through the exact proximal map of the measurements."""

    name = "diffpir"
    label = "DiffPIR"

    data: str = data_view()

    def view(self, measurement: Measurement) -> Measurement:
        return viewed(measurement, self.data)

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        return half.approach(denoised, rho)


@dataclass(frozen=True)
class DiffOneBit(_SplitDiffusion):
    """Diff-OneBit: reverse diffusion with a few gradient steps on the likelihood of the bits at each level."""

    name = "diff-onebit"
    label = "Diff-OneBit"

    gradients: int = integer(
        5, "Gradient steps", "On the likelihood, at each noise level.", low=1, high=1000, expert=True
    )

    def towards(self, half: Consistency, denoised: Tensor, rho: float) -> Tensor:
        step = 1 / (half.term.gain() / half.term.variance + 1 / rho**2)
        x = denoised
        for _ in range(self.gradients):
            x = x - step * (half.term.gradient(x) + (x - denoised) / rho**2)
        return x
