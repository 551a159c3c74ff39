"""The networks that make images of latents."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.priors.networks.unet import ChannelNorm

__all__ = ["LATENTS", "Decoder", "DecoderShape", "decoder_shape"]

LATENTS = ("normal", "uniform", "sphere", "sparse")
"""Distributions of latents: standard normal, uniform on [-1, 1], uniform on the unit sphere, the ``kept`` largest entries of a
normal one."""
COARSEST = 8
"""Side of the grid that a convolutional decoder starts from, at most."""


@dataclass(frozen=True)
class DecoderShape:
    """What has to be known to build a decoder again: ``layers`` are the widths of a fully connected one (``mlp``), or the
    channels of each grid of a convolutional one (``conv``), the coarsest first."""

    kind: str
    latent: int
    layers: tuple[int, ...]
    image_shape: tuple[int, int, int]
    latents: str = "normal"
    kept: int = 0

    def as_dict(self) -> dict:
        return asdict(self)


def grids(side: int) -> int:
    """How often a side is halved until it is at most ``COARSEST``."""
    return max(0, math.ceil(math.log2(side / COARSEST)))


def decoder_shape(facts: Mapping[str, Any]) -> DecoderShape:
    """The shape that a header holds. Raises TypeError, KeyError or ValueError where it holds none."""
    facts = dict(facts)
    shape = DecoderShape(**facts | {"layers": tuple(facts["layers"]), "image_shape": tuple(facts["image_shape"])})
    whole = [shape.latent, *shape.layers, *shape.image_shape]
    if shape.kind not in ("mlp", "conv") or shape.latents not in LATENTS or len(shape.image_shape) != 3:
        raise ValueError("kind, latents or image_shape")
    if not shape.layers or not all(isinstance(n, int) and 1 <= n <= 1 << 16 for n in whole):
        raise ValueError("latent and layers")
    if not isinstance(shape.kept, int) or (shape.latents == "sparse") != (0 < shape.kept <= shape.latent):
        raise ValueError("kept")
    if shape.kind == "conv" and len(shape.layers) != 1 + grids(max(shape.image_shape[1:])):
        raise ValueError("layers of the grids")
    return shape


class _Mlp(nn.Sequential):
    """Fully connected, softplus between the layers (Bora et al., 2017)."""

    def __init__(self, shape: DecoderShape) -> None:
        widths = [shape.latent, *shape.layers, math.prod(shape.image_shape)]
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(itertools.pairwise(widths)):
            layers += ([nn.Softplus()] if i else []) + [nn.Linear(before, after)]
        super().__init__(*layers)
        self.image_shape = shape.image_shape

    def forward(self, latent: Tensor) -> Tensor:
        return super().forward(latent).reshape(-1, *self.image_shape)


class _Conv(nn.Module):
    """Grown from the coarsest grid by sub-pixel convolutions, normed at every pixel, so that it draws the same image
    whatever else is in the batch."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        channels, *sides = shape.image_shape
        times = 2 ** (len(shape.layers) - 1)
        self.coarse = [-(-n // times) for n in sides]
        self.image_shape = shape.image_shape
        self.first = nn.Linear(shape.latent, shape.layers[0] * self.coarse[0] * self.coarse[1])
        pairs = list(zip(shape.layers, shape.layers[1:], strict=False))
        self.norms = nn.ModuleList(ChannelNorm(n) for n in shape.layers)
        self.grow = nn.ModuleList(nn.Conv2d(a, 4 * b, 3, padding=1) for a, b in pairs)
        self.last = nn.Conv2d(shape.layers[-1], channels, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        h = self.first(latent).reshape(len(latent), -1, *self.coarse)
        for norm, grow in zip(self.norms, self.grow, strict=False):
            h = F.pixel_shuffle(grow(F.silu(norm(h))), 2)
        _, height, width = self.image_shape
        return self.last(F.silu(self.norms[-1](h)))[..., :height, :width]


class Decoder(nn.Module):
    """Maps latents (batch, latent) to images (batch, c, h, w) in [0, 1]; :meth:`logits` before the sigmoid."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.body = (_Mlp if shape.kind == "mlp" else _Conv)(shape)

    def logits(self, latent: Tensor) -> Tensor:
        return self.body(latent)

    def forward(self, latent: Tensor) -> Tensor:
        return torch.sigmoid(self.body(latent))
