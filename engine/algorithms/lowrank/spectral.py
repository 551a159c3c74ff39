"""Where descent on factors starts: the leading singular triples of what was seen, or small random factors; and the rank."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from engine.algorithms.lowrank.fits import MatrixFit
from engine.seeds import RowGenerators

__all__ = [
    "Factors",
    "Spectrum",
    "at_largest_gap",
    "discernible",
    "discernible_values",
    "noise_edge",
    "random_factors",
    "spectral_factors",
    "spectrum_of",
    "strength_of",
]

MOST_SEARCHED = 64
"""Singular values that are looked at where the rank is to be found."""
_PASSES, _SPARE = 8, 8
EDGE_MARGIN = 1.06
NOTHING_LEFT, NEGLIGIBLE = 1e-10, 1e-4
DETERMINED = 0.7
"""Numbers of the factors per number seen up to which a rank is taken for determined."""


class Factors(NamedTuple):
    """L (batch, parts, rows, rank) and R (batch, parts, columns, rank) of the matrices L R^T; ``active`` (batch, parts, rank)
    is False for columns beyond the rank of a matrix, which are and stay 0."""

    left: Tensor
    right: Tensor
    active: Tensor


class Spectrum(NamedTuple):
    """Leading singular triples M ~ U diag(values) V^T, (batch, parts, side, count), and |M|^2, (batch, parts)."""

    left: Tensor
    values: Tensor
    right: Tensor
    energy: Tensor


def spectrum_of(fit: MatrixFit, count: int, draws: RowGenerators) -> Spectrum:
    """By block power iteration (Halko, Martinsson and Tropp, 2011): products alone, whatever the size of the matrix."""
    count = min(count, *fit.sides)
    width = min(count + _SPARE, *fit.sides)
    start = draws.normal((fit.parts, fit.sides[1], width), fit.device).double()
    basis = torch.linalg.qr(fit.start_times(start)).Q
    for _ in range(_PASSES):
        across = torch.linalg.qr(fit.start_transposed_times(basis)).Q
        basis = torch.linalg.qr(fit.start_times(across)).Q
    across, values, turn = torch.linalg.svd(fit.start_transposed_times(basis), full_matrices=False)
    left = basis @ turn.mT
    return Spectrum(left[..., :count], values[..., :count], across[..., :count], fit.start_energy())


def strength_of(fit: MatrixFit, draws: RowGenerators) -> Tensor:
    """The penalty of the nuclear norm from which on the estimate is flat, (batch,): the largest singular value of the gradient
    of f at X = 0, by power iteration."""
    right = draws.normal((fit.parts, fit.sides[1], 2), fit.device).double()
    flat = torch.zeros((fit.batch, fit.parts, fit.sides[0], 2), dtype=torch.float64, device=right.device)
    other = torch.zeros_like(right)
    for _ in range(_PASSES):
        left = torch.linalg.qr(fit.pull(flat, right).right).Q
        pulled = fit.pull(left, other).left
        right = torch.linalg.qr(pulled).Q
    return torch.linalg.svdvals(pulled)[..., 0].amax(1)


def discernible(spectrum: Spectrum, fit: MatrixFit) -> Tensor:
    """How many singular values stand out of the rest, (batch, parts)."""
    return discernible_values(spectrum, fit.sides, fit.seen / fit.parts)


def discernible_values(spectrum: Spectrum, sides: tuple[int, int], seen: float) -> Tensor:
    """How many singular values stand out of the rest, (batch, parts), at least 1: each above the edge that noise of the
    energy of what is left would have in the rows and columns left, sqrt(rest / (rows columns)) (sqrt(rows) +
    sqrt(columns)); and no more than the numbers ``seen`` of a matrix determine."""
    rows, columns = sides
    before = spectrum.values.square().cumsum(-1) - spectrum.values.square()
    rest = (spectrum.energy[..., None] - before).clamp_min(0)
    found = torch.arange(rest.shape[-1], dtype=rest.dtype, device=rest.device)
    high, wide = (rows - found).clamp_min(1), (columns - found).clamp_min(1)
    edge = noise_edge(rest, high, wide)
    out = (spectrum.values > EDGE_MARGIN * edge) & (rest > NOTHING_LEFT * spectrum.energy[..., None])
    count = out.long().cumprod(-1).sum(-1)
    most = max((r for r in range(1, min(sides) + 1) if r * (rows + columns - r) <= DETERMINED * seen), default=1)
    return count.clamp(1, most)


def noise_edge(energy: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The largest singular value that white noise of this energy has in a matrix of so many rows and columns."""
    return (energy / (rows * columns)).sqrt() * (rows.sqrt() + columns.sqrt())


def spectral_factors(spectrum: Spectrum, rank: Tensor) -> Factors:
    """U sqrt(values), V sqrt(values) of the ``rank`` (batch, parts) leading triples."""
    widest = int(rank.max())
    active = torch.arange(widest, device=rank.device) < rank[..., None]
    root = (spectrum.values[..., :widest].sqrt() * active)[..., None, :]
    return Factors(spectrum.left[..., :widest] * root, spectrum.right[..., :widest] * root, active)


def random_factors(fit: MatrixFit, rank: Tensor, scale: Tensor, draws: RowGenerators) -> Factors:
    """Normal factors whose columns have the squared length ``scale`` (batch, parts), on average."""
    widest = int(rank.max())
    active = torch.arange(widest, device=rank.device) < rank[..., None]
    # column by column, so that a matrix of lower rank gets the same whatever the others' rank
    columns = [
        [draws.normal((fit.parts, n), fit.device).double() / math.sqrt(n) for n in fit.sides] for _ in range(widest)
    ]
    left, right = (
        scale.sqrt()[..., None, None] * torch.stack(side, -1) * active[..., None, :]
        for side in zip(*columns, strict=True)
    )
    return Factors(left, right, active)


def at_largest_gap(factors: Factors) -> Factors:
    """Balanced factors of the same matrices, cut after the singular value that is the largest beside its successor."""
    left, right, active = factors
    (q, a), (p, b) = torch.linalg.qr(left), torch.linalg.qr(right)
    turn, values, back = torch.linalg.svd(a @ b.mT)
    floor = NEGLIGIBLE * values[..., :1]
    ratio = values[..., :-1].clamp_min(1e-300) / torch.maximum(values[..., 1:], floor).clamp_min(1e-300)
    count = active.sum(-1, keepdim=True)  # what is beyond depends on the other matrices of the batch
    ratio = torch.where(torch.arange(1, values.shape[-1], device=left.device) < count, ratio, 0.0)
    rank = (
        ratio.argmax(-1) + 1 if ratio.shape[-1] else torch.ones(values.shape[:2], dtype=torch.int64, device=left.device)
    )
    kept = (torch.arange(values.shape[-1], device=left.device) < rank[..., None]) & active
    root = (values.sqrt() * kept)[..., None, :]
    return Factors(q @ turn * root, p @ back.mT * root, kept)
