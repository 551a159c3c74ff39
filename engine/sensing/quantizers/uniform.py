"""The uniform Q-bit quantizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice, rounded
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Uniform", "gaussian_optimal_step"]

# Steps of the uniform quantizer with the least mean squared error for a unit Gaussian (Max, 1960), by bits.
_STEPS = {1: 1.596, 2: 0.9957, 3: 0.5860, 4: 0.3352, 5: 0.1881, 6: 0.1041, 7: 0.0569, 8: 0.0308}


SHARES = tuple(1.1**k for k in range(-26, 3))
"""Of the Gaussian-optimal range, what is tried for the predicted one: the best is flat over ten per cent."""


def gaussian_optimal_step(bits: int) -> float:
    """Step, in standard deviations, of the best uniform quantizer of a Gaussian (Max, 1960)."""
    return _STEPS[bits]


@dataclass(frozen=True)
class Uniform(QuantizerChoice):
    """Uniform Q-bit quantizer, symmetric mid-rise (QCS-SGM eqs. 3 and 4)."""

    name = "uniform"
    label = "Uniform"

    bits: int = integer(2, "Bits", "Bits per measurement Q: 2^Q cells.", unit="bit", low=1, high=8)
    rule: str = one_of(
        "predicted",
        ("predicted", "gaussian", "three-sigma", "optimal"),
        "Range rule",
        "predicted: the step that state evolution predicts to serve the prior best, where the matrix is random-like and the "
        "prior's card tells its errors, else gaussian; gaussian (or optimal): the Gaussian-optimal step times the typical "
        "scale s of measurements, never so wide that cells lie beyond what pictures in [0, 1] give; three-sigma: cells end "
        "at three s on either side.",
        expert=True,
    )
    step: float | None = number(
        None,
        "Step",
        "Width of a cell. auto follows the range rule, where s^2 = mean row norm^2 * 0.35^2 + noise^2 (for non-negative "
        "rows, s is a quarter of the response to white); it is stored with the measurement.",
        above=0,
        expert=True,
    )

    @property
    def in_words(self) -> str:
        return "1 bit" if self.bits == 1 else f"{self.bits} bits"

    @property
    def bits_per_measurement(self) -> int:
        return self.bits

    def candidates(self, levels: Levels) -> list[Uniform]:
        if self.step is not None or self.rule != "predicted" or self.bits == 1:
            return [self]
        return [self.replace(step=rounded(self._gaussian(levels) * share)) for share in SHARES]

    def by_rule(self, levels: Levels) -> Uniform:
        wide = 6 / 2**self.bits * levels.scale if self.rule == "three-sigma" else self._gaussian(levels)
        return self.replace(step=rounded(wide))

    def _gaussian(self, levels: Levels) -> float:
        return min(gaussian_optimal_step(self.bits) * levels.scale, levels.span / 2**self.bits)

    def build(self, levels: Levels) -> Quantizer:
        return Quantizer(self.about(levels.centre, self.settled(levels)._unit(levels)))

    def _unit(self, levels: Levels) -> list[float]:
        """Thresholds about zero."""
        step, half = self.step or self.by_rule(levels).step, 2 ** (self.bits - 1)
        return [k * step for k in range(1 - half, half)]  # type: ignore[operator]

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        import numpy as np

        return np.array(self._unit(levels))
