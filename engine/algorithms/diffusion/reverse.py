"""What the methods of reverse diffusion share: from the highest noise level down, a step at each, and a last denoising."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.priors.levels import polynomial_levels
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement

__all__ = ["ReverseDiffusion", "Step", "Stepper", "ancestral", "fresh", "shrunk", "through_network"]


@dataclass(frozen=True)
class Step:
    """Where a step ends: the noisy picture at the next level, the denoised estimate it had, and what there is to tell."""

    x: Tensor
    denoised: Tensor
    statistics: Mapping[str, float] = field(default_factory=dict)
    messages: Mapping[str, Tensor] = field(default_factory=dict)


Stepper = Callable[["Tensor", float, float], Step]
"""From the noisy picture x at the level sigma to the following level: (x, sigma, following) -> Step."""


@dataclass(frozen=True)
class ReverseDiffusion(AlgorithmChoice):
    """Posterior samples by reverse diffusion; :meth:`stepper` says how a step looks at the measurements."""

    takes_gradient: ClassVar[bool] = False
    """Whether a step goes back through the network, which costs two evaluations more."""

    steps: int = integer(100, "Noise levels", "Annealing steps, each with its network evaluations.", low=2, high=5000)
    sigma_first: float = number(
        10.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0, expert=True
    )
    sigma_last: float = number(0.02, "Last noise level", "Where the final denoising happens.", above=0, expert=True)

    def stepper(self, measurement: Measurement, prior: DenoiserPrior, chains: RowGenerators) -> Stepper:
        """The step of this method. ``measurement`` and ``chains`` have one row per sample."""
        raise NotImplementedError

    def calls_per_step(self) -> int:
        return 1

    def steps_for(self, samples: int) -> int:
        return self.steps + 1

    def work_for(self, samples: int) -> float:
        return samples * ((self.calls_per_step() + 2 * self.takes_gradient) * self.steps + 1)

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        seen, chains = measurement.for_rows(len(draws.samples)), draws.per_row(self.name)
        shape, device = seen.operator.image_shape, seen.device
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        x, calls, total = 0.5 + first * chains.normal(shape, device), 0, self.steps + 1
        take = self.stepper(seen, prior, chains)
        levels = polynomial_levels(first, self.sigma_last, self.steps + 1)
        for number_, (sigma, following) in enumerate(itertools.pairwise(levels), start=1):
            with torch.no_grad():
                taken = take(x, sigma, following)
            x, calls = taken.x, calls + self.calls_per_step()
            told = {"sigma": following} | dict(taken.statistics)
            yield Iterate(number_, total, x, calls, taken.denoised, told, messages=taken.messages)
        with torch.no_grad():
            x = prior.denoise(x, self.sigma_last)
        yield Iterate(total, total, x, calls + 1, x, {"sigma": self.sigma_last})


def ancestral(x: Tensor, estimate: Tensor, sigma: float, following: float, chains: RowGenerators) -> Tensor:
    """A draw of the picture at the following level, given it at sigma and the clean picture (DDPM, Ho et al., 2020, eq. 7)."""
    kept = (following / sigma) ** 2
    return estimate + kept * (x - estimate) + following * (1 - kept) ** 0.5 * fresh(x, chains)


def fresh(x: Tensor, chains: RowGenerators) -> Tensor:
    """Standard normal noise of the shape of the rows."""
    return chains.normal(x.shape[1:], x.device)


def shrunk(sigma: float, spread: float) -> float:
    """Deviation of a picture seen through noise sigma, if pictures have the deviation ``spread``."""
    return sigma * spread / (sigma**2 + spread**2) ** 0.5


def through_network(
    prior: DenoiserPrior, x: Tensor, sigma: float, pull: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The denoised estimate D(x), and the gradient in x of a function whose gradient in D is ``pull(D)``."""
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        denoised = prior.denoise(x, sigma)
        # of a sum and not with a given gradient: that would import sympy, of all things, for a second
        weighed = (denoised * pull(denoised.detach()).to(denoised.dtype)).sum()
        (gradient,) = torch.autograd.grad(weighed, x)
    return denoised.detach(), gradient
