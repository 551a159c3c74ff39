"""Diffusion posterior sampling (Chung et al., 2023, arXiv 2209.14687): a normalised gradient step on the misfit of
the denoised estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import KnownError, data_view, viewed
from engine.algorithms.diffusion.reverse import ReverseDiffusion, Step, Stepper, ancestral, through_network
from engine.settings import number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement

__all__ = ["Dps"]


@dataclass(frozen=True)
class Dps(ReverseDiffusion):
    """DPS: ancestral sampling with a normalised gradient step on the misfit of the denoised estimate."""

    # With real values the misfit is |y - A D|, as published (Algorithm 1, zeta_i = zeta / |y - A D|); for cells it is
    # sqrt(2 noise^2 (-ln p(y | D))), the same where cells are narrow. The steps are those of [-1, 1] and a
    # variance-preserving diffusion, (1 + 4 sigma^2) in these units.

    name = "dps"
    label = "DPS"
    known_error: ClassVar = KnownError(std=(0.59, 0.9), mean=(0.6, 0.9))
    takes_gradient: ClassVar = True

    weight: float = number(0.5, "Step", "Size of the gradient step, zeta of the paper.", above=0, high=1e4)
    data: str = data_view()

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        from engine.likelihoods.data_term import DataTerm

        term = DataTerm(viewed(measurement, self.data))

        def take(x: Tensor, sigma: float, following: float) -> Step:
            misfits: list[Tensor] = []

            def pull(known: Tensor) -> Tensor:
                misfit, slope = term.misfit_and_gradient(known)
                misfits.append(misfit)
                return slope

            denoised, gradient = through_network(prior, x, sigma, pull)
            x = ancestral(x, denoised, sigma, following, chains) - self.weight * (1 + 4 * sigma**2) * gradient
            return Step(x, denoised, {"misfit": float(misfits[0].mean())})

        return take
