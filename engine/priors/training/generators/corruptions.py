"""Measurements of single pictures that a critic can look at: every picture has its own, and a measured picture is a picture.

AmbientGAN (Bora, Price and Dimakis, 2018) learns from these alone. Each is differentiable in the pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.settings import Choice, Family, integer, number, one_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["CORRUPTIONS", "Corruption", "filled"]


@dataclass(frozen=True)
class Corruption(Choice):
    """What is measured of each picture."""

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """Measured pictures, like ``x`` (batch, c, h, w), each with a measurement of its own drawn from ``draw`` (on the
        device of ``x``), and a mask (batch, 1, h, w) of the pixels that were seen."""
        raise NotImplementedError


def _everywhere(x: Tensor) -> Tensor:
    return x.new_ones((len(x), 1, *x.shape[2:]))


@dataclass(frozen=True)
class Drop(Corruption):
    """Single pixels are missing, at random places."""

    name = "drop"
    label = "Missing pixels"

    share: float = number(0.5, "Share", "Of the pixels that are missing.", low=0, high=0.99)

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        import torch

        mask = (torch.rand((len(x), 1, *x.shape[2:]), generator=draw, device=x.device) >= self.share).to(x.dtype)
        return x * mask, mask


@dataclass(frozen=True)
class Patch(Corruption):
    """A square of each picture is missing, or is all that is seen."""

    name = "patch"
    label = "Patches"

    side: int = integer(14, "Side", "Of the square, in pixels.", low=1, high=4096)
    kept: str = one_of(
        "outside", ("outside", "inside"), "Seen", "What is seen: all but the square, or the square alone."
    )

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        import torch

        inside = _everywhere(x)
        for axis, length in ((2, x.shape[2]), (3, x.shape[3])):
            side = min(self.side, length)
            first = torch.randint(length - side + 1, (len(x), 1, 1, 1), generator=draw, device=x.device)
            place = torch.arange(length, device=x.device).reshape([-1 if i == axis else 1 for i in range(4)])
            inside = inside * ((place >= first) & (place < first + side)).to(x.dtype)
        mask = inside if self.kept == "inside" else 1 - inside
        return x * mask, mask


@dataclass(frozen=True)
class BlurNoise(Corruption):
    """A Gaussian blur, then noise."""

    name = "blur"
    label = "Blur and noise"

    width: float = number(1.0, "Width", "Standard deviation of the blur.", unit="px", low=0.1, high=20)
    noise: float = number(0.1, "Noise", "Standard deviation of the noise.", low=0, high=10)

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        import torch
        from torch.nn import functional as F

        reach = math.ceil(3 * self.width)
        along = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
        kernel = torch.softmax(-0.5 * (along / self.width).square(), 0)
        channels = x.shape[1]
        for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
            weight = kernel.reshape(shape).expand(channels, 1, *kernel.reshape(shape).shape[2:])
            x = F.conv2d(x, weight, padding="same", groups=channels)
        return x + self.noise * torch.randn(x.shape, generator=draw, device=x.device), _everywhere(x)


@dataclass(frozen=True)
class Project(Corruption):
    """Each picture is turned by an angle of its own and summed along its columns; what is seen is that sum, smeared back."""

    name = "project"
    label = "Projections"

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        import torch
        from torch.nn import functional as F

        angle = math.pi * torch.rand(len(x), generator=draw, device=x.device)
        height, width = x.shape[2:]
        edge = math.ceil((math.hypot(height, width) - min(height, width)) / 2)
        wide = F.pad(x, (edge, edge, edge, edge))  # no corner is turned out of the frame
        cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        back, forth = ([cosine, -s, zero, s, cosine, zero] for s in (sine, -sine))

        def turned(pictures: Tensor, entries: list[Tensor]) -> Tensor:
            theta = torch.stack(entries, 1).reshape(-1, 2, 3)
            grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
            return F.grid_sample(pictures, grid, align_corners=False)

        sums = turned(wide, back).mean(2, keepdim=True).expand_as(wide)
        seen = turned(sums, forth)[:, :, edge : edge + height, edge : edge + width]
        return seen, _everywhere(x)


@dataclass(frozen=True)
class Bits(Corruption):
    """One bit a pixel, against a threshold drawn uniformly from [0, 1]; gradients pass straight through."""

    name = "bits"
    label = "Dithered bits"

    def apply(self, x: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        import torch

        bits = (x > torch.rand(x.shape, generator=draw, device=x.device)).to(x.dtype)
        return x + (bits - x).detach(), _everywhere(x)


CORRUPTIONS: Family[Corruption] = Family("measurement", [Drop, Patch, BlurNoise, Project, Bits])


def filled(seen: Tensor, mask: Tensor) -> Tensor:
    """Measured pictures (batch, c, h, w) with every missing pixel set to the nearest one that was seen."""
    import torch
    from scipy.ndimage import distance_transform_edt

    out = seen.clone()
    for i, known in enumerate(mask[:, 0].cpu().numpy() > 0):
        if known.any() and not known.all():
            rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
            out[i] = seen[i][:, torch.from_numpy(rows.copy()).long(), torch.from_numpy(columns.copy()).long()]
    return out
