"""What BIPG and OneShot share: the projection onto a generator's range, and the scale of the matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.algorithms.latent.objective import row_energy

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.base import Draws
    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice

__all__ = ["PENALTY", "Range", "back_projected", "needs_linear", "signs_of", "unit_scale"]

PENALTY = 0.001
"""Of |z|^2 in the projection, as both papers' authors have it."""


def needs_linear(name: str, operator: OperatorChoice, prior: PriorChoice) -> str | None:
    """Why a method that applies the adjoint does not take this operator."""
    return None if operator.is_linear else f"{name} needs a linear operator; take csgm"


def unit_scale(measurement: Measurement) -> float:
    """The factor that gives a matrix of equal rows the columns of N(0, 1/m) entries, of unit norm on average."""
    operator = measurement.operator
    return math.sqrt(operator.pixels / (operator.rows * max(row_energy(measurement), 1e-30)))


def signs_of(measurement: Measurement) -> Tensor | None:
    """+1 and -1 where every cell is a half-line (one bit, whatever the thresholds), else None."""
    import torch

    lower, upper = measurement.lower, measurement.upper
    if lower is None or upper is None or not bool((lower.isinf() | upper.isinf()).all()):
        return None
    return torch.where(lower.isinf(), -1.0, 1.0).double()


def back_projected(measurement: Measurement) -> Tensor:
    """A^T y with a matrix of unit columns, about the offset: signs as they are, of other cells what is typical in them."""
    signs = signs_of(measurement)
    if signs is not None:
        return unit_scale(measurement) * measurement.operator.adjoint(signs.float())
    answer = measurement.answer()[0]
    return unit_scale(measurement) ** 2 * measurement.operator.adjoint(answer.float())


class Range:
    """P_G(v) = G(argmin over z of mean (v - G(z))^2 + 0.001 |z|^2): the best of some restarts of Adam. The best goes on from
    where it was the last time, the others begin anew."""

    def __init__(self, prior: GeneratorPrior, draws: Draws, images: int, restarts: int, device: str) -> None:
        from engine.seeds import RowGenerators, generator

        self.prior, self.images, self.restarts = prior, images, restarts
        rows = [generator(draws.seed, "latent", i, r) for i in draws.images for r in range(restarts)]
        self.draws = RowGenerators(rows)
        self.latent = prior.draw_latents(self.draws, device)
        self.best: Tensor | None = None

    def nearest(self, v: Tensor, steps: int, rate: float) -> tuple[Tensor, Tensor]:
        """The images of the range nearest to v (images, c, h, w), and their losses (images,)."""
        import torch

        from engine.priors.generators.fitting import nearest_latents

        rows = v.repeat_interleave(self.restarts, 0)
        if self.best is not None:
            kept = self.latent[self.best]
            self.latent = self.prior.draw_latents(self.draws, str(v.device))
            self.latent[:: self.restarts] = kept
        self.latent, loss = nearest_latents(self.prior, rows, self.latent, steps, rate, PENALTY)
        each = loss.reshape(self.images, self.restarts)
        self.best = each.argmin(1) + torch.arange(self.images, device=v.device) * self.restarts
        with torch.no_grad():
            return self.prior.generate(self.latent[self.best]), each.amin(1)
