"""Few pixels differ from the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.priors.base import SparsityPrior
from engine.priors.choice import Shape
from engine.priors.sparsity.choice import SparsityChoice
from engine.settings import flag

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Pixels", "PixelsPrior"]


@dataclass(frozen=True)
class Pixels(SparsityChoice):
    """Few pixels are not black: the l1 norm of the picture, which is the Lasso as it is published."""

    name = "pixels"
    label = "Few bright pixels (l1)"
    level = 0.0
    has_basis: ClassVar[bool] = True

    non_negative: bool = flag(
        False, "Non-negative", "No pixel is below black, which pictures never are; not in the papers."
    )

    def make(self, shape: Shape) -> PixelsPrior:
        return PixelsPrior(self.non_negative)


class PixelsPrior(SparsityPrior):
    """R(x) = sum |x_i|; with ``non_negative`` infinite where a pixel is below 0."""

    def __init__(self, non_negative: bool = False) -> None:
        self.non_negative = non_negative

    def penalty(self, x: Tensor) -> Tensor:
        return x.double().abs().flatten(1).sum(1)

    def prox(self, x: Tensor, step: Tensor | float, memory: dict | None = None) -> Tensor:
        step = step if isinstance(step, (int, float)) else step.reshape(-1, 1, 1, 1)
        kept = (x.abs() - step).clamp_min(0)
        return kept * (x > 0) if self.non_negative else kept * x.sign()

    def analyse(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        return coefficients.reshape(-1, *self.image_shape)

    def to(self, device: str) -> PixelsPrior:
        return self
