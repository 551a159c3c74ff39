"""Two grey levels and short edges between them: things of one material in tomography, print, masks."""

from __future__ import annotations

from dataclasses import dataclass

from engine.priors.choice import Shape
from engine.priors.sparsity.choice import SparsityChoice
from engine.priors.sparsity.total_variation import TotalVariation, TotalVariationPrior

__all__ = ["TwoValued"]


@dataclass(frozen=True)
class TwoValued(SparsityChoice):
    """Two grey levels: black and white, nothing beyond them, and short edges between them."""

    # As a convex penalty: total variation, infinite beyond black and white. What pushes grey pixels to either end is not convex,
    # and the algorithm's business.

    name = "two-valued"
    label = "Two grey levels"

    @property
    def level(self) -> float:
        return 0.0

    def make(self, shape: Shape) -> TotalVariationPrior:
        usual = TotalVariation()
        return TotalVariationPrior(usual.iterations, usual.tolerance, bounds=(0.0, 1.0))
