"""Sensing matrices with a chosen number of rows, for all colour channels together or for each by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.operators.base import GramEigenbasis, Operator, OperatorChoice
from engine.settings import integer, one_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CountedChoice", "PerChannel"]


class PerChannel(Operator):
    """The same operator, which measures one channel, on every channel: rows channel by channel."""

    def __init__(self, inner: Operator, channels: int) -> None:
        self.inner, self.channels = inner, channels
        self.image_shape = (channels, *inner.image_shape[1:])
        self.rows = channels * inner.rows

    @property
    def non_negative(self) -> bool:  # type: ignore[override]
        return self.inner.non_negative

    def forward(self, x: Tensor) -> Tensor:
        return self.inner.forward(x.reshape(-1, *self.inner.image_shape)).reshape(len(x), -1)

    def adjoint(self, z: Tensor) -> Tensor:
        return self.inner.adjoint(z.reshape(-1, self.inner.rows)).reshape(-1, *self.image_shape)

    def interpolate(self, z: Tensor) -> Tensor:
        return self.inner.interpolate(z.reshape(-1, self.inner.rows)).reshape(-1, *self.image_shape)

    def row_norms_squared(self) -> Tensor:
        return self.inner.row_norms_squared().repeat(self.channels)

    def memory_usage(self) -> int:
        return self.inner.memory_usage()

    def to(self, device: str) -> PerChannel:
        return PerChannel(self.inner.to(device), self.channels)

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        return self._of_all(self.inner.gram_eigenbasis())

    def nearly_eigenbasis(self) -> GramEigenbasis | None:
        return self._of_all(self.inner.nearly_eigenbasis())

    def _of_all(self, basis: GramEigenbasis | None) -> GramEigenbasis | None:
        if basis is None:
            return None
        rows = self.inner.rows

        def each(change):
            return lambda z: change(z.reshape(-1, rows)).reshape(len(z), -1)

        return GramEigenbasis(
            basis.values.repeat(self.channels), each(basis.analyse), each(basis.synthesise), basis.trivial
        )


@dataclass(frozen=True)
class CountedChoice(OperatorChoice):
    """An operator with a chosen number of rows. Subclasses give :meth:`memory_of` and :meth:`make`."""

    measurements: int = integer(
        200, "Measurements", "Number of rows M of the sensing matrix.", unit="rows", low=1, high=10**8
    )
    colour: str = one_of(
        "joint",
        ("joint", "per-channel"),
        "Colour",
        "One matrix for all channels together (N = C H W, as in the papers), or M rows for each channel by itself.",
        expert=True,
    )

    def _one(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (1, *image_shape[1:]) if self.colour == "per-channel" else image_shape

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        self.check_rows(math.prod(self._one(image_shape)))
        return self.measurements * (image_shape[0] if self.colour == "per-channel" else 1)

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return self.memory_of(math.prod(self._one(image_shape)))

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return self.mean_row_norm_squared_of(math.prod(self._one(image_shape)))

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        self.check_rows(math.prod(self._one(image_shape)))
        built = self.make(self._one(image_shape), seed)
        apart = self.colour == "per-channel" and image_shape[0] > 1
        return PerChannel(built, image_shape[0]) if apart else built

    def check_rows(self, pixels: int) -> None:
        """Raises InputError where so many pixels cannot be measured by so many rows."""

    def mean_row_norm_squared_of(self, pixels: int) -> float:
        """tr(A A^T) / M for so many pixels."""
        return pixels / self.measurements

    def memory_of(self, pixels: int) -> int:
        """Bytes that :meth:`make` needs for so many pixels."""
        raise NotImplementedError

    def make(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        """The operator for images of exactly this shape."""
        raise NotImplementedError
