"""The i.i.d. Gaussian sensing matrix of compressed sensing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.operators.dense_choice import DenseChoice

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["GaussianMatrix"]


@dataclass(frozen=True)
class GaussianMatrix(DenseChoice):
    """I.i.d. Gaussian sensing matrix, entries N(0, 1/M), so that tr(A A^T) = N on average."""

    name = "gaussian"
    label = "Gaussian (i.i.d.)"

    # float32 from the start: it has to be the same numbers however large it is
    def _matrix(self, rows: int, pixels: int, draw: torch.Generator) -> torch.Tensor:
        import torch

        return torch.randn((rows, pixels), generator=draw) / math.sqrt(rows)

    def small_matrix(self, rows: int, pixels: int) -> np.ndarray:
        import numpy as np

        return np.random.default_rng(0).standard_normal((rows, pixels))  # without torch, which takes seconds to come
