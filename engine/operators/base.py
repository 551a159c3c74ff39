"""Sensing operators: the contract, and the settings a sensing matrix is chosen by."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.errors import InputError
from engine.settings import Choice

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["GramEigenbasis", "Operator", "OperatorChoice", "refuse_if_too_large"]


@dataclass(frozen=True)
class GramEigenbasis:
    """A A^T = E diag(values) E^T: the eigenvalues (rows,), and E^T z and E w for (batch, rows) tensors."""

    values: Tensor
    analyse: Callable[[Tensor], Tensor]
    synthesise: Callable[[Tensor], Tensor]


class Operator(ABC):
    """A linear map from images (batch, channels, height, width) to measurements (batch, rows)."""

    image_shape: tuple[int, int, int]
    rows: int

    @property
    def pixels(self) -> int:
        """N = channels * height * width."""
        return math.prod(self.image_shape)

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A x, (batch, rows)."""

    @abstractmethod
    def adjoint(self, z: Tensor) -> Tensor:
        """A^T z, (batch, channels, height, width)."""

    @abstractmethod
    def row_norms_squared(self) -> Tensor:
        """Exact squared Euclidean norms of the rows, (rows,)."""

    @abstractmethod
    def memory_usage(self) -> int:
        """Bytes held by the operator."""

    @abstractmethod
    def to(self, device: str) -> Operator:
        """The same operator on a torch device."""

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        """The eigenbasis of A A^T where it can be had, else None."""
        return None


@dataclass(frozen=True)
class OperatorChoice(Choice):
    """Settings of an operator; :meth:`build` makes it. ``fast_eigenbasis``: A A^T is diagonal in a fast basis."""

    fast_eigenbasis: ClassVar[bool] = False

    @property
    def random_like(self) -> bool:
        """Whether A mixes all pixels like a rotation at random: what message passing rests on."""
        return True

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        """Number of measurements of an image of this shape."""
        raise NotImplementedError

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        """Expected mean squared row norm, tr(A A^T) / M, known before building: it sets the scale of A x."""
        return math.prod(image_shape) / self.rows_for(image_shape)

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        """Bytes that :meth:`build` will need, known before anything is allocated."""
        raise NotImplementedError

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        """The operator. The seed fixes its random part; raises InputError where it does not fit in memory."""
        raise NotImplementedError


def refuse_if_too_large(needed: int, what: str, remedy: str) -> None:
    """Raises InputError when ``needed`` bytes exceed four fifths of the memory that is free now."""
    import psutil

    free = psutil.virtual_memory().available
    if needed > 0.8 * free:
        raise InputError(f"{what} needs {needed / 1e9:,.1f} GB but only {free / 1e9:.1f} GB are free; {remedy}.")
