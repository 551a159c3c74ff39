"""DMPS (Meng and Kabashima, 2022, arXiv 2211.12343): reverse diffusion with the noise-perturbed pseudo-likelihood at x_t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, data_view, viewed
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, ancestral
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Dmps"]


@dataclass(frozen=True)
class Dmps(ReverseDiffusion):
    """DMPS: ancestral sampling plus the likelihood score of QCS-SGM at the noisy picture; no gradient of the network."""

    name = "dmps"
    label = "DMPS"
    known_error: ClassVar = KnownError(std=(1.18, 1.43), mean=(0.6, 2.1))

    steps: int = integer(200, "Noise levels", "Each costs one network evaluation.", low=2, high=5000)
    weight: float = number(1.75, "Weight", "Of the likelihood score, lambda of the paper.", above=0, high=100)
    data: str = data_view()

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.has_eigenbasis:
            return "dmps needs the eigenbasis of A A^T, which this operator does not have; take plug-and-play or dps"
        return None

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        from engine.likelihoods import make_likelihood

        seen = viewed(measurement, self.data)
        likelihood, operator = make_likelihood("ep", seen), seen.operator

        def take(x: Tensor, sigma: float, following: float) -> Step:
            denoised = prior.denoise(x, sigma)
            score = operator.pull_back(x - seen.offset, likelihood.score(x, sigma))
            x = ancestral(x, denoised, sigma, following, chains)
            return Step(x + self.weight * (sigma**2 - following**2) * score, denoised)

        return take
