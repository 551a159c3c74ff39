"""BIPG: binary iterative projected gradient over a generator's range (the authors' Quant_CS), and its like for other cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Bipg"]


@dataclass(frozen=True)
class Bipg(AlgorithmChoice):
    """BIPG: steps towards consistent bits, each followed by the nearest picture that the generator makes."""

    # x <- P_G(x + step A^T (y - sign(A x))), the matrix scaled to unit columns, from the centre: a comparison that leaves
    # the scale out starts some ten times too near to it. Distances to the cell stand for y - sign(A x) with more than one
    # bit, and residuals with none (projected gradient descent, Shah and Hegde, 2018).

    name = "bipg"
    label = "BIPG (projected gradient)"
    takes: ClassVar = ("generator",)
    leaves_out: ClassVar = False
    rows_are: ClassVar = ESTIMATE

    iterations: int = integer(15, "Iterations", "Gradient steps, each with a projection.", low=1, high=10_000)
    step: float | None = number(
        None, "Step", "For a matrix of unit columns; the authors take 1.25. auto: bits, the step that begins at the norm typical "
        "of the prior; 1 otherwise.", above=0, high=100, expert=True)  # fmt: skip
    projection: int = integer(
        200, "Projection steps", "Of Adam, for each projection.", low=1, high=100_000, expert=True
    )
    rate: float = number(0.1, "Rate", "Of Adam.", above=0, high=10, expert=True)
    restarts: int = integer(2, "Restarts", "Latents that the projection starts from.", low=1, high=100)

    def steps_for(self, samples: int) -> int:
        return self.iterations

    def work_for(self, samples: int) -> float:
        return 3.0 * self.iterations * self.projection * self.restarts

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        from engine.algorithms.latent.projected import needs_linear

        return needs_linear(self.name, operator, prior)

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        from engine.algorithms.latent.projected import Range, back_projected, signs_of, unit_scale

        seen, device = measurement.with_cells(), str(measurement.device)
        signs, scale = signs_of(seen), unit_scale(seen)
        step = self.step or (1.0 if signs is None else _typical_step(seen, prior))
        within = Range(prior, draws, seen.images, self.restarts, device)
        moved = seen.offset + step * back_projected(seen)
        calls = 0
        for count in range(1, self.iterations + 1):
            x, loss = within.nearest(moved, self.projection, self.rate)
            calls += 3 * self.projection * self.restarts
            residual, wrong = _residual(seen, x, signs)
            pull = scale * (1.0 if signs is not None else scale)
            moved = x + step * pull * seen.operator.adjoint(residual.float())
            facts = {"violated": float(wrong.mean()), "distance": float(loss.mean().sqrt())}
            yield Iterate(
                count, self.iterations, x, calls, statistics=facts, per_image=True, mean=x, phase="projecting"
            )


def _typical_step(seen: Measurement, prior: GeneratorPrior) -> float:
    """The back-projection of the signs of a Gaussian matrix is sqrt(2 m / pi) long along the picture, whatever its norm."""
    size = (seen.operator.pixels * ((prior.mean - seen.offset) ** 2 + prior.variance)) ** 0.5
    return size / (2 * seen.operator.rows / math.pi) ** 0.5


def _residual(seen: Measurement, x: Tensor, signs: Tensor | None) -> tuple[Tensor, Tensor]:
    """What pulls at each measurement (images, rows), and the share that is wrong (images,)."""
    z = seen.predict(x).double()
    if seen.values is not None:
        residual = seen.values.double() - z
        return residual, residual.abs().mean(1)
    assert seen.lower is not None and seen.upper is not None
    wrong = (z < seen.lower).double() + (z > seen.upper).double()
    if signs is not None:
        return 2 * wrong * signs, wrong.mean(1)  # y - sign(A x)
    return z.clamp(seen.lower, seen.upper) - z, wrong.mean(1)
