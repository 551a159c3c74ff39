"""Rank-one sensing: y = a^T X b, kept as its factors (Cai and Zhang, "ROP: matrix recovery via rank-one projections", 2015)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.sensing.operators.base import LARGEST_EIGENBASIS, GramEigenbasis, Operator, refuse_if_too_large
from engine.sensing.operators.per_channel import CountedChoice

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RankOne", "RankOneOperator"]


class RankOneOperator(Operator):
    """y_k = sum over channels of a_kc^T X_c b_k, with ``columns`` a (rows, channels, height) and ``lines`` b (rows, width):
    a matrix of rows * channels * height * width entries that needs rows * (channels * height + width) numbers."""

    def __init__(self, columns: Tensor, lines: Tensor) -> None:
        self.columns, self.lines = columns, lines
        self.rows = len(lines)
        self.image_shape = (columns.shape[1], columns.shape[2], lines.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        across = x @ self.lines.to(x.dtype).T
        return (across * self.columns.to(x.dtype).permute(1, 2, 0)).sum((1, 2))

    def adjoint(self, z: Tensor) -> Tensor:
        weighted = z[:, None, None, :] * self.columns.to(z.dtype).permute(1, 2, 0)
        return weighted @ self.lines.to(z.dtype)

    def row_norms_squared(self) -> Tensor:
        return self.columns.double().square().sum((1, 2)) * self.lines.double().square().sum(1)

    def memory_usage(self) -> int:
        return (self.columns.numel() + self.lines.numel()) * self.lines.element_size()

    def to(self, device: str) -> RankOneOperator:
        moved = self.lines.to(device)
        return self if moved is self.lines else RankOneOperator(self.columns.to(device), moved)

    @cached_property
    def _eigenbasis(self) -> GramEigenbasis:
        import torch

        columns, lines = self.columns.double().cpu().flatten(1), self.lines.double().cpu()
        values, vectors = torch.linalg.eigh((columns @ columns.T) * (lines @ lines.T))
        values = values.clamp_min(0).to(self.lines.device, torch.float32)
        vectors = vectors.to(self.lines.device)
        return GramEigenbasis(values, lambda z: z @ vectors.to(z.dtype), lambda w: w @ vectors.to(w.dtype).T)

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        return self._eigenbasis if self.rows <= LARGEST_EIGENBASIS else None


@dataclass(frozen=True)
class RankOne(CountedChoice):
    """Rank-one projections: a random sum of rows times a random sum of columns, in uniform directions, tr(A A^T) = N."""

    name = "rank-one"
    label = "Rank-one projections"

    @property
    def has_eigenbasis(self) -> bool:
        return self.measurements <= LARGEST_EIGENBASIS

    def memory_of(self, pixels: int) -> int:
        # of a square picture; forward and adjoint hold rows * height numbers for each picture
        rows = self.measurements
        return rows * (24 * math.isqrt(pixels) + 8) + (24 * rows * rows if self.has_eigenbasis else 0)

    def make(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        from engine.seeds import generator

        channels, height, width = image_shape
        rows = self.measurements
        what = f"{rows:,} rank-one projections of {channels} x {height} x {width} pixels"
        refuse_if_too_large(self.memory_of(math.prod(image_shape)), what, "give fewer measurements")
        draw = generator(seed, "matrix")
        columns = torch.randn((rows, channels, height), generator=draw)
        lines = torch.randn((rows, width), generator=draw)
        columns *= (channels * height) ** 0.5 / columns.flatten(1).norm(dim=1).reshape(-1, 1, 1)
        lines *= (width / rows) ** 0.5 / lines.norm(dim=1, keepdim=True)
        return RankOneOperator(columns, lines)
