"""The header of a prior's file, read without torch: what a form or a list has to know about a prior."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import refuse_no_file
from engine.foreign.json_text import parsed_json

__all__ = ["FORMAT", "GENERATOR_FORMAT", "read_header", "refuse_odd_levels"]

FORMAT = "qcs-studio denoiser 1"
GENERATOR_FORMAT = "qcs-studio generator 1"
LOWEST_LEVEL, HIGHEST_LEVEL = 1e-6, 1e5
"""Noise levels, in [0, 1] units, between which those of every known network lie by far."""
LARGEST_SIDE = 8192
_LARGEST_HEADER = 1 << 20


def read_header(path: Path | str) -> dict[str, Any]:
    """The facts about a file of a denoiser or a generator without reading its weights; InputError if it is neither."""
    refuse_no_file(path)
    try:
        with Path(path).open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LARGEST_HEADER:
                raise ValueError
            facts = parsed_json(parsed_json(file.read(length))["__metadata__"]["qcs"])
        if facts["format"] not in (FORMAT, GENERATOR_FORMAT) or not _well_formed(facts):
            raise ValueError
        if (facts["format"] == GENERATOR_FORMAT) != (facts.get("kind") == "generator"):
            raise ValueError
        levels = None if facts["format"] == GENERATOR_FORMAT else (float(facts["sigma_min"]), float(facts["sigma_max"]))
    except OSError as error:
        raise InputError(f"Cannot read '{path}' ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, OverflowError, struct.error):
        raise InputError(f"'{path}' is not a prior of this program; train or import the prior again.") from None
    if levels is not None:
        refuse_odd_levels(*levels, Path(path).name)
    return facts


def _well_formed(facts: dict[str, Any]) -> bool:
    """Whether the entries that a list of priors shows are what they should be."""
    card, shape = facts["card"], facts["image_shape"]
    return (
        isinstance(card, dict)
        and all(isinstance(card.get(k, ""), str) for k in ("name", "title", "data", "licence"))
        and bool(card["name"])
        and len(shape) == 3
        and all(isinstance(n, int) and 1 <= n <= LARGEST_SIDE for n in shape)
        and math.isfinite(float(facts["mean"]))
    )


def refuse_odd_levels(low: float, high: float, name: str) -> None:
    """InputError where ``low`` to ``high`` can be no network's noise levels."""
    if not LOWEST_LEVEL <= low < high <= HIGHEST_LEVEL:
        raise InputError(
            f"'{name}' has noise levels from {low:g} to {high:g}; those of a prior rise and lie between "
            f"{LOWEST_LEVEL:g} and {HIGHEST_LEVEL:g}, so take another file."
        )
