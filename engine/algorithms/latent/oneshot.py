"""OneShot: one projection of the back-projected bits onto a generator's range (Liu and Scarlett's line of work, 2020-22)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.errors import InputError
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["OneShot"]

LOOKS = 10
"""Iterates of the one projection."""


@dataclass(frozen=True)
class OneShot(AlgorithmChoice):
    """OneShot: the picture of the generator that is nearest to the back-projected measurements."""

    # x = P_G(v |x| / |v|), v = A^T y / m for standard normal A. The authors' code is given the true norm; their theory takes
    # v as it is, for pictures of unit norm. Here everything is about the offset, which is what the bits see.

    name = "oneshot"
    label = "OneShot (one projection)"
    takes: ClassVar = ("generator",)
    leaves_out: ClassVar = False
    rows_are: ClassVar = ESTIMATE

    norm: str = one_of(
        "typical",
        ("typical", "true", "unknown"),
        "Norm",
        "typical: of the prior's pictures; true: of the picture itself, as published; unknown: none, as in the theory.",
    )
    steps: int = integer(100, "Steps", "Of Adam, for the projection.", low=1, high=100_000)
    rate: float = number(0.1, "Rate", "Of Adam.", above=0, high=10, expert=True)
    restarts: int = integer(10, "Restarts", "Latents that the projection starts from.", low=1, high=100)

    def steps_for(self, samples: int) -> int:
        return min(LOOKS, self.steps)

    def work_for(self, samples: int) -> float:
        return 3.0 * self.steps * self.restarts

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        from engine.algorithms.latent.projected import needs_linear

        return needs_linear(self.name, operator, prior)

    def iterates(self, measurement: Measurement, prior: GeneratorPrior, draws: Draws) -> Iterator[Iterate]:
        from engine.algorithms.latent.projected import Range, back_projected

        seen = measurement
        v = back_projected(seen)
        size = v.flatten(1).norm(dim=1).clamp_min(1e-12)
        if self.norm == "true":
            if seen.truth is None:
                raise InputError(
                    "norm=true needs the picture itself, which measurements of your own have not; take typical."
                )
            wanted = (seen.truth - seen.offset).flatten(1).norm(dim=1)
        elif self.norm == "typical":
            about = (prior.mean - seen.offset) ** 2 + prior.variance
            wanted = size.new_full(size.shape, (seen.operator.pixels * about) ** 0.5)
        else:
            wanted = size / seen.operator.rows**0.5  # from columns of unit norm to standard normal entries
        target = seen.offset + v * (wanted / size).reshape(-1, 1, 1, 1)
        within = Range(prior, draws, seen.images, self.restarts, str(seen.device))
        looks, done = self.steps_for(1), 0
        for look in range(1, looks + 1):
            now = self.steps * look // looks - done
            x, loss = within.nearest(target, now, self.rate)
            done += now
            facts = {"distance": float(loss.mean().sqrt())}
            calls = 3 * done * self.restarts
            yield Iterate(look, looks, x, calls, statistics=facts, per_image=True, mean=x, phase="projecting")
