"""Quantizers: scalar, memoryless, declared by their thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.settings import Choice

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Quantizer", "QuantizerChoice", "typical_scale"]

TYPICAL_DEVIATION = 0.35
"""Root-mean-square pixel value that the default ranges assume."""


class Quantizer:
    """Maps z to the number of the cell it falls into: code k for thresholds[k-1] <= z < thresholds[k].

    ``thresholds`` is an increasing float64 tensor (cells - 1,), or None for "not quantized", when codes are z itself.
    The outer cells are half-infinite, and a value on a threshold belongs to the cell above, so sign(0) = +1.
    """

    def __init__(self, thresholds: Tensor | None) -> None:
        if thresholds is not None and bool((thresholds.diff() <= 0).any()):
            raise InputError("The thresholds of a quantizer must increase; sort them and remove repeated ones.")
        self.thresholds = thresholds

    @property
    def is_linear(self) -> bool:
        return self.thresholds is None

    def quantize(self, z: Tensor) -> Tensor:
        """Codes 0 .. cells - 1 (int64), of the shape of z; z itself where nothing is quantized."""
        import torch

        if self.thresholds is None:
            return z
        return torch.bucketize(z.double(), self.thresholds.to(z.device), right=True)

    def cells(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper edges of the cells, float64, of the shape of ``codes``."""
        import torch

        assert self.thresholds is not None, "a linear measurement has no cells"
        edges = torch.cat([torch.tensor([-torch.inf]), self.thresholds.cpu(), torch.tensor([torch.inf])]).double()
        edges = edges.to(codes.device)
        return edges[codes], edges[codes + 1]


def typical_scale(mean_row_norm_squared: float, noise: float) -> float:
    """Standard deviation of A x + n for a typical image: the default range of quantizers follows it, never the data."""
    return math.sqrt(mean_row_norm_squared * TYPICAL_DEVIATION**2 + noise**2)


@dataclass(frozen=True)
class QuantizerChoice(Choice):
    """Settings of a quantizer; :meth:`build` makes it."""

    @property
    def bits_per_measurement(self) -> int | None:
        """None where nothing is quantized."""
        return None

    def build(self, mean_row_norm_squared: float, noise: float) -> Quantizer:
        """The quantizer. Its range may follow the operator's scale and the noise, never the data."""
        raise NotImplementedError
