"""Squares cut from the pictures of a folder, on request never quite the same twice, for sets of some hundreds of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engine.errors import InputError
from engine.images import fit, load_image
from engine.images.datasets import Pictures, image_names, readable_images
from engine.priors.training.sources import FEWEST_IMAGES, KEEP_EVERY, MOST_KEPT, Source

__all__ = ["Region", "Squares", "pictures_for"]

SHIFT, SCALE, DEGREES = 0.03, 0.08, 5.0
"""Largest shift as a share of the side, change of scale, and rotation."""
MARGIN, FINER = 0.18, 3
"""What is kept beyond the square, as a share of its side, for all of these together; and how much finer it is kept."""
GAIN, TINT, LIFT = 0.10, 0.04, 0.03
"""Largest change of contrast, of one colour's contrast, and of brightness."""


class Region:
    """The square of a picture that is used: ``column,row,side`` in its pixels; empty is the largest one in the middle."""

    def __init__(self, written: str) -> None:
        self.numbers: tuple[float, float, float] | None = None
        if not written.strip():
            return
        try:
            column, row, side = (float(word) for word in written.replace(",", " ").split())
        except ValueError:
            raise InputError(f"region='{written}': give three numbers, column,row,side, in pixels.") from None
        if not (0 <= column < 1e6 and 0 <= row < 1e6 and 1 <= side < 1e6):
            raise InputError(f"region='{written}': give a column and a row of at least 0 and a side of at least 1.")
        self.numbers = (column, row, side)

    def of(self, image: Image.Image) -> tuple[float, float, float]:
        """Centre (column, row) and side of it in this picture, moved and shrunk so far that it lies within."""
        width, height = image.size
        column, row, side = self.numbers or (width / 2, height / 2, min(width, height))
        side = min(side, width, height)
        half = side / 2
        return min(max(column, half), width - half), min(max(row, half), height - half), side


