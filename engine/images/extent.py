"""How far pictures go towards white or black, which tells their contrast better than their mean square does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["extent", "lost_extent"]

FURTHEST_SHARE, LEAST_ROOM = 1e-3, 0.05
MOST_LOST, SLOPE = 0.5, 2.5
"""Measured on photographs, from one bit per pixel and one for four."""


def extent(deviation: Tensor, offset: float) -> Tensor:
    """How much of the way from the offset to white or black pictures go, (images,), for their ``deviation`` (images, c, h, w)
    from the offset: what a thousandth of the pixels exceeds."""
    import torch

    above, below = max(1 - offset, LEAST_ROOM), max(offset, LEAST_ROOM)
    gone = torch.where(deviation > 0, deviation / above, deviation / -below).flatten(1)
    count = gone.shape[1]
    return gone.kthvalue(count - int(FURTHEST_SHARE * count), dim=1).values.clamp_min(1e-6)


def lost_extent(share: Any) -> Any:
    """By how much, in logarithm and give or take as much, the extent of a posterior mean falls short of the picture's, where its
    squared error is that ``share`` of its mean square; for tensors and arrays."""
    return MOST_LOST * (1 - math.e ** (-SLOPE / MOST_LOST * share))
