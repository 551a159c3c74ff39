"""The Lloyd-Max quantizer: thresholds of the least mean squared error for Gaussian measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice, rounded
from engine.sensing.quantizers.uniform import SHARES
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LloydMax", "gaussian_thresholds"]


@lru_cache(maxsize=8)
def gaussian_thresholds(bits: int) -> tuple[float, ...]:
    """Thresholds of the optimal quantizer of a unit Gaussian (Lloyd, 1982; Max, 1960): every threshold is midway between
    the means of the cells beside it. Found by the fixed-point iteration, to 1e-10."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    def density(t: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)

    thresholds = ndtri(np.arange(1, 2**bits) / 2**bits)
    for _ in range(20000):
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        means = (density(edges[:-1]) - density(edges[1:])) / (ndtr(edges[1:]) - ndtr(edges[:-1]))
        better = (means[1:] + means[:-1]) / 2
        moved = float(np.abs(better - thresholds).max())
        thresholds = better
        if moved < 1e-10:
            break
    return tuple(float(t) for t in thresholds)


@dataclass(frozen=True)
class LloydMax(QuantizerChoice):
    """Lloyd-Max quantizer: the thresholds with the least mean squared error for Gaussian measurements."""

    name = "lloyd-max"
    label = "Lloyd-Max"

    bits: int = integer(2, "Bits", "Bits per measurement: 2^bits cells.", unit="bit", low=1, high=8)
    rule: str = one_of(
        "predicted",
        ("predicted", "gaussian"),
        "Range rule",
        "predicted: the scale that state evolution predicts to serve the prior best, where the matrix is random-like and the "
        "prior's card tells its errors, else gaussian; gaussian: that of typical measurements.",
        expert=True,
    )
    scale: float | None = number(
        None,
        "Scale",
        "Standard deviation of the measurements that the thresholds are made for. auto follows the range rule; gaussian takes "
        "s^2 = mean row norm^2 * 0.35^2 + noise^2; the thresholds are stored with the measurement.",
        above=0,
        expert=True,
    )

    @property
    def bits_per_measurement(self) -> int:
        return self.bits

    def candidates(self, levels: Levels) -> list[LloydMax]:
        if self.scale is not None or self.rule != "predicted" or self.bits == 1:
            return [self]
        return [self.replace(scale=rounded(levels.scale * share)) for share in SHARES]

    def by_rule(self, levels: Levels) -> LloydMax:
        return self.replace(scale=rounded(levels.scale))

    def build(self, levels: Levels) -> Quantizer:
        return Quantizer(self.about(levels.centre, self.settled(levels)._unit(levels)))

    def _unit(self, levels: Levels) -> list[float]:
        """Thresholds about zero."""
        return [(self.scale or levels.scale) * t for t in gaussian_thresholds(self.bits)]

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        import numpy as np

        return np.array(self._unit(levels))
