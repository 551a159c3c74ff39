"""Noise schedules of variance-preserving diffusion: beta_t, and what is left of the image, abar_t = prod (1 - beta_s).

Linear: Ho, Jain and Abbeel (2020). Cosine: Nichol and Dhariwal (2021). The others are those of common schedulers. ``flow`` is
the straight path x_t = (1 - t) x + t z of flow matching (Lipman et al., 2023; Liu, Gong and Liu, 2023), whose noise level
relative to the image is t / (1 - t).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["FLOW", "noise_levels", "schedule"]

FLOW = "flow"
MOST_STEPS = 100_000
_FARTHEST = 1e-8
"""Smallest abar that is used: one of zero has no noise level relative to the image."""


def schedule(
    kind: str, steps: int = 1000, first: float = 1e-4, last: float = 0.02, zero_end: bool = False
) -> dict[str, Any]:
    """The facts about a schedule that a header keeps; ``zero_end`` moves abar so that it ends at zero."""
    return {"kind": kind, "steps": steps, "first": first, "last": last, "zero_end": zero_end}


def noise_levels(facts: Mapping[str, Any]) -> np.ndarray:
    """sigma_t = sqrt((1 - abar_t) / abar_t) of each step, increasing, in the units of images in [-1, 1].

    ``facts``: what :func:`schedule` gives, or ``betas``, a list. Raises ValueError for what is no schedule.
    """
    if facts.get("kind") == FLOW:
        steps = int(facts["steps"])
        if not 2 <= steps <= MOST_STEPS:
            raise ValueError(f"{steps} steps")
        times = np.arange(1, steps) / steps  # at t = 1 nothing is left of the image
        return times / (1 - times)
    with np.errstate(all="ignore"):  # what comes of impossible betas is looked at below
        kept = np.cumprod(1 - _betas(facts))
        if facts.get("zero_end"):
            root = np.sqrt(kept)
            kept = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
        kept = kept[kept > _FARTHEST]
        levels = np.sqrt((1 - kept) / kept)
    if len(levels) < 2 or not np.isfinite(levels).all() or levels[0] <= 0 or (np.diff(levels) <= 0).any():
        raise ValueError("the noise levels do not increase")
    return levels


def _betas(facts: Mapping[str, Any]) -> np.ndarray:
    if "betas" in facts:
        return np.asarray(facts["betas"], dtype=np.float64)
    kind, steps, first, last = facts["kind"], int(facts["steps"]), float(facts["first"]), float(facts["last"])
    if not 1 <= steps <= MOST_STEPS:
        raise ValueError(f"{steps} steps")
    if kind == "linear":
        return np.linspace(first, last, steps)
    if kind == "scaled-linear":
        return np.linspace(math.sqrt(first), math.sqrt(last), steps) ** 2
    if kind == "sigmoid":
        return first + (last - first) / (1 + np.exp(-np.linspace(-6, 6, steps)))
    if kind == "cosine":
        kept = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2) ** 2
        return np.minimum(1 - kept[1:] / kept[:-1], 0.999)
    raise ValueError(f"unknown schedule {kind}")
