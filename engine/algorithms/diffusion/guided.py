"""Reverse diffusion guided by the exact cell likelihood at the denoised estimate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, likelihood_facts
from engine.likelihoods import LIKELIHOODS, likelihood_refusal, make_likelihood
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Guided"]


@dataclass(frozen=True)
class Guided(AlgorithmChoice):
    """Guided diffusion: ancestral sampling with the likelihood score taken at the denoised estimate. Fast."""

    name = "guided"
    label = "Guided diffusion"
    overconfident: ClassVar = "10 to 20 % too small"

    steps: int = integer(50, "Noise levels", "Each costs one network evaluation and its gradient.", low=2, high=5000)
    spread: float = number(
        0.08,
        "Spread",
        "Standard deviation of the clean image about its denoised estimate, far above the data's own noise level.",
        above=0,
        high=10,
    )
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0)

    likelihood: str = one_of("diagonal", tuple(LIKELIHOODS), "Likelihood", "How the measurements enter.")

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (3 * self.steps + 1)

    def misfit(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        return likelihood_refusal(self.likelihood, operator, quantizer)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        measurement = measurement.for_rows(len(draws.samples))
        likelihood, operator = make_likelihood(self.likelihood, measurement), measurement.operator
        device, shape = measurement.device, measurement.operator.image_shape
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        chains = draws.per_row("guided")
        x = 0.5 + first * chains.normal(shape, device)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            # Variance of a Gaussian of deviation `spread` seen through noise sigma: what A sees about the estimate.
            uncertainty = sigma * self.spread / (sigma**2 + self.spread**2) ** 0.5
            with torch.enable_grad():
                x = x.detach().requires_grad_(True)
                denoised = prior.denoise(x, sigma)
                known = denoised.detach()
                pull = operator.pull_back(known - measurement.offset, likelihood.score(known, uncertainty))
                (gradient,) = torch.autograd.grad(denoised, x, pull)
            with torch.no_grad():
                x, denoised = x.detach(), denoised.detach()
                estimate = denoised + sigma**2 * gradient
                kept = (following / sigma) ** 2
                x = estimate + kept * (x - estimate) + following * (1 - kept) ** 0.5 * chains.normal(shape, device)
            statistics, messages = likelihood_facts(likelihood)
            yield Iterate(
                number_, self.steps + 1, x, number_, denoised, {"sigma": following} | statistics, messages=messages
            )
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, self.steps + 1, x, {"sigma": self.sigma_last})
