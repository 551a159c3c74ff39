"""The diffusion U-Net of Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis" (2021), after Ho, Jain
and Abbeel (2020), under the names of the published state dictionaries, and its shape read from one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import InputError

__all__ = ["GuidedNet", "GuidedShape", "infer_shape"]

_GROUPS = 32


@dataclass(frozen=True)
class GuidedShape:
    """What has to be known to build the network again. ``widths``: channels per grid, finest first; ``attention``:
    grids with attention; ``resample``: by a ``conv``, by ``pool`` (no weights) or in ``residual`` blocks;
    ``head_channels`` or, where it is 0, ``heads``; ``new_order``: queries, keys and values are split before the
    heads."""

    channels: int = 3
    outputs: int = 3
    model: int = 128
    embedding: int = 512
    widths: tuple[int, ...] = (128, 256)
    blocks: int = 2
    attention: tuple[int, ...] = ()
    scale_shift: bool = True
    resample: str = "conv"
    head_channels: int = 64
    heads: int = 4
    new_order: bool = False

    @property
    def multiple(self) -> int:
        return 2 ** (len(self.widths) - 1)

    def as_dict(self) -> dict:
        return asdict(self)


def infer_shape(
    tensors: Mapping[str, Tensor], head_channels: int = 64, heads: int = 0, new_order: bool = False
) -> GuidedShape:
    """The shape of the network that a state dictionary is of; what the tensors do not tell is given. Where ``heads``
    is not 0 it goes before ``head_channels``. Raises InputError for networks with labels or other inputs, KeyError or
    IndexError where tensors are missing."""
    if any(k.startswith("label_emb") for k in tensors):
        raise InputError("The file holds a class-conditional network, which is not a prior; take an unconditional one.")
    model = tensors["time_embed.0.weight"].shape[1]
    first = tensors["input_blocks.0.0.weight"].shape
    outputs = tensors["out.2.weight"].shape[0]
    if outputs not in (first[1], 2 * first[1]):
        raise InputError(
            f"The file holds a network from {first[1]} to {outputs} channels, which is no denoiser of images; "
            "take another one."
        )
    indices = sorted({int(k.split(".")[1]) for k in tensors if k.startswith("input_blocks.")})
    count = indices[-1] + 1
    if count > 2 * len(tensors):  # all blocks but the pooling ones have tensors, so this is a number out of the air
        raise ValueError(f"input_blocks.{count - 1}")
    ups = {
        int(k.split(".")[1])
        for k in tensors
        if k.startswith("output_blocks.") and k.split(".")[2] != "0" and k.split(".")[3] in ("in_layers", "conv")
    }
    # Every level has its blocks and one more index, the shrinking one, which the last level spends on the first conv.
    if ups:
        per_level = min(ups) + 1
        resample = "conv" if any(".op." in k for k in tensors) else "residual"
    else:
        gaps = [i for i in range(count) if i not in indices]
        per_level = gaps[0] if gaps else count
        resample = "pool"
    firsts = range(1, count, per_level)
    return GuidedShape(
        channels=first[1],
        outputs=outputs,
        model=model,
        embedding=tensors["time_embed.0.weight"].shape[0],
        widths=tuple(tensors[f"input_blocks.{i}.0.out_layers.3.weight"].shape[0] for i in firsts),
        blocks=per_level - 1,
        attention=tuple(level for level, i in enumerate(firsts) if f"input_blocks.{i}.1.qkv.weight" in tensors),
        scale_shift=tensors["input_blocks.1.0.emb_layers.1.weight"].shape[0]
        == 2 * tensors["input_blocks.1.0.out_layers.3.weight"].shape[0],
        resample=resample,
        head_channels=0 if heads else head_channels,
        heads=heads or 1,
        new_order=new_order,
    )


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(_GROUPS, channels)


def _resized(x: Tensor, resize: str) -> Tensor:
    if resize == "down":
        return F.avg_pool2d(x, 2)
    return F.interpolate(x, scale_factor=2.0, mode="nearest") if resize == "up" else x


class _Residual(nn.Module):
    """Residual block; the embedding scales and shifts its second norm, or is added before it. ``resize``: up, down or
    none."""

    def __init__(self, inputs: int, outputs: int, shape: GuidedShape, resize: str = "") -> None:
        super().__init__()
        self.scale_shift, self.resize = shape.scale_shift, resize
        told = 2 * outputs if shape.scale_shift else outputs
        self.in_layers = nn.Sequential(_norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(shape.embedding, told))
        # The identity stands where training has dropout: it holds the place in the numbering of the published names.
        conv = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.out_layers = nn.Sequential(_norm(outputs), nn.SiLU(), nn.Identity(), conv)
        self.skip_connection = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        norm, act, conv = self.in_layers
        h = conv(_resized(act(norm(x)), self.resize))
        told = self.emb_layers(embedding)[:, :, None, None]
        if self.scale_shift:
            scale, shift = told.chunk(2, dim=1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + told)
        return self.skip_connection(_resized(x, self.resize)) + h


class _Attention(nn.Module):
    """Self-attention over all pixels of a grid."""

    def __init__(self, channels: int, shape: GuidedShape) -> None:
        super().__init__()
        width = shape.head_channels or channels // max(shape.heads, 1)
        if not width or channels % width or (not shape.head_channels and channels % shape.heads):
            what = f"{shape.head_channels} channels" if shape.head_channels else f"{shape.heads} heads"
            raise InputError(
                f"Attention on {channels} channels cannot be split by {what}; "
                "set head_channels or heads as it was trained."
            )
        self.heads, self.new_order = channels // width, shape.new_order
        self.norm = _norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows, channels, height, width = x.shape
        flat = x.reshape(rows, channels, height * width)
        qkv = self.qkv(self.norm(flat))
        if self.new_order:
            query, key, value = qkv.reshape(rows, 3, self.heads, channels // self.heads, -1).unbind(1)
        else:
            query, key, value = qkv.reshape(rows, self.heads, 3, channels // self.heads, -1).unbind(2)
        scale = (channels // self.heads) ** -0.25
        weights = torch.softmax((query * scale).transpose(-1, -2) @ (key * scale), dim=-1)
        mixed = (value @ weights.transpose(-1, -2)).reshape(rows, channels, -1)
        return (flat + self.proj_out(mixed)).reshape(x.shape)


class _Shrink(nn.Module):
    def __init__(self, channels: int, conv: bool) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if conv else nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class _Grow(nn.Module):
    def __init__(self, channels: int, conv: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if conv else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(_resized(x, "up"))


class _Steps(nn.Sequential):
    """Modules in a row, of which the residual blocks also take the embedding."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        for module in self:
            x = module(x, embedding) if isinstance(module, _Residual) else module(x)
        return x


