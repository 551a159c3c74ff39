"""The one-bit quantizer: only signs are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice, normal_quantiles
from engine.settings import number

if TYPE_CHECKING:
    import numpy as np

__all__ = ["OneBit"]


SPREAD, QUANTILES = 0.5, 12
"""Standard deviation of thresholds other than zero, in that of typical measurements; how many stand for all in predictions."""


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
        expert=True,
    )

    compared: float = number(
        0.0,
        "Rows with a threshold",
        "Share of rows whose bit compares with a random threshold, recorded with the measurement, instead of zero: a few of "
        "them tell the amplitude that signs alone lose.",
        low=0,
        high=1,
        expert=True,
    )

    @property
    def in_words(self) -> str:
        return "1 bit"

    @property
    def bits_per_measurement(self) -> int:
        return 1

    def build(self, levels: Levels) -> Quantizer:
        if not self.compared:
            return Quantizer(self.about(levels.centre, [0.0]), flip=self.flip)
        import torch

        from engine.seeds import generator

        draw = generator(levels.seed, "compared")
        chosen = torch.randperm(levels.rows, generator=draw)[: round(self.compared * levels.rows)]
        thresholds = torch.zeros(levels.rows, dtype=torch.float64)
        thresholds[chosen] = SPREAD * levels.scale * torch.randn(len(chosen), generator=draw, dtype=torch.float64)
        return Quantizer((thresholds + torch.as_tensor(levels.centre, dtype=torch.float64))[:, None], flip=self.flip)

    @property
    def typical_weights(self) -> list[float] | None:
        return [1 - self.compared, *[self.compared / QUANTILES] * QUANTILES] if self.compared else None

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        import numpy as np

        if not self.compared:
            return np.zeros(1)
        unit = normal_quantiles(QUANTILES)
        return np.concatenate([[0.0], SPREAD * levels.scale * unit])[:, None]
