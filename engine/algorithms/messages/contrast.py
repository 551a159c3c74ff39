"""The contrast of a picture, which one bit hardly sees and a scalar variance cannot carry.

Signs do not change when x - offset is multiplied by a factor; only the noise tells how large it is. A prior of photographs
does not know it either, since a picture at half the contrast is as good a picture. So it is a number of its own, with
what the pictures of the prior say about it and what the measurements say. Pictures are exposed to fill the range: their
brightest or darkest thousandth nearly reaches white or black, and that is known three times better than their mean square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.channels import Channel
from engine.sensing.measurement import Measurement

__all__ = ["Contrast", "infer_contrast", "pivot_of"]

MID_GREY = 0.5

TRUST = 0.25
"""Power to which the likelihood of a factor is raised: the cavity messages are Gaussian only on average, and as they
stand they promise twice the accuracy that they have (photographs, one bit per pixel)."""
STEPS, WIDEST = 61, 1.5
ODD_SHARE, ODD_SPREAD = 0.02, 0.5
"""Share of pictures, and their spread, that are not exposed like those of the prior, so that a night is not made a day."""


@dataclass(frozen=True)
class Contrast:
    """``factor`` (images,) that the deviation from the pivot should be multiplied by; ``spread`` (images,), the
    standard deviation of its logarithm."""

    factor: Tensor
    spread: Tensor


def pivot_of(measurement: Measurement) -> float:
    """The grey level about which the thresholds lie, so that signs do not tell how far pictures go from it: the offset, or
    mid-grey where what is seen is light."""
    return MID_GREY if measurement.operator.non_negative else measurement.offset


def infer_contrast(
    channel: Channel,
    mean: Tensor,
    variance: Tensor,
    noise: float,
    centre: Tensor,
    spread: Tensor,
    anchor: Tensor | float = 0.0,
) -> Contrast:
    """The posterior of the contrast factor.

    Arguments: cavity ``mean`` and ``variance`` of z (images, rows), for A (x - offset); ``centre`` and ``spread`` (images,), the
    log-normal of the factor before anything was measured; ``anchor`` (rows,), z of a picture of the level that pictures are
    multiplied about.
    """
    logs = torch.linspace(-WIDEST, WIDEST, STEPS, dtype=torch.float64, device=mean.device)
    values = []
    for c in logs.exp().tolist():
        seen = channel.moments(anchor + c * (mean - anchor), c * c * variance + noise**2)
        values.append(seen.log_prob.sum(1))
    away, spread = logs - centre[:, None], spread[:, None]
    usual = math.log(1 - ODD_SHARE) - 0.5 * (away / spread) ** 2 - spread.log()
    odd = math.log(ODD_SHARE) - 0.5 * (away / ODD_SPREAD) ** 2 - math.log(ODD_SPREAD)
    weights = TRUST * torch.stack(values, 1) + torch.logaddexp(usual, odd)
    shares = torch.softmax(weights, 1)
    middle = (shares * logs).sum(1)
    wide = (shares * (logs - middle[:, None]) ** 2).sum(1).sqrt()
    return Contrast(middle.exp(), wide)
