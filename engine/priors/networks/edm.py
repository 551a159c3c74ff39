"""A trained denoising network with the preconditioning of Karras et al., "Elucidating the design space of
diffusion-based generative models" (2022), and the file it is kept in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.base import Card, DenoiserPrior
from engine.priors.header import FORMAT, read_header
from engine.priors.networks.denoisers import Denoising, build, in_channels_last, shape_from
from engine.priors.networks.pieces import in_pieces
from engine.priors.networks.plausible import refuse_implausible
from engine.priors.networks.unfilled import unfilled
from engine.priors.weights_file import save_weights

__all__ = ["EdmDenoiser"]


class EdmDenoiser(DenoiserPrior):
    """D(x, sigma) = c_skip x' + c_out F(c_in x', ln(sigma)/4) + mean, with x' = x - mean (Karras et al., eq. 7).

    The coefficients use the true sigma; the label that the network sees is clamped to the trained range, so D tends to
    x as sigma falls to 0 and stays bounded above sigma_max.
    """

    def __init__(
        self, network: Denoising, image_shape: tuple[int, int, int], mean: float, deviation: float,
        sigma_min: float, sigma_max: float, card: Card, any_size: bool = False,
        contrast: tuple[float, float] | None = None, extent: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        self.network = network
        self.image_shape = image_shape
        self.mean, self.deviation, self.variance = mean, deviation, deviation**2
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self.card, self.any_size, self.contrast, self.extent = card, any_size, contrast, extent

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0]).clamp_min(1e-8)
        level = levels.reshape(-1, 1, 1, 1)
        total = torch.sqrt(level**2 + self.variance)
        centred = x - self.mean
        label = levels.clamp(self.sigma_min, self.sigma_max).log() / 4
        shape = self.network.shape
        predicted = in_pieces(self.network, centred / total, label, shape.reach, shape.multiple)
        return self.mean + self.variance / total**2 * centred + level * self.deviation / total * predicted

    def to(self, device: str) -> EdmDenoiser:
        self.network = self.network.to(device)
        return self

    def save(self, path: Path | str) -> Path:
        """Writes fp16 weights, the shape of the network and the card as one safetensors file, atomically."""
        tensors = {k: v.detach().half().contiguous() for k, v in self.network.state_dict().items()}
        facts = {
            "format": FORMAT,
            "network": self.network.shape.as_dict(),
            "image_shape": list(self.image_shape),
            "any_size": self.any_size,
            "contrast": None if self.contrast is None else list(self.contrast),
            "extent": None if self.extent is None else list(self.extent),
            "mean": self.mean,
            "deviation": self.deviation,
            "sigma_min": self.sigma_min,
            "sigma_max": self.sigma_max,
            "card": self.card.as_dict(),
        }
        return save_weights(path, tensors, facts)

    @classmethod
    def load(cls, path: Path | str) -> EdmDenoiser:
        """Reads a file written by :meth:`save`. Keys and shapes must match exactly; raises InputError otherwise."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        facts = read_header(path)
        try:
            shape = shape_from(facts["network"])
            tensors = {k: v.float() for k, v in load_file(path).items()}
            refuse_implausible(shape.as_dict(), facts["image_shape"], Path(path).name)
            with unfilled():  # no memory for what the header says before the weights have said the same
                network = build(shape)
            if not all(torch.isfinite(v).all() for v in tensors.values()):
                raise InputError(f"'{path}' holds weights that are not finite; train or export it again.")
            network.load_state_dict(tensors, strict=True, assign=True)
            card = Card(**facts["card"])
            image_shape = tuple(int(n) for n in facts["image_shape"])
            if len(image_shape) != 3:
                raise ValueError("image_shape")
            contrast, extent = _pair(facts, "contrast"), _pair(facts, "extent")
            mean, deviation, low, high = (float(facts[k]) for k in ("mean", "deviation", "sigma_min", "sigma_max"))
        except (
            KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError, SafetensorError,
            OSError,
        ) as error:  # fmt: skip
            if isinstance(error, InputError):
                raise
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"'{path}' is not a whole denoiser file ({reason}).") from None
        network = in_channels_last(network.eval().requires_grad_(False))
        return cls(
            network, image_shape, mean, deviation, low, high,
            card=replace(card, parameters=sum(p.numel() for p in network.parameters())),
            any_size=bool(facts.get("any_size", False)), contrast=contrast, extent=extent,
        )  # fmt: skip


def _pair(facts: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    pair = tuple(float(n) for n in facts.get(name) or ())
    if not pair:
        return None
    if len(pair) != 2 or not 0 < min(pair) <= max(pair) < math.inf:
        raise ValueError(name)
    return pair
