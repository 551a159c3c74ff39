"""Which prior a measurement file begins with, where the one that stands is for other pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import InputError
from engine.priors.choice import PriorChoice, Shape
from engine.priors.library import priors

__all__ = ["first_prior"]

LIMITED = 150.0
"""Degrees of a scan's angles below which it is a limited-angle one."""


def first_prior(pieces: Mapping[str, np.ndarray], shape: Shape) -> tuple[PriorChoice, str]:
    """The prior for the entries of a file on a picture of ``shape`` (channels, height, width), and why in one clause: a trained
    denoiser for just that shape, else one for any size, else whatever takes it. InputError where nothing does."""
    angles = pieces.get("angles")
    if angles is not None and angles.size and float(angles.max() - angles.min()) < LIMITED:
        return priors().parse("two-valued"), (
            "for things of one material, since these few angles tell hardly more; of others, take natural or total-variation"
        )
    fitting = [choice for cls in priors().choices.values() if (choice := cls()).takes(shape)]
    if not fitting:
        raise InputError(f"There is no prior for pictures of shape {shape}; train or import one of that size.")
    best = min(fitting, key=lambda p: (p.kind != "denoiser", p.name in ("gaussian", "mixture"), p.any_size))
    return (
        best,
        "for pictures of any size" if best.any_size else f"for pictures of just this size, {shape[2]} x {shape[1]}",
    )
