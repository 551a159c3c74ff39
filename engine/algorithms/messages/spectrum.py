"""Which spatial frequencies a matrix sees better than others, and the change of variables after which it sees all alike.

A matrix that mixes pixels at random sees all frequencies alike, so that the extrinsic message of the linear module is the
picture plus white noise. Rows that are correlated see coarse structure better. With E_k the energy of A in the cosine pattern k,
mean 1, and C = diag(E) in the cosine basis, A C^-1/2 is such a matrix of u = C^1/2 x: message passing is that of u, whose
message has white noise, and x = C^-1/2 u has noise of the variance v / E_k in the pattern k.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.sensing.operators import GramEigenbasis, Operator
from engine.sensing.operators.base import LARGEST_EIGENBASIS
from engine.sensing.operators.dense import DenseOperator, eigenbasis_of
from engine.sensing.operators.orthonormal import dct, inverse_dct

__all__ = ["Spectrum", "analyse", "spectrum_of", "synthesise"]

_AT_ONCE = 1 << 22
_ALIKE = 1.5
"""Deviation of the energies, in those of a matrix of independent entries, up to which they are alike."""
FAR_BETTER, LEAST = 16.0, 1 / 16
"""Energies, in the median one, above which a pattern stands alone, and below which it is not evened fully: what is hardly seen
cannot be made up for."""
FEW = 0.01
"""Share of the patterns that may stand alone; with more, frequencies are too unequal for scalar messages of any kind."""
_PROBES = 16


def analyse(x: Tensor) -> Tensor:
    """Cosine coefficients of pictures (images, c, h, w)."""
    return dct(dct(x).transpose(2, 3)).transpose(2, 3)


def synthesise(z: Tensor) -> Tensor:
    """Its inverse."""
    return inverse_dct(inverse_dct(z).transpose(2, 3)).transpose(2, 3)


class Spectrum:
    """What the rows of a matrix hold of each cosine pattern."""

    def __init__(self, matrix: Tensor, image_shape: tuple[int, int, int]) -> None:
        self._matrix, self._image_shape = matrix, image_shape
        step = max(1, _AT_ONCE // matrix.shape[1])
        total = sum(self._patterns(part, image_shape).double().square().sum(0) for part in matrix.split(step))
        assert isinstance(total, Tensor)
        energies = total / total.median().clamp_min(1e-30)
        self.alone = energies > FAR_BETTER
        """Patterns (channels, height, width) that are seen far better than others, as the brightness through masks of zeros and
        ones: the eigenbasis knows them as directions of their own, and they are not evened."""
        self.energies = torch.where(self.alone, 1.0, energies).clamp_min(LEAST)
        """Median 1, (channels, height, width), float64."""
        self.noise_shape = 1 / self.energies
        """Variance of the message's noise in each pattern, in those of u."""

    @property
    def picture_width(self) -> float:
        """Variance of u for pictures of variance 1 whose power falls with the square of the frequency."""
        _, height, width = self.energies.shape
        down, across = (torch.arange(n, dtype=torch.float64, device=self.energies.device) for n in (height, width))
        power = 1 / (down[:, None].square() + across.square() + 0.25)
        return float((self.energies * power).sum() / (len(self.energies) * power.sum()))

    @staticmethod
    def _patterns(rows: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
        return analyse(rows.reshape(-1, *image_shape))

    @cached_property
    def basis(self) -> GramEigenbasis:
        """The eigenbasis of (A C^-1/2) (A C^-1/2)^T."""
        shape = self._image_shape
        step = max(1, _AT_ONCE // self._matrix.shape[1])
        weights = self.energies.rsqrt()
        even = torch.cat(
            [(self._patterns(part, shape) * weights).float().flatten(1) for part in self._matrix.split(step)]
        )
        return eigenbasis_of(even)

    def evened(self, x: Tensor) -> Tensor:
        """C^-1 x: what A^T finds of each pattern, in proportion to what it sees of it."""
        return synthesise(analyse(x.double()) / self.energies).to(x.dtype)


_found: WeakKeyDictionary[Operator, Spectrum | None] = WeakKeyDictionary()


def spectrum_of(operator: Operator) -> Spectrum | None:
    """The energies of a matrix of numbers; None where they are alike as far as can be told from its rows, or not known."""
    if not isinstance(operator, DenseOperator) or operator.rows > LARGEST_EIGENBASIS:
        return None
    if operator not in _found:
        spectrum = Spectrum(operator.matrix, operator.image_shape)
        independent = _independent_rows(operator, spectrum)
        uneven = bool(spectrum.alone.any()) or float(spectrum.energies.std()) >= _ALIKE * (2 / independent) ** 0.5
        few = float(spectrum.alone.double().mean()) <= FEW
        _found[operator] = spectrum if uneven and few else None
    return _found[operator]


def _independent_rows(operator: DenseOperator, spectrum: Spectrum) -> float:
    """tr(G)^2 / tr(G^2) of the evened rows' Gram matrix G, both by random probes: how many rows of equal norms would fluctuate as
    these do."""
    draw = torch.Generator().manual_seed(0)
    probes = torch.randn((_PROBES, operator.rows), generator=draw).to(operator.matrix.device)
    again = operator.forward(spectrum.evened(operator.adjoint(probes))).double()
    trace = (probes * again).sum(1).mean()
    return float(trace.square() / again.square().sum(1).mean())
