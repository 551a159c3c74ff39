"""Patterns of a fast transform, as single-pixel cameras show them: the coarse ones first, or some at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.operators.base import Operator, OperatorChoice
from engine.sensing.operators.transform_sizes import check_size
from engine.settings import integer, one_of

if TYPE_CHECKING:
    import torch

__all__ = ["Patterns"]


@dataclass(frozen=True)
class Patterns(OperatorChoice):
    """Patterns: some coefficients of a two-dimensional cosine, Walsh-Hadamard or Haar transform of the picture."""

    name = "patterns"
    label = "Patterns of a transform"

    transform: str = one_of(
        "dct",
        ("dct", "walsh", "haar"),
        "Transform",
        "Cosines, Walsh-Hadamard (sides that are powers of two) or Haar wavelets.",
    )
    measurements: int | None = integer(
        None, "Measurements", "Patterns per colour; auto shows a quarter of all.", unit="rows", low=1, high=10**8
    )
    order: str = one_of("coarse", ("coarse", "random"), "Order", "The coarsest patterns first, or some at random.")
    levels: int = integer(3, "Levels", "Of the Haar wavelets.", low=1, high=20, expert=True)

    @property
    def random_like(self) -> bool:
        return False

    @property
    def orthogonal_rows(self) -> bool:
        return True

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        pixels = math.prod(image_shape[1:])
        check_size(self.transform, (1, *image_shape[1:]), self.levels)
        count = self.measurements or max(1, pixels // 4)
        if count > pixels:
            raise InputError(f"There are only {pixels:,} patterns of this size; give measurements of at most that.")
        return image_shape[0] * count

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return 1.0

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 24 * math.prod(image_shape[1:]) + 64

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        from engine.sensing.operators.per_channel import PerChannel
        from engine.sensing.operators.transform_rows import TransformRows

        one = (1, *image_shape[1:])
        count = self.rows_for(one)
        made = TransformRows(self.transform, self._order(one[1:], seed)[:count], one, levels=self.levels)
        return made if image_shape[0] == 1 else PerChannel(made, image_shape[0])

    def _order(self, size: tuple[int, int], seed: int) -> torch.Tensor:
        """Places of all coefficients, those to be measured first at the front."""
        import torch

        height, width = size
        if self.order == "random":
            from engine.seeds import generator

            return torch.randperm(height * width, generator=generator(seed, "matrix"))
        rows, columns = torch.arange(height)[:, None] / height, torch.arange(width) / width
        if self.transform != "haar":
            return (rows.square() + columns.square()).flatten().argsort(stable=True)
        # by scale, which the nested quarters tell
        return (
            torch.stack([(torch.maximum(rows, columns) >= 2.0**-level).long() for level in range(1, self.levels + 1)])
            .sum(0)
            .flatten()
            .argsort(stable=True)
        )
