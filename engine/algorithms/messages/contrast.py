"""The contrast of a picture, which one bit hardly sees and a scalar variance cannot carry.

Signs do not change when x - offset is multiplied by a factor; only the noise tells how large it is. A prior of photographs
does not know it either, since a picture at half the contrast is as good a picture. So it is a number of its own, with
what the pictures of the prior say about it and what the measurements say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.channels import Channel

__all__ = ["Contrast", "infer_contrast"]

TRUST = 0.25
"""Power to which the likelihood of a factor is raised: the cavity messages are Gaussian only on average, and as they
stand they promise twice the accuracy that they have (photographs, one bit per pixel)."""
STEPS, WIDEST = 41, 1.5


@dataclass(frozen=True)
class Contrast:
    """``factor`` (images,) that the deviation from the offset should be multiplied by; ``spread`` (images,), the
    standard deviation of its logarithm."""

    factor: Tensor
    spread: Tensor


def infer_contrast(
    channel: Channel, mean: Tensor, variance: Tensor, noise: float, now: Tensor, median: float, spread: float
) -> Contrast:
    """The posterior of the contrast factor.

    Arguments: cavity ``mean`` and ``variance`` of z (images, rows), for A (x - offset); ``now`` (images,), the
    root-mean-square of x - offset as it stands; ``median`` and ``spread``, the log-normal of it over the prior's pictures.
    """
    logs = torch.linspace(-WIDEST, WIDEST, STEPS, dtype=torch.float64, device=mean.device)
    values = []
    for c in logs.exp().tolist():
        seen = channel.moments(c * mean, c * c * variance + noise**2)
        values.append(seen.log_prob.sum(1))
    centre = math.log(median) - now.double().clamp_min(1e-12).log()
    weights = TRUST * torch.stack(values, 1) - 0.5 * ((logs - centre[:, None]) / spread) ** 2
    shares = torch.softmax(weights, 1)
    middle = (shares * logs).sum(1)
    wide = (shares * (logs - middle[:, None]) ** 2).sum(1).sqrt()
    return Contrast(middle.exp(), wide)
