"""Squares cut from the pictures of a folder, on request never quite the same twice, for sets of some hundreds of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.errors import InputError
from engine.images import fit, load_image
from engine.images.datasets import Pictures, image_names, readable_images
from engine.priors.training.sources import FEWEST_IMAGES, KEEP_EVERY, MOST_KEPT, Source

__all__ = ["Region", "Squares", "pictures_for"]

SHIFT, SCALE, DEGREES = 0.03, 0.08, 5.0
"""Largest shift as a share of the side, change of scale, and rotation."""
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
    changed in contrast, colour and brightness, anew every time that it is drawn. Those kept for judging stay as they are."""

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
        self.pictures = [p for p, out in zip(pictures, kept, strict=True) if not out]
        plain = torch.stack(self.all())
        self.mean, self.deviation = float(plain.mean()), float(plain.std())

    def _plain(self, picture: Image.Image) -> Tensor:
        return _resized(picture, self.shape, *self.region.of(picture))

    def _changed(self, picture: Image.Image, draw: torch.Generator) -> Tensor:
        u = (2 * torch.rand(10, generator=draw) - 1).tolist()
        column, row, side = self.region.of(picture)
        width, height = picture.size
        turned = _rotated(picture, DEGREES * u[0], column, row, side)
        column, row = column + SHIFT * side * u[1], row + SHIFT * side * u[2]
        side = min(side * (1 + SCALE * u[3]), width, height)
        column = min(max(column, side / 2), width - side / 2)
        row = min(max(row, side / 2), height - side / 2)
        x = _resized(turned, self.shape, column, row, side)
        if u[4] < 0:
            x = x.flip(2)
        gain = torch.tensor([1 + GAIN * u[5] + TINT * v for v in u[6:9]][: len(x)]).reshape(-1, 1, 1)
        return ((x - self.mean) * gain + self.mean + LIFT * u[9]).clamp(0, 1)

    def batch(self, count: int, draw: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.pictures), (count,), generator=draw).tolist()
        pictures = [self.pictures[i] for i in chosen]
        return torch.stack([self._changed(p, draw) if self.augment else self._plain(p) for p in pictures])

    def all(self) -> list[Tensor]:
        return [self._plain(p) for p in self.pictures[:2000]]

    def held_out(self, path: str) -> list[Tensor]:
        return [self._plain(_picture(load_image(name).pixels, self.shape[0])) for name in image_names(path)[:512]]


def pictures_for(
    place: Path | str, shape: tuple[int, int, int], any_size: bool, region: str, offset: int, limit: int
) -> list[Tensor]:
    """Pictures of a folder or IDX file as a prior is judged on them, each (c, h, w): at their own size where it takes any,
    else fitted to ``shape``, or the square ``region`` of them."""
    pictures = [*Pictures(place, offset, limit)]
    if region:
        square = Region(region)
        return [_resized(p := _picture(x, shape[0]), shape, *square.of(p)) for x in pictures]
    sizes = [(shape[0], *x.shape[1:]) if any_size else shape for x in pictures]
    return [torch.from_numpy(fit(x, size)) for x, size in zip(pictures, sizes, strict=True)]


def _picture(pixels: np.ndarray, channels: int) -> Image.Image:
    as_bytes = np.rint(pixels * 255).astype(np.uint8)
    picture = Image.fromarray(as_bytes[0] if len(as_bytes) == 1 else np.moveaxis(as_bytes[:3], 0, -1))
    return picture.convert("L" if channels == 1 else "RGB")


def _rotated(picture: Image.Image, degrees: float, column: float, row: float, side: float) -> Image.Image:
    """The picture turned about a point, and mirrored at its edges where that would bring in what is beyond them."""
    margin = math.ceil(0.1 * side) + 2  # corners of a square move by 0.09 of their distance
    rows_columns = ((margin, margin), (margin, margin))
    pixels = np.asarray(picture)
    wider = np.pad(pixels, rows_columns if pixels.ndim == 2 else (*rows_columns, (0, 0)), mode="symmetric")
    turned = Image.fromarray(wider).rotate(degrees, Image.Resampling.BICUBIC, center=(column + margin, row + margin))
    return turned.crop((margin, margin, margin + picture.size[0], margin + picture.size[1]))


def _resized(picture: Image.Image, shape: tuple[int, int, int], column: float, row: float, side: float) -> Tensor:
    box = (column - side / 2, row - side / 2, column + side / 2, row + side / 2)
    small = picture.resize(shape[:0:-1], Image.Resampling.LANCZOS, box=box)
    return torch.from_numpy(np.asarray(small, np.float32).reshape(*shape[1:], -1) / 255).permute(2, 0, 1)
