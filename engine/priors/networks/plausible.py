"""Whether a described network is one that anybody has made, before it is built.

It is built without memory for its weights, and compared with those of the file then: that takes as long as it has
layers, however wide they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InputError

__all__ = ["refuse_implausible"]

MOST_GRIDS = 8
"""Entries of a list; the largest published networks halve the picture six times."""
LARGEST_NUMBER = 1 << 20
LARGEST_SIDE = 8192
MOST_LAYERS = 64
"""Of all grids; the largest published networks have some twenty."""
LAYERS = ("layers_per_block", "blocks", "middle")


def refuse_implausible(network: Mapping[str, Any], sides: Iterable[Any], name: str) -> None:
    """InputError where ``network`` (its shape or configuration) is larger than any, or the ``sides`` of its pictures are
    not those of pictures."""
    odd = next((key for key, value in network.items() if not _small(value)), None)
    if odd is None and _layers(network) > MOST_LAYERS:
        odd = next(key for key in LAYERS if key in network)
    if odd is not None:
        raise InputError(
            f"'{name}' describes a network far larger than any that its weights could be of ({str(odd)[:40]}); "
            "take another file."
        )
    if not all(isinstance(n, (int, float)) and 1 <= n <= LARGEST_SIDE for n in sides):
        raise InputError(f"'{name}' is for pictures of a size that none have; give a side up to {LARGEST_SIDE:,}.")


def _small(value: Any) -> bool:
    """Whether a number, a word or a list of them is one that describes networks."""
    if isinstance(value, (int, float)):
        return -LARGEST_NUMBER <= value <= LARGEST_NUMBER
    if isinstance(value, str):
        return len(value) <= 200
    if isinstance(value, (list, tuple)):
        return len(value) <= MOST_GRIDS and all(_small(v) for v in value)
    return value is None or (isinstance(value, Mapping) and len(value) <= MOST_GRIDS)


def _layers(network: Mapping[str, Any]) -> float:
    """Layers of all grids."""
    grids = max((len(v) for v in network.values() if isinstance(v, (list, tuple))), default=1)
    each = [network.get(key, 0) for key in LAYERS]
    return sum(sum(_numbers(n)) if isinstance(n, (list, tuple)) else grids * sum(_numbers([n])) for n in each)


def _numbers(values: Iterable[Any]) -> list[float]:
    return [v for v in values if isinstance(v, (int, float))]
