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
        self._count = 0
        self._last: tuple[Tensor, Tensor] | None = None
        self._best: tuple[Tensor, Tensor, Tensor] | None = None
        self._forget: Tensor | None = None

    def _allocate(self, v: Tensor) -> None:
        rows, size = v.shape
        # differences of the residuals, and of points plus residuals: (rows, depth, size); unused ones are zero
        self._residuals = v.new_zeros((rows, self.depth, size))
        self._steps = v.new_zeros((rows, self.depth, size))
        self._gram = v.new_zeros((rows, self.depth, self.depth))

    def _remember(self, v: Tensor, f: Tensor, kept: Tensor) -> None:
        assert self._last is not None
        slot = self._count % self.depth
        self._count += 1
        difference = (f - self._last[1]) * kept
        self._residuals[:, slot] = difference
        self._steps[:, slot] = (v - self._last[0]) * kept + difference
        products = (self._residuals @ difference[:, :, None])[:, :, 0]
        self._gram[:, slot], self._gram[:, :, slot] = products, products

    def next(self, v: Tensor, f: Tensor, done: Tensor) -> Tensor:
        """The point to try after ``v`` (rows, size) with residual ``f``; rows that are ``done`` (rows,) stay where they are."""
        size = f.norm(dim=1, keepdim=True)
        if self._last is None or self._forget is None:
            self._allocate(v)
        else:
            self._remember(v, f, (~self._forget & ~done)[:, None].to(v.dtype))
        best_size, best_v, best_f = self._best or (size, v, f)
        better, worse = size < best_size, size > _WORSE * best_size
        self._best = (
            torch.where(better, size, torch.where(worse, 1.5 * best_size, best_size)),
            torch.where(better, v, best_v),
            torch.where(better, f, best_f),
        )
        step = v + f
        if self._count:
            used = min(self._count, self.depth)
            gram = self._gram[:, :used, :used]
            ridge = _RIDGE * gram.diagonal(dim1=1, dim2=2).mean(1) + _TINY
            gram = gram + ridge[:, None, None] * torch.eye(used, dtype=v.dtype, device=v.device)
            weights = torch.linalg.solve(gram, self._residuals[:, :used] @ f[:, :, None])
            step = step - (weights.mT @ self._steps[:, :used])[:, 0]
        self._forget = worse[:, 0]
        if bool(self._forget.any()):
            step = torch.where(worse, best_v + _CAREFUL * best_f, step)
            for remembered in (self._residuals, self._steps, self._gram):
                remembered[self._forget] = 0
        self._last = (v, f)
        return torch.where(done[:, None], v, step)
