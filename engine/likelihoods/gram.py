"""(a I + b A A^T)^-1 r for any linear operator: in the eigenbasis of A A^T where it can be had, by conjugate gradients else."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.sensing.operators import Operator

__all__ = ["GramSolver"]

_ITERATIONS, _TOLERANCE = 200, 1e-6
_LARGE = 1024


class GramSolver:
    """Solves for a batch of right-hand sides (batch, rows), each with its own ``a`` > 0 and ``b`` >= 0, (batch,) float64;
    ``a`` may be (batch, rows) in the eigenbasis, where there is one."""

    def __init__(self, operator: Operator) -> None:
        self.operator, self.basis = operator, operator.gram_eigenbasis()
        self.values = None if self.basis is None else self.basis.values.double().clamp_min(0)
        self._last: Tensor | None = None
        self.near = operator.nearly_eigenbasis() if self.basis is None else self.basis

    def mean_gain(self) -> float:
        """tr(A A^T) / M."""
        return float(self.operator.row_norms_squared().mean())

    def solve(self, r: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Like ``r``, float64."""
        a, b = a.double() if a.ndim == 2 else a.double()[:, None], b.double()[:, None]
        if self.basis is None or self.values is None:
            return self._iterate(r.double(), a, b)
        # the transforms of a large basis are bound by reading it, and float32 halves that
        working = torch.float32 if r.shape[1] > _LARGE else torch.float64
        return self.basis.synthesise((self.basis.analyse(r.to(working)) / (a + b * self.values)).to(working)).double()

    def solve_weighted(self, r: Tensor, noise: Tensor, b: Tensor) -> Tensor:
        """(diag(noise) + b A A^T)^-1 r with a noise of every row, (batch, rows), by conjugate gradients."""
        return self._iterate(r.double(), noise.double(), b.double()[:, None])

    def _iterate(self, r: Tensor, a: Tensor, b: Tensor) -> Tensor:
        def apply(w: Tensor) -> Tensor:
            return a * w + b * self.operator.forward(self.operator.adjoint(w.float())).double()

        def nearly_solve(v: Tensor) -> Tensor:
            if self.near is None:
                return v / (a + b * self.mean_gain())
            level = a.mean(1, keepdim=True)
            scaled = self.near.analyse(v.float()) / (level + b * self.near.values.double().clamp_min(0))
            return self.near.synthesise(scaled.float()).double()

        w = nearly_solve(r)
        rest = r - apply(w)
        if self._last is not None and self._last.shape == r.shape:
            # splittings ask for nearly the same again and again
            again = r - apply(self._last)
            nearer = again.square().sum(1, keepdim=True) < rest.square().sum(1, keepdim=True)
            w, rest = torch.where(nearer, self._last, w), torch.where(nearer, again, rest)
        goal = _TOLERANCE**2 * r.square().sum(1, keepdim=True)
        near = nearly_solve(rest)
        along, size = near, (rest * near).sum(1, keepdim=True)
        for _ in range(_ITERATIONS):
            if bool((rest.square().sum(1, keepdim=True) <= goal).all()):
                break
            pushed = apply(along)
            step = size / (along * pushed).sum(1, keepdim=True).clamp_min(1e-300)
            w, rest = w + step * along, rest - step * pushed
            near = nearly_solve(rest)
            new = (rest * near).sum(1, keepdim=True)
            along, size = near + new / size.clamp_min(1e-300) * along, new
        self._last = w
        return w
