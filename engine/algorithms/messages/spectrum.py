"""Which spatial frequencies a matrix sees better than others, and what that does to the message to the denoiser.

A matrix that mixes pixels at random sees all frequencies alike, so that the extrinsic message of the linear module is the
picture plus white noise. Rows that are correlated see coarse structure better. With E_k the energy of A in the cosine pattern
k, mean 1, the
posterior variance of the coefficient k beside a prior variance v_e is v_e / (1 + t E_k) for one t, as for a random matrix times
the root of E: its message has the variance v_e / (t E_k).
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.sensing.operators import GramEigenbasis, Operator
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.operators.orthonormal import dct, inverse_dct

__all__ = ["Spectrum", "spectrum_of"]

_AT_ONCE = 1 << 22
_ALIKE = 1.5
"""Deviation of the energies, in those of a matrix of independent entries, up to which they are alike."""
_LEAST = 1e-3
_HALVINGS = 60


class Spectrum:
    """``energies`` (channels, height, width), float64, of mean 1, by cosine pattern."""

    def __init__(self, energies: Tensor) -> None:
        self.energies = energies

    def shares(self, gained: Tensor) -> Tensor:
        """What each coefficient gains of its prior variance, (images, c, h, w), of mean ``gained`` (images,)."""
        low, high = torch.full_like(gained, -40.0), torch.full_like(gained, 40.0)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            strength = middle.exp().reshape(-1, 1, 1, 1) * self.energies
            more = (strength / (1 + strength)).flatten(1).mean(1) < gained
            low, high = torch.where(more, middle, low), torch.where(more, high, middle)
        strength = (0.5 * (low + high)).exp().reshape(-1, 1, 1, 1) * self.energies
        return strength / (1 + strength)


def analyse(x: Tensor) -> Tensor:
    """Cosine coefficients of pictures (images, c, h, w)."""
    return dct(dct(x).transpose(2, 3)).transpose(2, 3)


def synthesise(z: Tensor) -> Tensor:
    """Its inverse."""
    return inverse_dct(inverse_dct(z).transpose(2, 3)).transpose(2, 3)


def spectrum_of(operator: Operator, basis: GramEigenbasis) -> Spectrum | None:
    """The energies of a matrix of numbers; None where they are alike as far as can be told from its rows, or not known."""
    if not isinstance(operator, DenseOperator):
        return None
    shape = operator.image_shape
    total = torch.zeros(shape, dtype=torch.float64, device=operator.matrix.device)
    step = max(1, _AT_ONCE // operator.pixels)
    for start in range(0, operator.rows, step):
        rows = operator.matrix[start : start + step].reshape(-1, *shape)
        total += analyse(rows).double().square().sum(0)
    total /= total.mean().clamp_min(1e-30)
    values = basis.values.double()
    independent = float(values.sum().square() / values.square().sum())
    if float(total.std()) < _ALIKE * (2 / independent) ** 0.5:
        return None
    return Spectrum(total.clamp_min(_LEAST))
