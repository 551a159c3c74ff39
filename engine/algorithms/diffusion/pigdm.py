"""Pseudo-inverse guided diffusion (PiGDM; Song et al., 2023): guidance weighted by the spread of the denoised estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, data_view, viewed
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, fresh, shrunk, through_network
from engine.settings import number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Pigdm"]


@dataclass(frozen=True)
class Pigdm(ReverseDiffusion):
    """PiGDM: the likelihood of the denoised estimate with its spread, sigma spread / sqrt(sigma^2 + spread^2), as weight."""

    # `guided` differs in two ways: the correction there is sigma^2 J^T g (Tweedie's formula for the posterior), here it is
    # r^2 J^T g; and steps here may be partly deterministic (DDIM). Quantized data enter by expectation propagation.

    name = "pigdm"
    label = "PiGDM"
    known_error: ClassVar = KnownError(std=(0.66, 0.83), mean=(0.5, 1.2))
    takes_gradient: ClassVar = True

    spread: float = number(
        0.5,
        "Spread",
        "Deviation that clean images are taken to have; 0.5 is the paper's 1 in [-1, 1].",
        above=0,
        high=10,
        expert=True,
    )
    eta: float = number(
        1.0,
        "Randomness",
        "Share of fresh noise in each step (eta of DDIM): 0 is deterministic.",
        low=0,
        high=1,
        expert=True,
    )
    data: str = data_view()

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.has_eigenbasis:
            return "pigdm needs the eigenbasis of A A^T, which this operator does not have; take plug-and-play or dps"
        return None

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        from engine.likelihoods import make_likelihood

        seen = viewed(measurement, self.data)
        likelihood, operator = make_likelihood("ep", seen), seen.operator

        def take(x: Tensor, sigma: float, following: float) -> Step:
            spread = shrunk(sigma, self.spread)
            denoised, gradient = through_network(
                prior, x, sigma, lambda known: operator.pull_back(known - seen.offset, likelihood.score(known, spread))
            )
            direction = (x - denoised) / sigma
            new = self.eta * following * (1 - (following / sigma) ** 2) ** 0.5
            x = denoised + spread**2 * gradient + (following**2 - new**2) ** 0.5 * direction + new * fresh(x, chains)
            return Step(x, denoised)

        return take
