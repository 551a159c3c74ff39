"""Calling a network on more pixels than memory holds: rows in groups, large pictures in overlapping tiles.

Neither changes the result: rows do not see one another, and a tile is cut with as much margin as the network can see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

__all__ = ["PIXELS_AT_ONCE", "in_pieces", "spans"]

PIXELS_AT_ONCE = 1 << 20
"""Pixels, times rows, of one network call: about 2.5 GB of activations with gradients, 0.4 GB without."""

Call = Callable[[Tensor, Tensor], Tensor]


def in_pieces(call: Call, x: Tensor, label: Tensor, reach: int | None, multiple: int, at_once: int = 0) -> Tensor:
    """``call(x, label)`` with at most about ``at_once`` pixels in one call.

    Arguments: ``x`` (rows, c, h, w), ``label`` (rows,); ``reach``, how many pixels away an output pixel sees, None where
    it sees the whole picture, which is then never cut; tiles begin at multiples of ``multiple``. Where gradients are
    wanted each piece is computed again in the backward pass, so that only one is in memory at a time.
    """
    at_once = at_once or PIXELS_AT_ONCE
    rows, _, height, width = x.shape
    pixels = height * width
    if pixels > at_once and reach is not None:
        return torch.cat([_tiled(call, x[i : i + 1], label[i : i + 1], reach, multiple, at_once) for i in range(rows)])
    group = max(1, at_once // pixels)
    if group >= rows:
        return call(x, label)
    return torch.cat([_once(call, a, b) for a, b in zip(x.split(group), label.split(group), strict=True)])


def _once(call: Call, x: Tensor, label: Tensor) -> Tensor:
    if torch.is_grad_enabled() and x.requires_grad:
        return checkpoint(call, x, label, use_reentrant=False)
    return call(x, label)


def spans(length: int, size: int, reach: int, multiple: int) -> Iterator[tuple[int, int, int, int]]:
    """Pieces of a side: (kept from, kept to, cut from, cut to), cut with ``reach`` on either side of what is kept."""
    step = max(multiple, (size - 2 * reach) // multiple * multiple)
    margin = -(-reach // multiple) * multiple
    for start in range(0, length, step):
        end = min(start + step, length)
        yield start, end, max(0, start - margin), min(length, end + margin)


def _tiled(call: Call, x: Tensor, label: Tensor, reach: int, multiple: int, at_once: int) -> Tensor:
    side = max(int(at_once**0.5), 4 * reach)  # at least half of a tile is kept
    lines = []
    for top, bottom, cut_top, cut_bottom in spans(x.shape[2], side, reach, multiple):
        line = []
        for left, right, cut_left, cut_right in spans(x.shape[3], side, reach, multiple):
            out = _once(call, x[:, :, cut_top:cut_bottom, cut_left:cut_right], label)
            line.append(out[:, :, top - cut_top : bottom - cut_top, left - cut_left : right - cut_left])
        lines.append(torch.cat(line, 3))
    return torch.cat(lines, 2)
