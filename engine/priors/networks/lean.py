"""A lean U-Net for denoising: more grids, one norm and one activation per block, sums instead of concatenations.

At the time of a call of the older network it sees farther and holds more weights: what a plain convolution network for
restoration needs least are norms and activations (Lim et al., "Enhanced deep residual networks", 2017), and the coarse
grids are nearly free. Skips are added as by Zhang et al. ("Plug-and-play image restoration with deep denoiser prior",
2021); the noise level enters by feature-wise scale and shift.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.priors.networks.unet import Attention, ChannelNorm, frequencies, padded, start_at_zero

__all__ = ["LeanNet", "LeanShape"]

GROWTH = (1.0, 1.5, 2.5, 4.0)
"""Width of each grid, in that of the finest."""


@dataclass(frozen=True)
class LeanShape:
    """What has to be known to build the network again: it is stored in the header of the weights file."""

    channels: int = 1
    widths: tuple[int, ...] = (64, 96, 160)
    blocks: tuple[int, ...] = (3, 2, 1)
    """Residual blocks of each grid, on the way down and again on the way up."""
    middle: int = 2
    attention: bool = False
    unshuffle: int = 2

    @classmethod
    def of(cls, channels: int, width: int, grids: int, blocks: int, attention: bool) -> LeanShape:
        """The shape with so many channels on the finest grid; every coarser grid has a block less, and one at least."""
        widths = tuple(8 * round(width * g / 8) for g in GROWTH[:grids])
        return cls(channels, widths, tuple(max(1, blocks - i) for i in range(grids)), 2, attention)

    @property
    def multiple(self) -> int:
        """Image sides are padded to a multiple of this number."""
        return self.unshuffle * 2 ** (len(self.widths) - 1)

    @property
    def reach(self) -> int | None:
        """How many pixels away an output pixel sees at most; None where attention lets it see the whole picture."""
        if self.attention:
            return None
        cells = 2 * self.middle * 2 ** (len(self.widths) - 1)
        for level, blocks in enumerate(self.blocks):
            cells += 4 * blocks * 2**level + (2 ** (level + 1) if level + 1 < len(self.widths) else 0)
        return self.unshuffle * (cells + 2)  # the first and the last convolution

    def as_dict(self) -> dict:
        return {"kind": "lean"} | asdict(self)


class _Block(nn.Module):
    """Residual block: norm, scale and shift from the noise level, convolution, ReLU, convolution."""

    def __init__(self, width: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.norm = ChannelNorm(width, elementwise_affine=False)
        self.film = nn.Linear(embedding, 2 * width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.drop = nn.Dropout(dropout)
        start_at_zero(self.film, self.conv2)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm(x), 1 + scale)
        return x + self.conv2(self.drop(F.relu(self.conv1(h))))


class LeanNet(nn.Module):
    """Maps a normalised noisy image and a noise label to an image of the same shape.

    Arguments of ``forward``: ``x`` (batch, channels, height, width) of about unit variance; ``label`` (batch,), the
    quarter log noise level of Karras et al. (2022). Any height and width: the image is padded by reflection.
    ``dropout``: share of features left out while training.
    """

    frequencies: Tensor

    def __init__(self, shape: LeanShape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        widths, embedding = shape.widths, 4 * shape.widths[0]
        pixels = shape.channels * shape.unshuffle**2
        self.register_buffer("frequencies", frequencies())
        self.embed = nn.Sequential(nn.Linear(64, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        self.first = nn.Conv2d(pixels, widths[0], 3, padding=1)

        def blocks(width: int, count: int) -> nn.ModuleList:
            return nn.ModuleList(_Block(width, embedding, dropout) for _ in range(count))

        self.down = nn.ModuleList(blocks(w, n) for w, n in zip(widths, shape.blocks, strict=True))
        self.up = nn.ModuleList(blocks(w, n) for w, n in zip(widths, shape.blocks, strict=True))
        pairs = list(itertools.pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairs)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairs)
        self.middle = blocks(widths[-1], shape.middle)
        self.attend = Attention(widths[-1]) if shape.attention else None
        self.last = nn.Conv2d(widths[0], pixels, 3, padding=1)
        start_at_zero(self.last)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        angles = label[:, None] * self.frequencies
        embedding = self.embed(torch.cat([angles.sin(), angles.cos()], dim=1))
        h = self.first(F.pixel_unshuffle(padded(x, self.shape.multiple), self.shape.unshuffle))
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks.children():
                h = block(h, embedding)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        for i, block in enumerate(self.middle):
            h = block(h, embedding)
            if i == 0 and self.attend is not None:
                h = self.attend(h)
        for level in reversed(range(len(self.up))):
            if level < len(self.grow):
                h = self.grow[level](h)
            h = h + skips[level]
            for block in self.up[level].children():
                h = block(h, embedding)
        return F.pixel_shuffle(self.last(h), self.shape.unshuffle)[..., :height, :width]
