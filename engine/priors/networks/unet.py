"""The project's denoising network: a small U-Net on pixel-unshuffled images, conditioned on the noise level.

Few channels at full resolution waste a CPU; four times the channels at half the resolution do the same work several
times faster, so the image is pixel-unshuffled first and shuffled back last.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Attention", "ChannelNorm", "UNet", "UNetShape", "frequencies", "padded"]


@dataclass(frozen=True)
class UNetShape:
    """What has to be known to build the network again: it is stored in the header of the weights file."""

    channels: int = 1
    width: int = 64
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 3
    attention: bool = True
    unshuffle: int = 2

    @property
    def multiple(self) -> int:
        """Image sides are padded to a multiple of this number."""
        return self.unshuffle * 2 ** (len(self.multipliers) - 1)

    @property
    def reach(self) -> int | None:
        """How many pixels away an output pixel sees at most; None where attention lets it see the whole picture."""
        if self.attention:
            return None
        cells = 0
        for level in range(len(self.multipliers)):
            last = level + 1 == len(self.multipliers)
            convolutions = 4 * self.blocks + (
                4 if last else 1
            )  # down and up blocks; the middle ones, or the shrinking one
            cells += convolutions * 2**level + (0 if last else 2 ** (level + 1))  # and nearest-neighbour growing
        return self.unshuffle * (cells + 2)  # the first and the last convolution

    def as_dict(self) -> dict:
        return asdict(self)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel.

    It needs no statistics of the whole picture, so a tile is treated like the picture it was cut from, and in the
    channels-last layout it costs a third of a group norm on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def frequencies(count: int = 32) -> Tensor:
    """Angular frequencies of the sines and cosines of the noise label."""
    return torch.exp(torch.linspace(math.log(0.5), math.log(64.0), count))


def start_at_zero(*layers: nn.Module) -> None:
    """Weights and biases of layers that are to answer nothing before they are trained."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


def padded(x: Tensor, multiple: int) -> Tensor:
    """Images whose sides are multiples of a number, by reflection below and on the right."""
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not (below or right):
        return x
    return F.pad(x, (0, right, 0, below), mode="reflect" if min(height, width) > max(below, right) else "replicate")


class _Block(nn.Module):
    """Residual block with feature-wise scale and shift from the noise-level embedding."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(inputs), ChannelNorm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        start_at_zero(self.conv2, self.film)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.skip(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Multi-head self-attention over the pixels of the coarsest grid."""

    def __init__(self, channels: int, head: int = 32) -> None:
        super().__init__()
        self.heads = next(n for n in range(max(1, channels // head), 0, -1) if channels % n == 0)
        self.norm = ChannelNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        start_at_zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w).transpose(-1, -2)
        query, key, value = qkv.unbind(1)
        # Written out: the fused kernel takes ten times as long on a CPU at 49 pixels.
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(c // self.heads), dim=-1)
        mixed = weights @ value
        return x + self.out(mixed.transpose(-1, -2).reshape(b, c, h, w))


class UNet(nn.Module):
    """Maps a normalised noisy image and a noise label to an image of the same shape.

    Arguments of ``forward``: ``x`` (batch, channels, height, width) of about unit variance; ``label`` (batch,), the
    quarter log noise level of Karras et al. (2022). Any height and width: the image is padded by reflection.
    """

    frequencies: Tensor

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        widths = [shape.width * m for m in shape.multipliers]
        embedding = 4 * shape.width
        self.register_buffer("frequencies", frequencies())
        self.embed = nn.Sequential(nn.Linear(64, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        pixels = shape.channels * shape.unshuffle**2
        self.first = nn.Conv2d(pixels, widths[0], 3, padding=1)

        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            self.down.append(nn.ModuleList(_Block(width, width, embedding) for _ in range(shape.blocks)))
            self.up.append(
                nn.ModuleList(_Block(2 * width if i == 0 else width, width, embedding) for i in range(shape.blocks))
            )
            if level + 1 < len(widths):
                self.shrink.append(nn.Conv2d(width, widths[level + 1], 3, stride=2, padding=1))
                self.grow.append(nn.Conv2d(widths[level + 1], width, 1))
        self.middle = nn.ModuleList(_Block(widths[-1], widths[-1], embedding) for _ in range(2))
        self.attend = Attention(widths[-1]) if shape.attention else None
        self.last_norm = ChannelNorm(widths[0])
        self.last = nn.Conv2d(widths[0], pixels, 3, padding=1)
        start_at_zero(self.last)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = padded(x, self.shape.multiple)
        angles = label[:, None] * self.frequencies
        embedding = self.embed(torch.cat([angles.sin(), angles.cos()], dim=1))

        h = self.first(F.pixel_unshuffle(x, self.shape.unshuffle))
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks.children():
                h = block(h, embedding)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = self.middle[0](h, embedding)
        if self.attend is not None:
            h = self.attend(h)
        h = self.middle[1](h, embedding)
        for level in reversed(range(len(self.up))):
            if level < len(self.grow):
                h = F.interpolate(self.grow[level](h), scale_factor=2.0, mode="nearest")
            h = torch.cat([h, skips[level]], dim=1)
            for block in self.up[level].children():
                h = block(h, embedding)
        h = F.pixel_shuffle(self.last(F.silu(self.last_norm(h))), self.shape.unshuffle)
        return h[..., :height, :width]
