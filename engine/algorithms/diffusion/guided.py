"""Reverse diffusion guided by the exact cell likelihood at the denoised estimate."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, likelihood_facts
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, ancestral, shrunk, through_network
from engine.likelihoods import LIKELIHOODS, likelihood_refusal, make_likelihood
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.diagonal import DiagonalLikelihood
    from engine.likelihoods.ep import EpLikelihood
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
            seen: list[Tensor] = []

            def pull(known: Tensor) -> Tensor:
                seen.append(likelihood.score(known, uncertainty))
                return operator.pull_back(known - measurement.offset, seen[-1])

            denoised, gradient = through_network(prior, x, sigma, pull)
            move = sigma**2 * gradient
            facts, messages = likelihood_facts(likelihood)
            kept = (following / sigma) ** 2
            most = (1 + kept) / (1 - kept)
            share = _bearable(likelihood, measurement, denoised, move, seen[-1], uncertainty, most)
            x = ancestral(x, denoised + share * move, sigma, following, chains)
            return Step(x, denoised, facts, messages)

        return take


def _bearable(
    likelihood: DiagonalLikelihood | EpLikelihood, measurement: Measurement, at: Tensor, move: Tensor, score: Tensor,
    uncertainty: float, most: float,
) -> Tensor:  # fmt: skip
    """Share of each ``move`` (batch, c, h, w) of the estimate that keeps the chain stable, (batch, 1, 1, 1), at most 1.

    A move is right where pictures spread about their estimate as ``uncertainty`` says. Where they do so by far more, it goes
    beyond what explains the measurements best along it. The chain follows the estimate by a part 1 - kept of the way: from
    (1 + kept) / (1 - kept) = ``most`` times too far it just comes back, from more it grows without bounds. How far too far is
    told by the secant of the likelihood's slope along the move.
    """
    import torch

    if not measurement.operator.is_linear:
        return torch.ones((len(at), 1, 1, 1), device=at.device)
    along = measurement.predict(at + move).double() - measurement.predict(at).double()
    # a copy: messages of expectation propagation go on from where the chain is, not from where it was tried
    tried = copy.copy(likelihood).score(at + move, uncertainty)
    first, second = ((each.double() * along).sum(1) for each in (score, tried))
    falls = first - second
    beyond = (first > 0) & (falls > most * first)
    share = torch.where(beyond, most * first / falls.clamp_min(1e-300), 1.0)
    return share.to(at.dtype).reshape(-1, 1, 1, 1)
