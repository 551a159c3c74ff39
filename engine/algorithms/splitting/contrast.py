"""The contrast of a picture of which only signs are seen, kept where it was while a denoiser is applied again and again.

Signs do not tell how far a picture goes from the grey level of their threshold, and a denoiser that is applied to a picture with
no noise takes a little of it each time: after a couple of dozen times nearly all. What is typical is the better guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.algorithms.messages.contrast import pivot_of
from engine.algorithms.splitting.sign_changes import size_by_signs
from engine.sensing.channels import DitherChannel

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["KeptContrast"]

BLIND = 0.1
"""Thresholds that differ from the response to a flat picture by less than this share of a typical response tell no contrast."""


@dataclass(frozen=True)
class KeptContrast:
    """``size`` (images,) is what the root-mean-square of A (x - pivot) is kept at, ``pivot`` the grey level of the thresholds."""

    measurement: Measurement
    pivot: float
    size: Tensor

    @classmethod
    def of(cls, measurement: Measurement, prior: DenoiserPrior) -> KeptContrast | None:
        """That which is typical of such signs, or where they are not of single pixels that of the plainest picture; None where
        the measurement tells it, or where pictures of the prior do not go with any contrast."""
        lower, upper = measurement.lower, measurement.upper
        if lower is None or upper is None or prior.contrast is None or not measurement.operator.is_linear:
            return None
        if bool((lower.isfinite() & upper.isfinite()).any()) or isinstance(measurement.channel, DitherChannel):
            return None
        pivot = pivot_of(measurement)
        edges = torch.where(lower.isfinite(), lower, upper)
        flat = torch.full((1, *measurement.operator.image_shape), pivot, device=measurement.device)
        told = edges.isfinite()  # what is left out has no edge
        apart = (edges - measurement.predict(flat).double())[told].square().mean().sqrt()
        if float(apart) > BLIND * measurement.operator.typical_response(measurement.offset)[1]:
            return None
        told_by_signs = size_by_signs(measurement)
        if told_by_signs is not None:
            return cls(measurement, pivot, told_by_signs)
        kept = cls(measurement, pivot, torch.ones(measurement.images, device=measurement.device))
        return cls(measurement, pivot, kept.size_of(measurement.simple_estimate()))

    def size_of(self, x: Tensor) -> Tensor:
        return self.measurement.operator.forward(x - self.pivot).double().square().mean(1).sqrt().clamp_min(1e-12)

    def restore(self, x: Tensor) -> Tensor:
        """``x`` (images, c, h, w) at the contrast that is kept."""
        factor = (self.size / self.size_of(x)).to(x.dtype).reshape(-1, 1, 1, 1)
        return self.pivot + factor * (x - self.pivot)
