"""What the choices of sparsity priors share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engine.priors.base import Card, SparsityPrior
from engine.priors.choice import PriorChoice, Shape

__all__ = ["SparsityChoice"]

NOMINAL = (1, 64, 64)


@dataclass(frozen=True)
class SparsityChoice(PriorChoice):
    """A sparsity prior by name, for pictures of any size. Subclasses give ``level``, the flat picture that costs nothing and
    the offset that is taken off before measuring, and :meth:`make`."""

    kind: ClassVar[str] = "sparsity"
    any_size: ClassVar[bool] = True
    has_basis: ClassVar[bool] = False
    """Whether the prior has an orthonormal basis: its ``analyse`` and ``synthesise``."""

    @property
    def level(self) -> float:
        return 0.5

    @property
    def image_shape(self) -> Shape:
        return NOMINAL

    @property
    def channels(self) -> tuple[int, ...]:
        return (1, 3)

    @property
    def facts(self) -> dict[str, Any]:
        card = {"name": self.name, "title": self.label, "data": "a formula, not trained", "licence": ""}
        return {"mean": self.level, "image_shape": self.image_shape, "card": card}

    def make(self, shape: Shape) -> SparsityPrior:
        """The prior for images of this shape, on the CPU."""
        raise NotImplementedError

    def load(self, device: str = "cpu", shape: Shape | None = None) -> SparsityPrior:
        prior = self.make(shape or NOMINAL)
        prior.image_shape, prior.mean, prior.variance = shape or NOMINAL, self.level, 0.35**2
        prior.card = Card(self.name, self.label, data="a formula, not trained")
        return prior.to(device)  # type: ignore[return-value]
