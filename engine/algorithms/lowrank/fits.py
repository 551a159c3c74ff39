"""Data terms of low-rank matrices L R^T, seen from their factors: value, gradient times factor, and the spectral start.

With G the gradient of f by the matrix, G R and G^T L are all that descent needs. f is the noise variance times the data term
in nats (half the squared residual for real values) over ``tau``, the mean eigenvalue of A^T A on matrices, so that it is about
half the squared distance from the matrix that was measured, whatever the operator. Tensors are (batch, parts, side, rank),
float64: ``parts`` matrices an image, which one data term ties together.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from engine.likelihoods.data_term import DataTerm

if TYPE_CHECKING:
    from engine.algorithms.lowrank.sparse_matrices import Places
    from engine.priors.base import LowRankPrior
    from engine.sensing.measurement import Measurement

__all__ = ["EntriesFit", "MatrixFit", "PictureFit", "Pulled", "pseudo_values"]


class Pulled(NamedTuple):
    """f, (batch,), and the products of its gradient with both factors."""

    value: Tensor
    right: Tensor
    """G R, (batch, parts, rows, rank)"""
    left: Tensor
    """G^T L, (batch, parts, columns, rank)"""


class MatrixFit(ABC):
    """f as a function of the factors. ``batch``, ``parts``, ``sides`` say their shapes, ``seen`` how many numbers tell of an
    image."""

    batch: int
    parts: int
    sides: tuple[int, int]
    seen: int
    device: torch.device | str

    @abstractmethod
    def pull(self, left: Tensor, right: Tensor) -> Pulled:
        """Value and products at L = ``left`` (batch, parts, rows, rank), R = ``right`` (batch, parts, columns, rank)."""

    @abstractmethod
    def surprise(self, left: Tensor, right: Tensor) -> Tensor:
        """How badly L R^T predicts these measurements, (batch,), if it was found without them."""

    @abstractmethod
    def part(self, kept: Tensor) -> MatrixFit:
        """The same by some of the measurements: ``kept`` (rows,) of ones and zeros, float64."""

    @abstractmethod
    def start_times(self, right: Tensor) -> Tensor:
        """M R, with M = A^T y / tau what is read of the matrix without any prior."""

    @abstractmethod
    def start_transposed_times(self, left: Tensor) -> Tensor:
        """M^T L."""

    @abstractmethod
    def start_energy(self) -> Tensor:
        """|M|^2, (batch, parts)."""


def pseudo_values(seen: Measurement, level: float) -> Tensor:
    """What was reported of A (x - level) as numbers with the right mean, (images, rows), float64: of a cell its typical
    content, freed from the pull to the centre (Bussgang, 1952)."""
    answer, gain = seen.answer()
    centre, _ = seen.operator.typical_response(seen.offset)
    shape = (1, *seen.operator.image_shape)
    flat = seen.predict(torch.full(shape, level, device=seen.device)).double()
    middle = torch.as_tensor(centre, dtype=torch.float64, device=seen.device) if seen.values is None else 0.0
    return middle + (answer - middle) / gain - flat


class PictureFit(MatrixFit):
    """Any linear operator: the picture is formed, and its gradient cut into matrices."""

    def __init__(self, seen: Measurement, prior: LowRankPrior) -> None:
        self.term, self.prior = DataTerm(seen), prior
        operator = seen.operator
        self.batch, self.device, self.seen = seen.images, seen.device, operator.rows
        gain = float(operator.row_norms_squared().sum()) / operator.pixels
        self.tau = gain / prior.overlap
        back = operator.adjoint(pseudo_values(seen, prior.mean).float()).double() / gain
        self.start = prior.matricise(back)
        self.parts, self.sides = self.start.shape[1], (self.start.shape[2], self.start.shape[3])

    def part(self, kept: Tensor) -> PictureFit:
        other = copy.copy(self)
        other.term = DataTerm(self.term.measurement, kept)
        other.tau = self.tau * float(kept.mean())
        return other

    def picture(self, left: Tensor, right: Tensor) -> Tensor:
        return self.prior.mean + self.prior.depict(left @ right.mT)

    def pull(self, left: Tensor, right: Tensor) -> Pulled:
        value, gradient = self.term.value_and_gradient(self.picture(left, right).float())
        share = self.term.variance / self.tau
        g = self.prior.spread(gradient.double()) * share
        return Pulled((value - self.term.least) * share, g @ right, g.mT @ left)

    def surprise(self, left: Tensor, right: Tensor) -> Tensor:
        return self.term.surprise(self.term.measurement.predict(self.picture(left, right).float()).double())

    def start_times(self, right: Tensor) -> Tensor:
        return self.start @ right

    def start_transposed_times(self, left: Tensor) -> Tensor:
        return self.start.mT @ left

    def start_energy(self) -> Tensor:
        return self.start.square().sum((2, 3))


class EntriesFit(MatrixFit):
    """Completion: single entries were seen, and nothing of the size of the matrix is ever formed.

    ``values`` (batch, entries) are real values, or what ``term`` (a data term whose operator sees the same entries in the
    same order) says of them is what counts.
    """

    def __init__(self, places: Places, values: Tensor, term: DataTerm | None = None, level: float = 0.0) -> None:
        self.places, self.values, self.term, self.level = places, values.double(), term, level
        self.kept: Tensor | None = None
        self.batch, self.seen, self.device = len(values), values.shape[1], values.device
        self.parts, self.sides = places.parts, places.sides
        self.tau = self.seen / (self.parts * self.sides[0] * self.sides[1])

    def part(self, kept: Tensor) -> EntriesFit:
        other = copy.copy(self)
        other.kept, other.tau = kept, self.tau * float(kept.mean())
        if self.term is not None:
            other.term = DataTerm(self.term.measurement, kept)
        return other

    def _slope(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """f (batch,) and its derivative by every entry that was seen (batch, entries)."""
        told = self.places.products(left, right)
        if self.term is None:
            residual = told - self.values if self.kept is None else (told - self.values) * self.kept
            return 0.5 * residual.square().sum(1) / self.tau, residual / self.tau
        value, score = self.term.of_responses(told + self.level)
        share = self.term.variance / self.tau
        return value * share, -score * share

    def pull(self, left: Tensor, right: Tensor) -> Pulled:
        value, slope = self._slope(left, right)
        return Pulled(value, self.places.times(slope, right), self.places.transposed_times(slope, left))

    def surprise(self, left: Tensor, right: Tensor) -> Tensor:
        if self.term is None:
            return self._slope(left, right)[0]
        return self.term.surprise(self.places.products(left, right) + self.level)

    def start_times(self, right: Tensor) -> Tensor:
        return self.places.times(self.values / self.tau, right)

    def start_transposed_times(self, left: Tensor) -> Tensor:
        return self.places.transposed_times(self.values / self.tau, left)

    def start_energy(self) -> Tensor:
        return self.places.by_part((self.values / self.tau).square())
