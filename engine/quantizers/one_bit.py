"""The one-bit quantizer: only signs are seen."""

from __future__ import annotations

from dataclasses import dataclass

from engine.quantizers.base import Quantizer, QuantizerChoice

__all__ = ["OneBit"]


@dataclass(frozen=True)
class OneBit(QuantizerChoice):
    """One bit: y = sign(A x + n) (QCS-SGM eq. 5). The amplitude of the image is lost; the prior has to supply it."""

    name = "one-bit"
    label = "1 bit (sign)"

    @property
    def bits_per_measurement(self) -> int:
        return 1

    def build(self, mean_row_norm_squared: float, noise: float) -> Quantizer:
        import torch

        return Quantizer(torch.zeros(1, dtype=torch.float64))
