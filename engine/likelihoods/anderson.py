"""Anderson acceleration of fixed-point iterations, for a batch of independent ones."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Anderson"]

_RIDGE, _TINY = 1e-10, 1e-30
_WORSE, _CAREFUL = 2.0, 0.3


class Anderson:
    """Finds v with f(v) = 0 row by row, given f = step(v) - v at each point asked for (Anderson, 1965; Walker and Ni, 2011).

    The next point is the plain step corrected by the least-squares combination of the last ``depth`` differences. A row
    whose residual grows beyond twice its best goes back there, takes a damped step and forgets its differences.
    """

    def __init__(self, depth: int = 8) -> None:
        self.depth = depth
        self._points: list[Tensor] = []
        self._residuals: list[Tensor] = []
        self._last: tuple[Tensor, Tensor] | None = None
        self._best: tuple[Tensor, Tensor, Tensor] | None = None
        self._forget: Tensor | None = None

    def next(self, v: Tensor, f: Tensor, done: Tensor) -> Tensor:
        """The point to try after ``v`` (rows, size) with residual ``f``; rows that are ``done`` (rows,) stay where they are."""
        size = f.norm(dim=1, keepdim=True)
        if self._last is not None and self._forget is not None:
            kept = (~self._forget & ~done)[:, None].to(v.dtype)
            self._points = [*self._points, (v - self._last[0]) * kept][-self.depth :]
            self._residuals = [*self._residuals, (f - self._last[1]) * kept][-self.depth :]
        if self._best is None:
            self._best = (size, v, f)
        better = size < self._best[0]
        worse = size > _WORSE * self._best[0]
        best_size, best_v, best_f = self._best
        self._best = (
            torch.where(better, size, torch.where(worse, 1.5 * best_size, best_size)),
            torch.where(better, v, best_v),
            torch.where(better, f, best_f),
        )
        step = v + f
        if self._points:
            differences = torch.stack(self._residuals, dim=2)
            gram = differences.mT @ differences
            ridge = _RIDGE * gram.diagonal(dim1=1, dim2=2).mean(1) + _TINY
            gram = gram + ridge[:, None, None] * torch.eye(len(self._points), dtype=v.dtype, device=v.device)
            weights = torch.linalg.solve(gram, differences.mT @ f[:, :, None])
            moves = torch.stack(self._points, dim=2) + differences
            step = step - (moves @ weights)[:, :, 0]
        step = torch.where(worse, best_v + _CAREFUL * best_f, step)
        self._forget = worse[:, 0]
        if bool(self._forget.any()):
            keep = (~self._forget)[:, None].to(v.dtype)
            self._points = [t * keep for t in self._points]
            self._residuals = [t * keep for t in self._residuals]
        self._last = (v, f)
        return torch.where(done[:, None], v, step)
