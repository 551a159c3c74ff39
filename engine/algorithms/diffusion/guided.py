"""Reverse diffusion guided by the exact cell likelihood at the denoised estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, likelihood_facts
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, ancestral, shrunk, through_network
from engine.likelihoods import LIKELIHOODS, likelihood_refusal, make_likelihood
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Guided"]


@dataclass(frozen=True)
class Guided(ReverseDiffusion):
    """Guided diffusion: ancestral sampling with the likelihood score taken at the denoised estimate. Fast."""

    name = "guided"
    label = "Guided diffusion"
    known_error: ClassVar = KnownError(std=(0.81, 0.9), mean=(0.2, 0.4))
    takes_gradient: ClassVar = True

    steps: int = integer(50, "Noise levels", "Each costs one network evaluation and its gradient.", low=2, high=5000)
    spread: float = number(
        0.08,
        "Spread",
        "Standard deviation of the clean image about its denoised estimate, far above the data's own noise level.",
        above=0,
        high=10,
        expert=True,
    )
    likelihood: str = one_of("diagonal", tuple(LIKELIHOODS), "Likelihood", "How the measurements enter.")

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        return likelihood_refusal(self.likelihood, operator, quantizer)

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        likelihood, operator = make_likelihood(self.likelihood, measurement), measurement.operator

        def take(x: Tensor, sigma: float, following: float) -> Step:
            # what A sees about the estimate is as uncertain as a Gaussian of deviation `spread` seen through noise sigma
            uncertainty = shrunk(sigma, self.spread)
            denoised, gradient = through_network(
                prior,
                x,
                sigma,
                lambda known: operator.pull_back(known - measurement.offset, likelihood.score(known, uncertainty)),
            )
            x = ancestral(x, denoised + sigma**2 * gradient, sigma, following, chains)
            return Step(x, denoised, *likelihood_facts(likelihood))

        return take
