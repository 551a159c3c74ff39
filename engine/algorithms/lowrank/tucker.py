"""Tensors of low multilinear rank: their factors, the HOSVD start, and scaled descent (Tong, Ma, Prater-Bennette, Tripp, Chi, 2022).

X = (U, V, W) . S, X[i, j, k] = sum over a, b, c of U[i, a] V[j, b] W[k, c] S[a, b, c]; all (batch, ...), float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["TuckerFactors", "TuckerStep", "hosvd", "multilinear_rank", "scaled_step"]

_RIDGE = 1e-12
_EDGE = 1.02


class TuckerFactors(NamedTuple):
    """Core (batch, r1, r2, r3) and factors (batch, n_k, r_k)."""

    core: Tensor
    sides: tuple[Tensor, Tensor, Tensor]

    def tensor(self) -> Tensor:
        """X, (batch, n1, n2, n3)."""
        u, v, w = self.sides
        return torch.einsum("zabc,zia,zjb,zkc->zijk", self.core, u, v, w)


class TuckerStep(NamedTuple):
    """Directions of descent like the factors, and how fast f falls along them, (batch,)."""

    core: Tensor
    sides: tuple[Tensor, ...]
    slope: Tensor


def unfolded(x: Tensor, mode: int) -> Tensor:
    """(batch, n_mode, the others)."""
    return x.movedim(mode + 1, 1).flatten(2)


def hosvd(x: Tensor, ranks: tuple[int, int, int], without_diagonal: bool = False) -> TuckerFactors:
    """The leading eigenvectors of every unfolding, and the core that goes with them; where only some entries were seen,
    those of the Gram matrices without their diagonals, which the missing ones distort most."""
    sides = []
    for mode, rank in enumerate(ranks):
        m = unfolded(x, mode)
        gram = m @ m.mT
        if without_diagonal:
            gram = gram - torch.diag_embed(torch.diagonal(gram, dim1=-2, dim2=-1))
        sides.append(torch.linalg.eigh(gram).eigenvectors[..., -rank:].flip(-1))
    u, v, w = sides
    return TuckerFactors(torch.einsum("zijk,zia,zjb,zkc->zabc", x, u, v, w), (u, v, w))


def multilinear_rank(x: Tensor, most: int) -> tuple[int, int, int]:
    """How many singular values of each unfolding of the first tensor stand above what noise of the energy of the rest has."""
    found = []
    for mode in range(3):
        m = unfolded(x, mode)[0]
        rows, columns = m.shape
        values = torch.linalg.eigvalsh(m @ m.T).flip(0).clamp_min(0)
        total, count = float(values.sum()), 0
        rest = total
        while count < min(rows, most):
            edge = _EDGE**2 * rest / (rows * columns) * (math.sqrt(rows) + math.sqrt(columns)) ** 2
            if float(values[count]) <= edge or rest <= 1e-10 * total:
                break
            rest -= float(values[count])
            count += 1
        found.append(max(count, 1))
    return tuple(found)  # type: ignore[return-value]


def scaled_step(factors: TuckerFactors, gradient: Tensor) -> TuckerStep:
    """Each factor's gradient times the inverse of the Gram matrix of what it is multiplied by; ``gradient`` (batch, n1, n2,
    n3) is that of f by X."""
    core, sides = factors
    down, slope = [], torch.zeros(len(core), dtype=core.dtype, device=core.device)
    for mode in range(3):
        others = [sides[k] for k in range(3) if k != mode]
        partial = torch.einsum("zapq,zjp,zkq->zajk", core.movedim(mode + 1, 1), *others).flatten(2)
        pulled = unfolded(gradient, mode) @ partial.mT
        step = torch.linalg.solve(_safe(partial @ partial.mT), pulled.mT).mT
        slope = slope + (pulled * step).sum((1, 2))
        down.append(step)
    solved = [torch.linalg.solve(_safe(side.mT @ side), side.mT) for side in sides]
    core_pull = torch.einsum("zijk,zia,zjb,zkc->zabc", gradient, *sides)
    core_step = torch.einsum("zijk,zai,zbj,zck->zabc", gradient, *solved)
    return TuckerStep(core_step, tuple(down), slope + (core_pull * core_step).sum((1, 2, 3)))


def _safe(gram: Tensor) -> Tensor:
    unit = torch.diagonal(gram, dim1=-2, dim2=-1).sum(-1).clamp_min(1e-300)
    return gram + _RIDGE * torch.diag_embed(unit[:, None].expand(gram.shape[:-1]))
