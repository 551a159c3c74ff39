"""The denoising networks that can be trained here, by the kind that the header of a weights file names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engine.priors.networks.lean import LeanNet, LeanShape
from engine.priors.networks.unet import UNet, UNetShape

__all__ = ["Denoising", "Shape", "build", "in_channels_last", "shape_from", "shape_of"]

Shape = UNetShape | LeanShape
Denoising = UNet | LeanNet


def shape_of(kind: str, channels: int, width: int, grids: int, blocks: int, attention: bool) -> Shape:
    """The shape that a training's settings describe; ``kind`` is ``lean`` or ``unet``."""
    if kind == "lean":
        return LeanShape.of(channels, width, grids, blocks, attention)
    return UNetShape(channels, width, (1,) + (2,) * (grids - 1), blocks, attention)


def shape_from(facts: Mapping[str, Any]) -> Shape:
    """The shape that a header holds. Raises TypeError, KeyError or ValueError where it holds none."""
    facts = dict(facts)
    kind = facts.pop("kind", "unet")
    if kind == "unet":
        return UNetShape(**facts | {"multipliers": tuple(facts["multipliers"])})
    if kind != "lean":
        raise ValueError(f"a network of kind {kind}")
    widths, blocks = tuple(facts["widths"]), tuple(facts["blocks"])
    if len(widths) != len(blocks) or not widths:
        raise ValueError("widths and blocks")
    return LeanShape(**facts | {"widths": widths, "blocks": blocks})


def build(shape: Shape, dropout: float = 0.0) -> Denoising:
    """The network of a shape, its weights at random; ``dropout`` for training a lean one."""
    return LeanNet(shape, dropout) if isinstance(shape, LeanShape) else UNet(shape)


def in_channels_last(network: Denoising) -> Denoising:
    """The network with its weights in the layout that its norms are quickest in."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
