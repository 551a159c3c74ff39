"""No quantizer: the measurement keeps its real values."""

from __future__ import annotations

from dataclasses import dataclass

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice

__all__ = ["NoQuantizer"]


@dataclass(frozen=True)
class NoQuantizer(QuantizerChoice):
    """No quantization: y = A x + n (the linear case)."""

    name = "none"
    label = "None (linear)"

    @property
    def in_words(self) -> str:
        return "no quantizer"

    def build(self, levels: Levels) -> Quantizer:
        return Quantizer(None)
