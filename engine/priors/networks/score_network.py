"""The prior of a score network NCSNv2 (Song and Ermon 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.networks.imported import PIXELS_AT_ONCE, ImportedPrior
from engine.priors.networks.ncsnv2 import VARIANTS, ScoreNet, ScoreNetShape
from engine.priors.networks.pieces import in_pieces

__all__ = ["ScorePrior"]


class ScorePrior(ImportedPrior):
    """D(x, sigma) = x + sigma N(x), where the network's score is N(x) / sigma; D is x at sigma 0 by construction.

    The network judges the noise level by the picture itself, so every sigma is allowed; it has seen those from
    ``sigma_min`` to ``sigma_max``. It is convolutional and takes pictures of any size from ``smallest_side`` on.
    """

    kind = "ncsnv2"
    full = ("sigmas",)
    network: ScoreNet

    @classmethod
    def build(cls, facts: Mapping[str, Any]) -> nn.Module:
        shape = ScoreNetShape(**facts["network"])
        if shape.variant not in VARIANTS:
            raise ValueError(f"unknown variant {shape.variant}")
        return ScoreNet(shape)

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        smallest = self.network.shape.smallest_side
        if min(x.shape[-2:]) < smallest:
            raise InputError(
                f"The prior '{self.card.name}' needs pictures of at least {smallest} x {smallest} pixels; "
                "choose a larger size."
            )
        levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0])
        noise = in_pieces(lambda part, _: self.network.noise(part), x, levels, None, 1, PIXELS_AT_ONCE)
        return x + levels.reshape(-1, 1, 1, 1) * noise