class GuidedNet(nn.Module):
    """Predicts the noise (and, where ``outputs`` is twice ``channels``, also its variance) of variance-preserving
    diffusion.

    ``forward``: ``x`` (batch, channels, height, width), height and width multiples of ``shape.multiple``; ``step``
    (batch,), the time step, any real number.
    """

    def __init__(self, shape: GuidedShape) -> None:
        super().__init__()
        self.shape = shape
        self.time_embed = nn.Sequential(
            nn.Linear(shape.model, shape.embedding), nn.SiLU(), nn.Linear(shape.embedding, shape.embedding)
        )
        width = shape.widths[0]
        first = nn.Conv2d(shape.channels, width, 3, padding=1)
        inputs, kept = [_Steps(first)], [width]
        last_level = len(shape.widths) - 1
        for level, outputs in enumerate(shape.widths):
            for _ in range(shape.blocks):
                inputs.append(_Steps(*self._level(width, outputs, level)))
                width = outputs
                kept.append(width)
            if level < last_level:
                inputs.append(_Steps(self._resize(width, "down")))
                kept.append(width)
        self.input_blocks = nn.ModuleList(inputs)
        self.middle_block = _Steps(
            _Residual(width, width, shape), _Attention(width, shape), _Residual(width, width, shape)
        )
        outputs_list = []
        for level in range(last_level, -1, -1):
            for block in range(shape.blocks + 1):
                layers = self._level(width + kept.pop(), shape.widths[level], level)
                width = shape.widths[level]
                if level and block == shape.blocks:
                    layers.append(self._resize(width, "up"))
                outputs_list.append(_Steps(*layers))
        self.output_blocks = nn.ModuleList(outputs_list)
        self.out = nn.Sequential(_norm(width), nn.SiLU(), nn.Conv2d(width, shape.outputs, 3, padding=1))

    def _level(self, inputs: int, outputs: int, level: int) -> list[nn.Module]:
        block = _Residual(inputs, outputs, self.shape)
        return [block, _Attention(outputs, self.shape)] if level in self.shape.attention else [block]

    def _resize(self, width: int, way: str) -> nn.Module:
        if self.shape.resample == "residual":
            return _Residual(width, width, self.shape, way)
        conv = self.shape.resample == "conv"
        return _Shrink(width, conv) if way == "down" else _Grow(width, conv)

    def forward(self, x: Tensor, step: Tensor) -> Tensor:
        half = self.shape.model // 2
        rates = torch.exp(-math.log(10000) / half * torch.arange(half, dtype=torch.float32, device=x.device))
        angles = step.float()[:, None] * rates
        embedding = self.time_embed(F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, self.shape.model % 2)))
        h, kept = x, []
        for block in self.input_blocks:
            h = block(h, embedding)
            kept.append(h)
        h = self.middle_block(h, embedding)
        for block in self.output_blocks:
            h = block(torch.cat([h, kept.pop()], dim=1), embedding)
        return self.out(h)
