"""A quantizer given by its thresholds."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.settings import text

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Thresholds"]


@dataclass(frozen=True)
class Thresholds(QuantizerChoice):
    """Custom thresholds, in the units of A x: a measurement is the number of the cell between two of them."""

    name = "thresholds"
    label = "Custom thresholds"

    values: str = text("-0.5,0,0.5", "Thresholds", "Increasing numbers, separated by commas, in the units of A x.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.numbers()

    def numbers(self) -> list[float]:
        """The thresholds; raises InputError where they are no increasing finite numbers."""
        try:
            numbers = [float(word) for word in self.values.split(",")]
        except ValueError:
            numbers = [math.nan]
        rising = all(a < b for a, b in itertools.pairwise(numbers))
        if not rising or not all(map(math.isfinite, numbers)) or len(numbers) > 65535:
            raise InputError(f"values={self.values} is not valid: give increasing finite numbers separated by commas.")
        return numbers

    @property
    def in_words(self) -> str:
        return f"{len(self.numbers())} thresholds"

    @property
    def bits_per_measurement(self) -> int:
        return math.ceil(math.log2(len(self.numbers()) + 1))

    def build(self, levels: Levels) -> Quantizer:
        import torch

        return Quantizer(torch.tensor(self.numbers(), dtype=torch.float64))

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        import numpy as np

        return np.array(self.numbers())
