"""Pseudo-inverse guided diffusion (PiGDM; Song et al., 2023): guidance weighted by the spread of the denoised estimate."""

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
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Pigdm"]


@dataclass(frozen=True)
class Pigdm(AlgorithmChoice):
    """PiGDM: the likelihood of the denoised estimate with its spread, sigma spread / sqrt(sigma^2 + spread^2), as weight."""

    # `guided` differs in two ways: the correction there is sigma^2 J^T g (Tweedie's formula for the posterior), here it is
    # r^2 J^T g; and steps here may be partly deterministic (DDIM). Quantized data enter by expectation propagation.

    name = "pigdm"
    label = "PiGDM"
    overconfident: ClassVar = "20 to 35 % too small"

    steps: int = integer(100, "Noise levels", "Each costs one network evaluation and its gradient.", low=2, high=5000)
    spread: float = number(
        0.5,
        "Spread",
        "Deviation that clean images are taken to have; 0.5 is the paper's 1 in [-1, 1].",
        above=0,
        high=10,
    )
    eta: float = number(
        1.0, "Randomness", "Share of fresh noise in each step (eta of DDIM): 0 is deterministic.", low=0, high=1
    )
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0)
    data: str = one_of("exact", DATA_VIEWS, "Quantized data", "Their exact likelihood, or codes taken for real values.")

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (3 * self.steps + 1)

    def misfit(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.has_eigenbasis:
            return "pigdm needs the eigenbasis of A A^T, which this operator does not have; take plug-and-play or dps"
        return None

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods import make_likelihood

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        likelihood = make_likelihood("ep", seen)
        operator, shape, device = seen.operator, seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        chains = draws.per_row("pigdm")
        x = 0.5 + first * chains.normal(shape, device)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            spread = sigma * self.spread / (sigma**2 + self.spread**2) ** 0.5
            with torch.enable_grad():
                x = x.detach().requires_grad_(True)
                denoised = prior.denoise(x, sigma)
                known = denoised.detach()
                pull = operator.pull_back(known - seen.offset, likelihood.score(known, spread))
                (gradient,) = torch.autograd.grad(denoised, x, pull)
            with torch.no_grad():
                x, denoised = x.detach(), denoised.detach()
                direction = (x - denoised) / sigma
                fresh = self.eta * following * (1 - (following / sigma) ** 2) ** 0.5
                x = denoised + spread**2 * gradient + (following**2 - fresh**2) ** 0.5 * direction
                x = x + fresh * chains.normal(shape, device)
            yield Iterate(number_, self.steps + 1, x, number_, denoised, {"sigma": following})
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, self.steps + 1, x, {"sigma": self.sigma_last})
