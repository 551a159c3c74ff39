"""Sensing operators: the contract, and the settings a sensing matrix is chosen by."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.errors import InputError
from engine.sensing.quantizers.base import Response
from engine.settings import Choice

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

__all__ = ["LARGEST_EIGENBASIS", "GramEigenbasis", "ImagingChoice", "Operator", "OperatorChoice", "refuse_if_too_large"]

TYPICAL_DEVIATION = 0.35
"""Root-mean-square pixel value that typical responses assume."""
LARGEST_EIGENBASIS = 8192
"""Rows up to which a dense A A^T is decomposed."""
LIKELY = 4.0
"""Deviations from its typical value that z hardly exceeds."""
WHITE_SHARE = 0.25
"""Typical deviation of a non-negative row's response, as a share of its response to white."""


@dataclass(frozen=True)
class GramEigenbasis:
    """A A^T = E diag(values) E^T: the eigenvalues (rows,), and E^T z and E w for (batch, rows) tensors.

    ``trivial`` says that E is the identity: the rows are orthogonal, each measurement stands by itself.
    """

    values: Tensor
    analyse: Callable[[Tensor], Tensor]
    synthesise: Callable[[Tensor], Tensor]
    trivial: bool = False

    @classmethod
    def of_orthogonal_rows(cls, row_norms_squared: Tensor) -> GramEigenbasis:
        """The basis where A A^T is diagonal already."""
        return cls(row_norms_squared.float(), lambda z: z, lambda w: w, trivial=True)


