"""The single-pixel camera: binary patterns of light and one detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.operators.dense_choice import DenseChoice
from engine.settings import flag

if TYPE_CHECKING:
    import torch

__all__ = ["SinglePixel"]


@dataclass(frozen=True)
class SinglePixel(DenseChoice):
    """Single-pixel camera: each measurement is the light of the picture through one random black-and-white pattern."""

    name = "single-pixel"
    label = "Single-pixel camera"

    differential: bool = flag(
        True,
        "Complementary patterns",
        "Each pattern is shown with its negative and the difference is measured, as micromirror cameras do; otherwise the "
        "overall brightness drowns the pattern, which one bit cannot see through.",
        expert=True,
    )

    @property
    def random_like(self) -> bool:
        return self.differential

    @property
    def offset_helps(self) -> bool:
        return self.differential

    # float32 signs, scaled like the other random matrices: tr(A A^T) = N
    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        import torch

        open_ = torch.randint(0, 2, (rows, pixels), generator=draw, dtype=torch.int8).float()
        return (2 * open_ - 1) / math.sqrt(rows) if self.differential else open_ * math.sqrt(2 / rows)
