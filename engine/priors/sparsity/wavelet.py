"""Few wavelet coefficients: orthonormal wavelet transforms of pictures of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from engine.errors import InputError
from engine.priors.base import SparsityPrior
from engine.priors.choice import Shape
from engine.priors.sparsity.choice import SparsityChoice
from engine.settings import integer, number, text

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Wavelet", "WaveletPrior"]

COARSEST = 4
"""Side of the coarsest level that ``levels=auto`` stops at."""


@lru_cache(maxsize=32)
def _filters(family: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Low- and high-pass synthesis filters of an orthogonal family of PyWavelets."""
    import pywt

    try:
        wavelet = pywt.Wavelet(family)
    except ValueError:
        raise InputError(
            f"family={family} is not a wavelet; give db1, db4, sym4, coif1 or another orthogonal one."
        ) from None
    if not wavelet.orthogonal:
        raise InputError(f"The wavelet '{family}' is not orthogonal; give one of the families db, sym, coif or haar.")
    return tuple(wavelet.rec_lo), tuple(wavelet.rec_hi)


@dataclass(frozen=True)
class Wavelet(SparsityChoice):
    """Few wavelet coefficients: the l1 norm of an orthonormal wavelet transform, colours as brightness and differences."""

    name = "wavelet"
    label = "Few wavelets (l1)"
    has_basis: ClassVar[bool] = True

    family: str = text(
        "db1", "Family", "An orthogonal wavelet of PyWavelets: db1 (Haar, as in the papers), db4, sym4, coif1."
    )
    levels: int | None = integer(
        None, "Levels", "Of the transform; auto stops at 4 pixels a side.", low=1, high=12, expert=True
    )
    level: float = number(
        0.5,
        "Level",
        "Grey level of the flat picture that costs nothing: 0 for bright things on black.",
        low=0,
        high=1,
        expert=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _filters(self.family)

    def make(self, shape: Shape) -> WaveletPrior:
        most = max(1, int(math.log2(max(2, min(shape[1:])))))
        levels = max(1, int(math.log2(max(1.0, min(shape[1:]) / COARSEST)))) if self.levels is None else self.levels
        return WaveletPrior(shape, self.family, min(levels, most), self.level)


class WaveletPrior(SparsityPrior):
    """R(x) = sum |w_i| over the coefficients w of x - mean.

    Signals are taken as periodic; where a side is odd its last sample goes to the coarse half as it is, so that the
    transform is orthonormal for every size. A colour picture is first turned, orthonormally, into brightness and two
    colour differences.
    """

    def __init__(self, image_shape: Shape, family: str = "db1", levels: int = 3, mean: float = 0.5) -> None:
        self.image_shape, self.mean = image_shape, mean
        self.low, self.high = _filters(family)
        self.levels = levels

    def penalty(self, x: Tensor) -> Tensor:
        return self.analyse(x.double()).abs().sum(1)

    def prox(self, x: Tensor, step: Tensor | float, memory: dict | None = None) -> Tensor:
        step = step if isinstance(step, (int, float)) else step.reshape(-1, 1)
        w = self.analyse(x)
        return self.synthesise(w.sign() * (w.abs() - step).clamp_min(0))

    def analyse(self, x: Tensor) -> Tensor:
        w = _colours(x - self.mean)
        height, width = w.shape[-2:]
        for _ in range(self.levels):
            part = self._split(w[..., :height, :width])
            w = w.clone()
            w[..., :height, :width] = self._split(part.mT).mT
            height, width = (height + 1) // 2, (width + 1) // 2
        return w.flatten(1)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        w = coefficients.reshape(-1, *self.image_shape).clone()
        sizes = [w.shape[-2:]]
        for _ in range(self.levels - 1):
            sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))  # type: ignore[arg-type]
        for height, width in reversed(sizes):
            part = self._merge(w[..., :height, :width].mT).mT
            w[..., :height, :width] = self._merge(part)
        return _colours(w, back=True) + self.mean

    def to(self, device: str) -> WaveletPrior:
        return self

    def _split(self, x: Tensor) -> Tensor:
        """One level along the last axis: the coarse half, then the details."""
        import torch

        even = x.shape[-1] // 2 * 2
        if not even:
            return x
        inner = x[..., :even]
        zero = torch.zeros(())
        halves = [sum((h * inner.roll(-i, -1)[..., ::2] for i, h in enumerate(f)), zero) for f in (self.low, self.high)]
        return torch.cat([halves[0], x[..., even:], halves[1]], -1)

    def _merge(self, w: Tensor) -> Tensor:
        """Inverse and transpose of :meth:`_split`."""
        import torch

        half = w.shape[-1] // 2
        if not half:
            return w
        odd = w.shape[-1] % 2
        out = torch.zeros_like(w[..., : 2 * half])
        spread = torch.zeros_like(out)
        for part, f in ((w[..., :half], self.low), (w[..., half + odd :], self.high)):
            spread[..., ::2] = part
            out = out + sum(h * spread.roll(i, -1) for i, h in enumerate(f))
        return torch.cat([out, w[..., half : half + odd]], -1)


def _colours(x: Tensor, back: bool = False) -> Tensor:
    """Colour to orthonormal brightness and colour differences, or back; grey as it is."""
    import torch

    if x.shape[1] != 3:
        return x
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=x.dtype, device=x.device)
    basis = rows / rows.norm(dim=1, keepdim=True)
    return torch.einsum("ji,bjhw->bihw" if back else "ij,bjhw->bihw", basis, x)
