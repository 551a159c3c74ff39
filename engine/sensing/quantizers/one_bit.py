"""The one-bit quantizer: only signs are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.settings import number

if TYPE_CHECKING:
    import numpy as np

__all__ = ["OneBit"]


@dataclass(frozen=True)
class OneBit(QuantizerChoice):
    """One bit: y = sign(A x + n) (QCS-SGM eq. 5). The amplitude of the image is lost; the prior has to supply it.

    Where all rows are non-negative the threshold is the response to mid-grey instead of zero.
    """

    name = "one-bit"
    label = "1 bit (sign)"

    flip: float = number(
        0.0,
        "Bit-flip probability",
        "Probability that a bit is reported wrongly; the likelihood knows it.",
        low=0,
        high=0.49,
    )

    @property
    def bits_per_measurement(self) -> int:
        return 1

    def build(self, levels: Levels) -> Quantizer:
        return Quantizer(self.about(levels.centre, [0.0]), flip=self.flip)

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        import numpy as np

        return np.zeros(1)
