"""Where robust PCA starts: the convex form of it, which needs to know neither rank nor share of outliers.

Principal component pursuit, min |L|_* + |S|_1 / sqrt(n) with L + S = Y where it is seen (Candès, Li, Ma and Wright, 2011), by
inexact augmented Lagrangians (Lin, Chen and Ma, 2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PASSES", "Separated", "pursuit"]

PASSES = 60
"""Steps at most, each a singular value decomposition; twenty to thirty are usual."""
_GROWTH, _SLOWER = 1.5, 1.25
"""Of the penalty, by step; the second where not all is seen."""
_ENOUGH = 1e-6


class Separated(NamedTuple):
    """Low-rank and sparse part, (batch, parts, rows, columns), float64, and how much of Y they miss."""

    low: Tensor
    sparse: Tensor
    missed: Tensor


def pursuit(told: Tensor, seen: Tensor) -> Iterator[Separated]:
    """What ``told`` (batch, parts, rows, columns), float64, is made of, step by step; ``seen`` is like it, of ones and zeros."""
    rows, columns = told.shape[2:]
    weight = max(rows, columns) ** -0.5
    norm = torch.linalg.matrix_norm(told, 2).clamp_min(1e-12)[..., None, None]
    dual = told / torch.maximum(norm, told.abs().amax((2, 3), keepdim=True) / weight)
    penalty, energy = 1.25 / norm, told.square().sum((2, 3)).clamp_min(1e-24)
    sparse, growth = torch.zeros_like(told), _GROWTH if bool((seen > 0).all()) else _SLOWER
    for _ in range(PASSES):
        left, values, right = torch.linalg.svd(told - sparse + dual / penalty, full_matrices=False)
        shrunk = (values - 1 / penalty[..., 0]).clamp_min(0)
        low = (left * shrunk[..., None, :]) @ right
        rest = told - low + dual / penalty
        # what is not seen is free: nothing is missed there
        sparse = torch.where(seen > 0, rest - rest.clamp(-weight / penalty, weight / penalty), told - low)
        missed = told - low - sparse
        dual = torch.where(seen > 0, dual + penalty * missed, 0.0)
        penalty = penalty * growth
        share = (missed.square().sum((2, 3)) / energy).amax(1).sqrt()
        yield Separated(low, sparse * seen, share)
        if float(share.max()) < _ENOUGH:
            return
