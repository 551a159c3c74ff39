"""Networks of variance-preserving diffusion (Ho, Jain and Abbeel 2020), and of flow matching, as denoisers for additive
noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.base import Card
from engine.priors.networks.imported import PIXELS_AT_ONCE, ImportedPrior
from engine.priors.networks.pieces import in_pieces
from engine.priors.networks.schedule import FLOW, noise_levels

__all__ = ["PREDICTIONS", "VELOCITY", "VariancePreserving", "sigma_range"]

VELOCITY = "velocity"
PREDICTIONS = ("epsilon", "v_prediction", "sample", VELOCITY)


def sigma_range(schedule: Mapping[str, Any]) -> tuple[float, float]:
    """Smallest and largest noise level of a schedule, in units of images in [0, 1]: half of those for [-1, 1]."""
    levels = noise_levels(schedule)
    return float(levels[0]) / 2, float(levels[-1]) / 2


class VariancePreserving(ImportedPrior):
    """The network sees sqrt(abar) x' with x' = 2 x - 1 and abar = 1 / (1 + s^2), s = 2 sigma, and a continuous step.

    The step is where log s lies among the schedule's noise levels, clamped to them. The clean image is, by what the
    network predicts, x' - s eps; abar x' - sqrt(1 - abar) v; or itself. These use the true s, so D tends to x as sigma
    falls to 0; a predicted image is weighted by s / s_min below the schedule for the same end.

    A network of flow matching sees (1 - t) x' with t = s / (1 + s), at the step t times their number, and predicts the
    velocity z - x' of the path x_t = (1 - t) x' + t z: the clean image is x_t - t velocity.
    """

    def __init__(self, network: nn.Module, facts: Mapping[str, Any], card: Card) -> None:
        super().__init__(network, facts, card)
        self.prediction = facts["prediction"]
        if self.prediction not in PREDICTIONS:
            raise ValueError(f"unknown prediction {self.prediction}")
        kind = facts["schedule"].get("kind")
        if (kind == FLOW) != (self.prediction == VELOCITY):
            raise ValueError("a velocity goes with the path of flow matching, and nothing else does")
        self.flow_steps = int(facts["schedule"]["steps"]) if kind == FLOW else 0
        self._levels = np.log(noise_levels(facts["schedule"]))

    @property
    @abstractmethod
    def multiple(self) -> int:
        """Height and width must be multiples of this."""

    @abstractmethod
    def predict(self, x: Tensor, step: Tensor) -> Tensor:
        """What the network says for ``x`` (batch, channels, height, width) of unit variance at ``step`` (batch,)."""

    def steps(self, sigma: Tensor) -> Tensor:
        """Continuous step of noise levels in [0, 1] units, (batch,) to (batch,)."""
        table = torch.as_tensor(self._levels, dtype=torch.float64, device=sigma.device)
        label = (2 * sigma.double()).log().clamp(table[0], table[-1])
        if self.flow_steps:
            return (self.flow_steps * torch.sigmoid(label)).to(sigma.dtype)  # t = s / (1 + s)
        below = (torch.searchsorted(table, label.contiguous(), right=True) - 1).clamp(0, len(table) - 2)
        share = (label - table[below]) / (table[below + 1] - table[below])
        return (below + share).to(sigma.dtype)

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        if x.shape[-1] % self.multiple or x.shape[-2] % self.multiple:
            raise InputError(
                f"The prior '{self.card.name}' needs height and width in multiples of {self.multiple}; "
                "choose such a size."
            )
        levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0]).clamp_min(1e-8)
        noise = 2 * levels.reshape(-1, 1, 1, 1)
        images = 2 * x - 1
        if self.flow_steps:
            left = 1 / (1 + noise)
            said = in_pieces(self.predict, left * images, self.steps(levels), None, 1, PIXELS_AT_ONCE)
            return (left * images - noise * left * said + 1) / 2
        kept = 1 / (1 + noise**2)
        said = in_pieces(self.predict, kept.sqrt() * images, self.steps(levels), None, 1, PIXELS_AT_ONCE)
        if self.prediction == "epsilon":
            clean = images - noise * said
        elif self.prediction == "v_prediction":
            clean = kept * images - noise * kept.sqrt() * said
        else:
            clean = images + (noise / (2 * self.sigma_min)).clamp_max(1) * (said - images)
        return (clean + 1) / 2