class Operator(ABC):
    """A map from images (batch, channels, height, width) to measurements (batch, rows), linear unless it says so."""

    image_shape: tuple[int, int, int]
    rows: int
    is_linear: bool = True
    non_negative: bool = False
    """Whether all entries are at least 0 (masks, blur): then z is centred on the response to mid-grey."""

    @property
    def pixels(self) -> int:
        """N = channels * height * width."""
        return math.prod(self.image_shape)

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A x, (batch, rows)."""

    @abstractmethod
    def adjoint(self, z: Tensor) -> Tensor:
        """A^T z, (batch, channels, height, width). A non-linear operator gives a crude image of z, to look at."""

    def pull_back(self, x: Tensor, z: Tensor) -> Tensor:
        """J(x)^T z with J the Jacobian of the forward map at x; A^T z where that is linear."""
        return self.adjoint(z)

    def interpolate(self, z: Tensor) -> Tensor:
        """The plainest picture of z, (batch, channels, height, width): A^T z, scaled to explain z best."""
        back = self.adjoint(z)
        again = self.forward(back)
        scale = (z * again).sum(1) / again.square().sum(1).clamp_min(1e-30)
        return scale.reshape(-1, 1, 1, 1) * back

    @abstractmethod
    def row_norms_squared(self) -> Tensor:
        """Exact squared Euclidean norms of the rows, (rows,), float64; of a non-linear map, their typical size."""

    def row_norms_squared_at(self, x: Tensor) -> Tensor:
        """Squared norms of the rows of the Jacobian at x, (rows,) or (batch, rows)."""
        return self.row_norms_squared()

    def gain_bound(self) -> float:
        """An upper bound of the largest eigenvalue of J J^T; only non-linear operators are asked for it."""
        raise NotImplementedError

    @abstractmethod
    def memory_usage(self) -> int:
        """Bytes held by the operator."""

    @abstractmethod
    def to(self, device: str) -> Operator:
        """The same operator on a torch device."""

    def gram_eigenbasis(self) -> GramEigenbasis | None:
        """The eigenbasis of A A^T where it can be had, else None."""
        return None

    def nearly_eigenbasis(self) -> GramEigenbasis | None:
        """A basis in which A A^T is nearly diagonal, where a fast one is known and it has no known eigenbasis: what makes
        conjugate gradients converge in few steps."""
        return None

    def rows_of(self, numbers: Tensor) -> Tensor:
        """Some rows of A as pictures, (len(numbers), channels, height, width)."""
        import torch

        picked = torch.zeros((len(numbers), self.rows), device=numbers.device)
        picked[torch.arange(len(numbers)), numbers] = 1.0
        return self.adjoint(picked)

    def coarser(self, side: int) -> tuple[Operator, Callable[[Tensor], Tensor]]:
        """The operator for pictures of about ``side`` pixels or less on their longer side, each a block of pixels, with what
        makes its measurements (batch, rows) of this one's; itself where there is no cheaper one."""
        return self, lambda z: z

    def typical_response(self, offset: float) -> tuple[Tensor | float, float]:
        """Centre (a number or (rows,)) and deviation of A (x - offset) for typical images: what ranges may follow."""
        if not self.non_negative:
            return 0.0, math.sqrt(float(self.row_norms_squared().mean())) * TYPICAL_DEVIATION
        import torch

        device = self.row_norms_squared().device
        white = self.forward(torch.ones((1, *self.image_shape), device=device))[0].double()
        return white * (0.5 - offset), float(white.mean()) * WHITE_SHARE

    def response(self, offset: float) -> Response:
        """What ranges of quantizers may follow."""
        centre, deviation = self.typical_response(offset)
        return Response(deviation, centre, self.response_range(), self._lowest(centre, deviation))

    def _lowest(self, centre: Tensor | float, deviation: float) -> Tensor | float:
        """The least z that is likely: that of a black picture through rows of light, and a few deviations below what is typical
        elsewhere."""
        if not self.is_linear:
            return 0.0
        if not self.non_negative:
            return centre - LIKELY * deviation
        import torch

        device = self.row_norms_squared().device
        white = self.forward(torch.ones((1, *self.image_shape), device=device))[0].double()
        return centre - 0.5 * white

    def laid_out(self, z: Tensor) -> Tensor | None:
        """One measurement (rows,) as the picture (channels, height, width) that it is, not-a-number where nothing was seen;
        None where rows are not places in a picture."""
        return None

    def response_range(self) -> float:
        """Width of the interval that holds A x for every picture in [0, 1], of the row that has the widest; infinite where
        rows have both signs, since their ends are never met."""
        if not self.non_negative:
            return math.inf
        import torch

        return float(self.forward(torch.ones((1, *self.image_shape), device=self.row_norms_squared().device)).max())

    def picture(self) -> Tensor:
        """What it measures, as an image (channels, height, width) in [0, 1]: its first rows side by side, mid-grey 0."""
        import torch

        count = min(self.rows, 9)
        device = self.row_norms_squared().device
        patterns = self.adjoint(torch.eye(count, self.rows, device=device)).cpu()
        largest = patterns.abs().flatten(1).amax(1).clamp_min(1e-30).reshape(-1, 1, 1, 1)
        patterns = patterns / largest if self.non_negative else 0.5 + 0.5 * patterns / largest
        side = math.ceil(math.sqrt(count))
        channels, height, width = self.image_shape
        sheet = torch.ones((channels, side * (height + 1) - 1, side * (width + 1) - 1))
        for i, pattern in enumerate(patterns):
            top, left = (i // side) * (height + 1), (i % side) * (width + 1)
            sheet[:, top : top + height, left : left + width] = pattern
        return sheet


@dataclass(frozen=True)
class OperatorChoice(Choice):
    """Settings of an operator; :meth:`build` makes it. ``is_linear`` as the operator says."""

    is_linear: ClassVar[bool] = True

    @property
    def random_like(self) -> bool:
        """Whether A mixes all pixels like a rotation at random: what message passing rests on."""
        return True

    @property
    def has_eigenbasis(self) -> bool:
        """Whether the eigenbasis of A A^T can be had: a fast transform, or a matrix small enough to decompose."""
        return self.is_linear

    @property
    def orthogonal_rows(self) -> bool:
        """Whether A A^T is diagonal: then the likelihood that takes each measurement by itself is exact."""
        return False

    @property
    def sees_neighbours(self) -> bool:
        """Whether every row sees neighbouring pixels alone."""
        return False

    @property
    def offset_helps(self) -> bool:
        """Whether A (x - offset) keeps the mean brightness from eating the quantizer's range; False for patterns of
        light and masks, whose thresholds are centred on mid-grey instead."""
        return True

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        """Number of measurements of an image of this shape."""
        raise NotImplementedError

    def typical_eigenvalues(self, image_shape: tuple[int, int, int]) -> tuple[float, ...] | None:
        """Some typical eigenvalues of A A^T, known before it is built; None where they are not known, or do not tell
        enough because A is not random-like."""
        return None

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        """Expected mean squared row norm, tr(A A^T) / M, known before building: it sets the scale of A x."""
        return math.prod(image_shape) / self.rows_for(image_shape)

    def response(self, image_shape: tuple[int, int, int]) -> Response:
        """The typical response of a matrix whose rows have both signs, known before it is built."""
        deviation = math.sqrt(self.mean_row_norm_squared(image_shape)) * TYPICAL_DEVIATION
        return Response(deviation, lowest=-LIKELY * deviation)

    def settled(self, image_shape: tuple[int, int, int]) -> Self:
        """This choice with every ``auto`` a number, for images of this shape."""
        return self

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        """Bytes that :meth:`build` will need, known before anything is allocated."""
        raise NotImplementedError

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        """The operator. The seed fixes its random part; raises InputError where it does not fit in memory."""
        raise NotImplementedError


@dataclass(frozen=True)
class ImagingChoice(OperatorChoice):
    """Masks, lenses and diffraction: what a camera does, which mixes pixels in its own way and not at random."""

    @property
    def random_like(self) -> bool:
        return False

    @property
    def sees_neighbours(self) -> bool:
        return True

    @property
    def offset_helps(self) -> bool:
        return False


def refuse_if_too_large(needed: int, what: str, remedy: str) -> None:
    """Raises InputError when ``needed`` bytes exceed four fifths of the memory that is free now."""
    import psutil

    free = psutil.virtual_memory().available
    if needed > 0.8 * free:
        raise InputError(f"{what} needs {needed / 1e9:,.1f} GB but only {free / 1e9:.1f} GB are free; {remedy}.")
