"""Rows of a fast two-dimensional transform, named by their place in it: what single-pixel cameras show as patterns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.errors import InputError
from engine.sensing.operators import orthonormal
from engine.sensing.operators.base import GramEigenbasis, Operator
from engine.sensing.operators.transform_sizes import TRANSFORMS, check_size

__all__ = ["TRANSFORMS", "TransformRows"]

_HALF = math.sqrt(0.5)


class TransformRows(Operator):
    """y = scale * (T x)[index], T an orthonormal transform of pictures of one channel, (1, height, width).

    ``transform``: *hadamard* (natural order), *walsh* (the same in order of sign changes), *dct* (cosines) or *haar*
    (wavelets), each along both sides; ``index`` (rows,) the places in the (height, width) coefficients in C order, each once.
    Haar coefficients lie as ``coeffs_to_array`` of PyWavelets lays them out: ``levels`` times the upper left quarter is split
    into means (upper left) and details across rows (lower left), columns (upper right) and both; a detail is the first of two
    neighbours minus the second, or with ``rising`` the second minus the first, which changes the sign of all but the means and
    the details across both. Raises InputError where a side, a level or an index does not fit.
    """

    def __init__(
        self, transform: str, index: Tensor, image_shape: tuple[int, int, int], scale: float = 1.0, levels: int = 1,
        rising: bool = False,
    ) -> None:  # fmt: skip
        self.transform, self.index, self.image_shape = transform, index.long(), image_shape
        self.scale, self.levels, self.rising, self.rows = float(scale), levels, rising, len(index)
        check_size(transform, self.image_shape, levels)
        if not self.rows or int(index.min()) < 0 or int(index.max()) >= self.pixels:
            raise InputError(
                f"Rows of a transform of {self.pixels:,} pixels are numbered from 0 to {self.pixels - 1:,}."
            )
        if len(index.unique()) < self.rows:
            raise InputError("A row of the transform is named twice; name each once.")

    def forward(self, x: Tensor) -> Tensor:
        picture = x.reshape(-1, *self.image_shape[1:])
        whole = self._haar(picture) if self.transform == "haar" else self._separable(picture)
        return self.scale * whole.flatten(1)[:, self.index]

    def adjoint(self, z: Tensor) -> Tensor:
        whole = z.new_zeros((len(z), self.pixels))
        whole[:, self.index] = self.scale * z
        whole = whole.reshape(-1, *self.image_shape[1:])
        back = self._inverse_haar(whole) if self.transform == "haar" else self._separable(whole, "inverse_")
        return back.reshape(-1, *self.image_shape)

    def _separable(self, picture: Tensor, prefix: str = "") -> Tensor:
        walsh, name = self.transform == "walsh", "dct" if self.transform == "dct" else "hadamard"
        change = getattr(orthonormal, prefix + name)
        for _ in range(2):
            order = sequency(picture.shape[-1]).to(picture.device) if walsh else torch.empty(0)
            if walsh and prefix:
                picture = picture[..., order.argsort()]
            picture = change(picture)
            if walsh and not prefix:
                picture = picture[..., order]
            picture = picture.transpose(-1, -2)
        return picture

    def _haar(self, picture: Tensor) -> Tensor:
        out = picture.clone()
        for level in range(self.levels):
            part = (..., slice(picture.shape[-2] >> level), slice(picture.shape[-1] >> level))
            block = out[part]
            for axis in (-1, -2):
                first, second = block.unflatten(axis, (-1, 2)).unbind(axis)
                detail = second - first if self.rising else first - second
                block = torch.cat([first + second, detail], axis) * _HALF
            out[part] = block
        return out

    def _inverse_haar(self, whole: Tensor) -> Tensor:
        out = whole.clone()
        for level in reversed(range(self.levels)):
            part = (..., slice(whole.shape[-2] >> level), slice(whole.shape[-1] >> level))
            block = out[part]
            for axis in (-2, -1):
                mean, detail = block.chunk(2, axis)
                detail = -detail if self.rising else detail
                block = _interleaved(mean, detail, axis)
            out[part] = block
        return out

    def row_norms_squared(self) -> Tensor:
        return torch.full((self.rows,), self.scale**2, dtype=torch.float64, device=self.index.device)

    def gram_eigenbasis(self) -> GramEigenbasis:
        return GramEigenbasis.of_orthogonal_rows(self.row_norms_squared())

    def memory_usage(self) -> int:
        return self.index.numel() * self.index.element_size()

    def to(self, device: str) -> TransformRows:
        return TransformRows(
            self.transform, self.index.to(device), self.image_shape, self.scale, self.levels, self.rising
        )


def _interleaved(mean: Tensor, detail: Tensor, axis: int) -> Tensor:
    place = mean.ndim + axis
    return torch.stack([mean + detail, mean - detail], place + 1).flatten(place, place + 1) * _HALF


def sequency(n: int) -> Tensor:
    """Numbers of the rows of the Hadamard matrix of size n, a power of two, by their changes of sign: bits of the Gray code of
    k, reversed (Pratt, Kane and Andrews, 1969)."""
    bits = n.bit_length() - 1
    gray = [k ^ (k >> 1) for k in range(n)]
    return torch.tensor([int(format(g, f"0{bits}b")[::-1], 2) if bits else 0 for g in gray])
