"""A sensing matrix that is a pair of somebody's functions, or a LinearOperator of SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError
from engine.seeds import generator
from engine.sensing.operators.base import Operator

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["FunctionOperator"]

EXACT_ROWS, PROBES = 2048, 128
TOLERANCE = 1e-4


class FunctionOperator(Operator):
    """A x and A^T z as functions of one NumPy vector: ``forward`` of (pixels,), pixels in C order of ``image_shape``, gives
    (rows,); ``adjoint`` of (rows,) gives (pixels,), both float64.

    Row norms are exact up to 2,048 rows (one call of ``adjoint`` each) and otherwise estimated by 128 random probes, to about a
    tenth each. Raises InputError where the functions are not adjoint to one another, not linear, or give other shapes.
    """

    def __init__(
        self,
        forward: Callable[[np.ndarray], np.ndarray],
        adjoint: Callable[[np.ndarray], np.ndarray],
        rows: int,
        image_shape: tuple[int, int, int],
    ) -> None:
        self.image_shape, self.rows = image_shape, rows
        self._forward, self._adjoint, self.device = forward, adjoint, torch.device("cpu")
        self._check()
        self._norms = self._find_norms()
        self.non_negative = self._looks_non_negative()

    @classmethod
    def from_scipy(cls, operator: LinearOperator, image_shape: tuple[int, int, int]) -> FunctionOperator:
        """Of anything with ``matvec``, ``rmatvec`` and ``shape`` (rows, pixels)."""
        if operator.shape[1] != math.prod(image_shape):
            raise InputError(
                f"The operator has {operator.shape[1]:,} columns but pictures of shape {tuple(image_shape)} have "
                f"{math.prod(image_shape):,} pixels; it needs one column per pixel."
            )
        return cls(operator.matvec, operator.rmatvec, operator.shape[0], image_shape)

    def _each(self, function: Callable, vectors: Tensor, size: int, what: str) -> Tensor:
        found = []
        for vector in vectors.detach().cpu().double().numpy():
            out = np.asarray(function(vector), np.float64).reshape(-1)
            if len(out) != size:
                raise InputError(f"The {what} function of the operator gives {len(out):,} numbers, not {size:,}.")
            found.append(out)
        stacked = torch.from_numpy(np.stack(found)) if found else torch.zeros((0, size), dtype=torch.float64)
        return stacked.to(vectors.device, vectors.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self._each(self._forward, x.reshape(len(x), -1), self.rows, "forward")

    def adjoint(self, z: Tensor) -> Tensor:
        return self._each(self._adjoint, z, self.pixels, "adjoint").reshape(-1, *self.image_shape)

    def _check(self) -> None:
        draw = generator(0, "functions")
        x = torch.randn((2, self.pixels), generator=draw, dtype=torch.float64).reshape(2, *self.image_shape)
        z = torch.randn((1, self.rows), generator=draw, dtype=torch.float64)
        seen, back = self.forward(x), self.adjoint(z)
        if not bool(torch.isfinite(seen).all() and torch.isfinite(back).all()):
            raise InputError("The functions of the operator give numbers that are not finite.")
        both = self.forward(x[:1] - 2 * x[1:])[0]
        if float((both - seen[0] + 2 * seen[1]).norm()) > TOLERANCE * float(both.norm()) + 1e-30:
            raise InputError(
                "The forward function of the operator is not linear; give A x alone, with no offset in it."
            )
        here, there = float(seen[0] @ z[0]), float((x[0] * back[0]).sum())
        if abs(here - there) > TOLERANCE * float(seen[0].norm() * z[0].norm()):
            raise InputError("The adjoint function of the operator is not that of its forward function; give A^T z.")

    def _find_norms(self) -> Tensor:
        if self.rows <= EXACT_ROWS:
            parts = torch.eye(self.rows, dtype=torch.float64).split(64)
            return torch.cat([self.adjoint(part).flatten(1).square().sum(1) for part in parts])
        signs = torch.randint(0, 2, (PROBES, self.pixels), generator=generator(0, "norms")) * 2.0 - 1
        return self.forward(signs.double().reshape(-1, *self.image_shape)).square().mean(0)

    def _looks_non_negative(self) -> bool:
        """Whether no entry is below 0 in the rows looked at: all up to 64, a random 64 of more."""
        some = torch.randperm(self.rows, generator=generator(0, "rows"))[:64]
        picked = torch.zeros((len(some), self.rows), dtype=torch.float64)
        picked[torch.arange(len(some)), some] = 1.0
        rows = self.adjoint(picked)
        return bool((rows >= -1e-9 * rows.abs().max()).all())

    def row_norms_squared(self) -> Tensor:
        return self._norms

    def memory_usage(self) -> int:
        return self._norms.numel() * self._norms.element_size()

    def to(self, device: str) -> FunctionOperator:
        self._norms = self._norms.to(device)
        return self
