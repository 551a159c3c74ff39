"""Diffusion posterior sampling (Chung et al., 2023, arXiv 2209.14687): a normalised gradient step on the misfit of
the denoised estimate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import DATA_VIEWS, AlgorithmChoice, Draws, Iterate, viewed
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Dps"]


@dataclass(frozen=True)
class Dps(AlgorithmChoice):
    """DPS: ancestral sampling with a normalised gradient step on the misfit of the denoised estimate."""

    # With real values the misfit is |y - A D|, as published (Algorithm 1, zeta_i = zeta / |y - A D|); for cells it is
    # sqrt(2 noise^2 (-ln p(y | D))), the same where cells are narrow. The steps are those of [-1, 1] and a
    # variance-preserving diffusion, (1 + 4 sigma^2) in these units.

    name = "dps"
    label = "DPS"
    overconfident: ClassVar = "10 to 40 % too small"

    steps: int = integer(100, "Noise levels", "Each costs one network evaluation and its gradient.", low=2, high=5000)
    weight: float = number(0.5, "Step", "Size of the gradient step, zeta of the paper.", above=0, high=1e4)
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0)
    data: str = one_of("exact", DATA_VIEWS, "Quantized data", "Their exact likelihood, or codes taken for real values.")

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (3 * self.steps + 1)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods.data_term import DataTerm

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        term, shape, device = DataTerm(seen), seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        chains = draws.per_row("dps")
        x = 0.5 + first * chains.normal(shape, device)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.enable_grad():
                x = x.detach().requires_grad_(True)
                denoised = prior.denoise(x, sigma)
                misfit, slope = term.misfit_and_gradient(denoised.detach())
                (gradient,) = torch.autograd.grad(denoised, x, slope.to(denoised.dtype))
            with torch.no_grad():
                x, denoised = x.detach(), denoised.detach()
                kept = (following / sigma) ** 2
                x = denoised + kept * (x - denoised) + following * (1 - kept) ** 0.5 * chains.normal(shape, device)
                x = x - self.weight * (1 + 4 * sigma**2) * gradient
            statistics = {"sigma": following, "misfit": float(misfit.mean())}
            yield Iterate(number_, self.steps + 1, x, number_, denoised, statistics)
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, self.steps + 1, x, {"sigma": self.sigma_last})
