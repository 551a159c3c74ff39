"""The i.i.d. Gaussian sensing matrix of compressed sensing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.operators.base import Operator, OperatorChoice, refuse_if_too_large
from engine.settings import integer

__all__ = ["GaussianMatrix"]


@dataclass(frozen=True)
class GaussianMatrix(OperatorChoice):
    """I.i.d. Gaussian sensing matrix, entries N(0, 1/M), so that tr(A A^T) = N on average."""

    name = "gaussian"
    label = "Gaussian (i.i.d.)"

    measurements: int = integer(
        200, "Measurements", "Number of rows M of the sensing matrix.", unit="rows", low=1, high=10**7
    )

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return self.measurements

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        # float32 matrix, and the float64 copy, Gram matrix and eigenvectors of A A^T
        rows, pixels = self.measurements, math.prod(image_shape)
        return rows * (12 * pixels + 24 * rows)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        from engine.operators.dense import DenseOperator
        from engine.seeds import generator

        rows, pixels = self.measurements, math.prod(image_shape)
        what = f"A {rows:,} x {pixels:,} matrix"
        refuse_if_too_large(self.memory_for(image_shape), what, "ask for fewer measurements or a smaller image")
        matrix = torch.randn((rows, pixels), generator=generator(seed, "matrix")) / math.sqrt(rows)
        return DenseOperator(matrix, image_shape)
