"""The prior of a guided-diffusion network (Dhariwal and Nichol 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.priors.networks.guided import GuidedNet, GuidedShape
from engine.priors.networks.variance_preserving import VariancePreserving

__all__ = ["GuidedPrior"]


class GuidedPrior(VariancePreserving):
    """A variance-preserving prior; a predicted variance is not used."""

    kind = "guided-diffusion"
    network: GuidedNet

    @classmethod
    def build(cls, facts: Mapping[str, Any]) -> nn.Module:
        shape = facts["network"]
        return GuidedNet(GuidedShape(**shape | {k: tuple(shape[k]) for k in ("widths", "attention")}))

    @property
    def multiple(self) -> int:
        return self.network.shape.multiple

    def predict(self, x: Tensor, step: Tensor) -> Tensor:
        return self.network(x, step)[:, : self.network.shape.channels]