class Squares(Source):
    """A square of each picture; where they are augmented, mirrored, shifted, scaled, turned by a few degrees and slightly
    changed in contrast, colour and brightness, anew every time that it is drawn. Those kept for judging stay as they are.

    What is augmented is kept as a wider and finer square; a batch is moved and reduced from it in one go, on any device.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int, int], region: str, augment: bool, keep: bool = False
    ) -> None:
        self.shape, self.region, self.augment = shape, Region(region), augment
        self.broken = []
        pictures = [_picture(x, shape[0]) for x in readable_images(folder, self.broken)]
        if len(pictures) < FEWEST_IMAGES:
            raise InputError(f"{len(pictures)} images are too few to train on; give at least {FEWEST_IMAGES}.")
        kept = [keep and i % KEEP_EVERY == KEEP_EVERY - 1 for i in range(len(pictures))]
        self.kept = [self._plain(p) for p, out in zip(pictures, kept, strict=True) if out][:MOST_KEPT]
        used = [p for p, out in zip(pictures, kept, strict=True) if not out]
        self.plain = torch.stack([self._plain(p) for p in used])
        self.mean, self.deviation = float(self.plain.mean()), float(self.plain.std())
        self.wide = torch.stack([self._wide(p) for p in used]) if augment else self.plain

    def _plain(self, picture: Image.Image) -> Tensor:
        return _resized(picture, self.shape, *self.region.of(picture))

    def _wide(self, picture: Image.Image) -> Tensor:
        """The square with a margin all round, ``FINER`` times as fine, uint8; mirrored where the picture ends."""
        column, row, side = self.region.of(picture)
        beyond = math.ceil(MARGIN * side) + 1
        pixels = np.asarray(picture)
        frame = ((beyond, beyond), (beyond, beyond), (0, 0))[: pixels.ndim]
        wider = Image.fromarray(np.pad(pixels, frame, mode="symmetric"))
        half = (0.5 + MARGIN) * side
        box = (column + beyond - half, row + beyond - half, column + beyond + half, row + beyond + half)
        fine = round(FINER * self.shape[1] * (1 + 2 * MARGIN))
        resized = np.array(wider.resize((fine, fine), Image.Resampling.LANCZOS, box=box))
        return torch.from_numpy(resized.reshape(fine, fine, -1)).permute(2, 0, 1).contiguous()

    def batch(self, count: int, draw: torch.Generator) -> Tensor:
        device = draw.device
        self.wide = self.wide.to(device)
        chosen = self.wide[torch.randint(len(self.wide), (count,), generator=draw, device=device)]
        if not self.augment:
            return chosen
        u = 2 * torch.rand((10, count), generator=draw, device=device) - 1
        moved = _moved(
            chosen.float() / 255, self.shape[1], DEGREES * u[0], SHIFT * u[1:3].T, 1 + SCALE * u[3], u[4] < 0
        )
        tint = TINT * u[6:9].T[:, : self.shape[0]] if self.shape[0] > 1 else torch.zeros_like(u[:1].T)
        gain = 1 + GAIN * u[5, :, None] + tint
        changed = (moved - self.mean) * gain[:, :, None, None] + self.mean + LIFT * u[9].reshape(-1, 1, 1, 1)
        return changed.clamp(0, 1)

    def all(self) -> list[Tensor]:
        return list(self.plain[:2000])

    def held_out(self, path: str) -> list[Tensor]:
        return [self._plain(_picture(load_image(name).pixels, self.shape[0])) for name in image_names(path)[:512]]


def _moved(wide: Tensor, side: int, degrees: Tensor, shift: Tensor, scale: Tensor, mirrored: Tensor) -> Tensor:
    """The squares (n, c, side, side) of wide and fine ones, turned, shifted (n, 2), scaled and mirrored, reduced with
    Lanczos weights like the pictures that are not changed."""
    taps = 3 * FINER  # what the outermost output pixels see beyond the square
    span = (FINER * side + 2 * taps) / (FINER * side)
    angle = torch.deg2rad(degrees)
    cosine, sine = (span * scale * f / (1 + 2 * MARGIN) for f in (angle.cos(), angle.sin()))
    flip = torch.where(mirrored, -1.0, 1.0)
    across, down = 2 * shift.T / (1 + 2 * MARGIN)
    theta = torch.stack([flip * cosine, -sine, across, flip * sine, cosine, down], 1).reshape(-1, 2, 3)
    fine = FINER * side + 2 * taps
    grid = F.affine_grid(theta, [len(wide), wide.shape[1], fine, fine], align_corners=False)
    sampled = F.grid_sample(wide, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    weights = _lanczos(side, taps).to(wide.device)
    return torch.einsum("ij,ncjk,lk->ncil", weights, sampled, weights)


def _lanczos(side: int, taps: int) -> Tensor:
    """Weights (side, FINER side + 2 taps) that reduce a row by ``FINER``."""
    centres = taps + FINER * (torch.arange(side, dtype=torch.float64) + 0.5)
    x = (torch.arange(FINER * side + 2 * taps, dtype=torch.float64) + 0.5 - centres[:, None]) / FINER
    weights = torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0)
    return (weights / weights.sum(1, keepdim=True)).float()


def pictures_for(
    place: Path | str, shape: tuple[int, int, int], any_size: bool, region: str, offset: int, limit: int
) -> list[Tensor]:
    """Pictures of a folder or IDX file as a prior is judged on them, each (c, h, w): at their own size where it takes any,
    else fitted to ``shape``, or the square ``region`` of them."""
    pictures = [*Pictures(place, offset, limit)]
    if region:
        square = Region(region)
        whole = (_picture(x, shape[0]) for x in pictures)
        return [_resized(p, shape, *square.of(p)) for p in whole]
    sizes = [(shape[0], *x.shape[1:]) if any_size else shape for x in pictures]
    return [torch.from_numpy(fit(x, size)) for x, size in zip(pictures, sizes, strict=True)]


def _picture(pixels: np.ndarray, channels: int) -> Image.Image:
    as_bytes = np.rint(pixels * 255).astype(np.uint8)
    picture = Image.fromarray(as_bytes[0] if len(as_bytes) == 1 else np.moveaxis(as_bytes[:3], 0, -1))
    return picture.convert("L" if channels == 1 else "RGB")


def _resized(picture: Image.Image, shape: tuple[int, int, int], column: float, row: float, side: float) -> Tensor:
    box = (column - side / 2, row - side / 2, column + side / 2, row + side / 2)
    small = picture.resize(shape[:0:-1], Image.Resampling.LANCZOS, box=box)
    return torch.from_numpy(np.asarray(small, np.float32).reshape(*shape[1:], -1) / 255).permute(2, 0, 1)
