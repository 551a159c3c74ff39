"""DMPS (Meng and Kabashima, 2022, arXiv 2211.12343): reverse diffusion with the noise-perturbed pseudo-likelihood at x_t."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.algorithms.base import DATA_VIEWS, AlgorithmChoice, Draws, Iterate, viewed
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Dmps"]


@dataclass(frozen=True)
class Dmps(AlgorithmChoice):
    """DMPS: ancestral sampling plus the likelihood score of QCS-SGM at the noisy picture; no gradient of the network."""

    name = "dmps"
    label = "DMPS"

    steps: int = integer(200, "Noise levels", "Each costs one network evaluation.", low=2, high=5000)
    weight: float = number(1.75, "Weight", "Of the likelihood score, lambda of the paper.", above=0, high=100)
    sigma_first: float = number(10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0)
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0)
    data: str = one_of("exact", DATA_VIEWS, "Quantized data", "Their exact likelihood, or codes taken for real values.")

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * (self.steps + 1)

    def misfit(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.has_eigenbasis:
            return "dmps needs the eigenbasis of A A^T, which this operator does not have; take plug-and-play or dps"
        return None

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods import make_likelihood

        seen = viewed(measurement.for_rows(len(draws.samples)), self.data)
        likelihood = make_likelihood("ep", seen)
        operator, shape, device = seen.operator, seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        chains = draws.per_row("dmps")
        x = 0.5 + first * chains.normal(shape, device)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.no_grad():
                denoised = prior.denoise(x, sigma)
                score = operator.pull_back(x - seen.offset, likelihood.score(x, sigma))
                kept = (following / sigma) ** 2
                white = chains.normal(shape, device)
                x = denoised + kept * (x - denoised) + following * (1 - kept) ** 0.5 * white
                x = x + self.weight * (sigma**2 - following**2) * score
            yield Iterate(number_, self.steps + 1, x, number_, denoised, {"sigma": following})
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(self.steps + 1, self.steps + 1, x, self.steps + 1, x, {"sigma": self.sigma_last})
