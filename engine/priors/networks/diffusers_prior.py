"""The prior of a UNet2DModel of the diffusers library, an optional extra."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.networks.variance_preserving import VariancePreserving

__all__ = ["DiffusersPrior"]


class DiffusersPrior(VariancePreserving):
    """A variance-preserving prior whose network the diffusers library builds from its configuration."""

    kind = "diffusers"

    @classmethod
    def build(cls, facts: Mapping[str, Any]) -> nn.Module:
        try:
            from diffusers import UNet2DModel
        except ImportError:
            raise InputError(
                "This prior needs the package diffusers, which is not installed; install it with pip install "
                "'qcs-studio[diffusers]'."
            ) from None
        known = inspect.signature(UNet2DModel.__init__).parameters
        config = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["config"].items() if k in known}
        try:
            return UNet2DModel(**config)
        except (TypeError, ValueError, KeyError, ImportError) as error:
            reason = str(error).splitlines()[0][:150]
            raise InputError(
                f"The installed diffusers cannot build this network ({reason}); update diffusers or repair config.json."
            ) from None

    @property
    def multiple(self) -> int:
        return 2 ** (len(self.facts["config"].get("block_out_channels", (0,) * 4)) - 1)

    def predict(self, x: Tensor, step: Tensor) -> Tensor:
        return self.network(x, step).sample[:, : x.shape[1]]
