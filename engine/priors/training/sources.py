"""Where training batches come from: images of one size, or random crops of photographs of any size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError
from engine.images import fit, load_image
from engine.images.datasets import image_names, load_images, readable_images
from engine.images.extent import extent
from engine.priors.training.settings import Training

__all__ = ["FixedImages", "PhotoCrops", "Source", "make_source"]

FEWEST_IMAGES = 16
KEEP_EVERY, MOST_KEPT = 16, 256
"""Every so many images are kept for judging where no others are given, up to a number of them."""
LARGEST_SIDE = 64
MIDDLE = 128
"""Side of the middle of an image whose extent is counted: parts of a photograph go less far than the whole."""
LUMA = (0.299, 0.587, 0.114)


class Source(ABC):
    """Clean images to train on. ``shape`` is (channels, height, width) of one; ``mean`` and ``deviation`` of all pixels."""

    shape: tuple[int, int, int]
    mean: float
    deviation: float
    kept: list[Tensor]
    """Images that are never trained on, for judging where no others are given; none where there are few."""
    cropped: int = 0
    """How many pictures lost what lies beside the square in their middle."""
    broken: Sequence[str] = ()
    """Names of the pictures that could not be read and were left out."""

    @property
    def note(self) -> str:
        """What was left out and cropped, in a sentence each; empty where nothing was."""
        return " ".join(filter(None, [self._left_out(), self._cropped()]))

    def _cropped(self) -> str:
        if not self.cropped:
            return ""
        which = "1 picture is not square" if self.cropped == 1 else f"{self.cropped} pictures are not square"
        return f"{which}: the middle was taken, at {self.shape[2]} x {self.shape[1]}."

    def _left_out(self) -> str:
        if not self.broken:
            return ""
        if len(self.broken) == 1:
            return f"1 picture could not be read and was left out: '{self.broken[0]}'."
        return f"{len(self.broken)} pictures could not be read and were left out, the first of them '{self.broken[0]}'."

    @abstractmethod
    def batch(self, count: int, draw: torch.Generator) -> Tensor:
        """``count`` images drawn at random, (count, *shape), in [0, 1], on the device of ``draw``; the pictures move there
        with the first batch and stay."""

    def contrast(self) -> tuple[float, float]:
        """Median and logarithmic spread of the root-mean-square of x - mean over the images."""
        each = [
            float((x.float() / 255 if x.dtype == torch.uint8 else x).sub(self.mean).square().mean()) for x in self.all()
        ]
        logs = 0.5 * torch.tensor(each, dtype=torch.float64).clamp_min(1e-8).log()
        return float(logs.median().exp()), max(float(logs.std()), 1e-3)

    def extent(self) -> tuple[float, float]:
        """Median and logarithmic spread of how far the middles of the images go towards white or black."""
        logs = torch.tensor([float(_extent_of(_middle(x), self.mean)) for x in self.all()], dtype=torch.float64).log()
        return float(logs.median().exp()), max(float(logs.std()), 1e-3)

    @abstractmethod
    def all(self) -> list[Tensor]:
        """The images that are trained on, some hundreds of them."""

    @abstractmethod
    def held_out(self, path: str) -> list[Tensor]:
        """Images of another place, each (c, h, w), prepared like these but not cropped."""


def _middle(image: Tensor) -> Tensor:
    top, left = (max(0, (n - MIDDLE) // 2) for n in image.shape[1:])
    return image[:, top : top + MIDDLE, left : left + MIDDLE]


def _extent_of(image: Tensor, mean: float) -> Tensor:
    return extent((image.float() / 255 if image.dtype == torch.uint8 else image).double()[None] - mean, mean)[0]


class FixedImages(Source):
    """Images of one size, as they are."""

    def __init__(self, images: np.ndarray, keep: bool = False) -> None:
        if len(images) < FEWEST_IMAGES:
            raise InputError(f"{len(images)} images are too few to train on; give at least {FEWEST_IMAGES}.")
        every = torch.from_numpy(np.ascontiguousarray(images))
        kept = (
            torch.arange(len(every)) % KEEP_EVERY == KEEP_EVERY - 1
            if keep
            else torch.zeros(len(every), dtype=torch.bool)
        )
        self.images, self.kept = every[~kept], list(every[kept][:MOST_KEPT])
        self.shape = tuple(images.shape[1:])
        self.mean, self.deviation = float(self.images.mean()), float(self.images.std())

    def batch(self, count: int, draw: torch.Generator) -> Tensor:
        self.images = self.images.to(draw.device)
        return self.images[torch.randint(len(self.images), (count,), generator=draw, device=draw.device)]

    def all(self) -> list[Tensor]:
        return list(self.images[:2000].cpu())

    def held_out(self, path: str) -> list[Tensor]:
        return list(torch.from_numpy(load_images(path, self.shape, limit=512)))


class PhotoCrops(Source):
    """Random square crops of photographs, turned and mirrored, so that the prior suits pictures of any size."""

    def __init__(self, folder: Path, side: int, channels: int, keep: bool = False) -> None:
        self.shape, self.channels = (channels, side, side), channels
        self.broken: list[str] = []
        self.photos = [p for p in self._load(readable_images(folder, self.broken)) if min(p.shape[1:]) >= side]
        pixels = sum(p.shape[1] * p.shape[2] for p in self.photos)
        if len(self.photos) < FEWEST_IMAGES and pixels < FEWEST_IMAGES * (4 * side) ** 2:
            raise InputError(
                f"{len(self.photos)} pictures of at least {side} x {side} pixels are too few to train on; "
                f"give at least {FEWEST_IMAGES}."
            )
        kept = [i for i in range(len(self.photos)) if keep and i % KEEP_EVERY == KEEP_EVERY - 1]
        self.kept = [self.photos[i].float() / 255 for i in kept[:MOST_KEPT]]
        self.photos = [p for i, p in enumerate(self.photos) if i not in kept]
        sizes = torch.tensor([p.shape[1:] for p in self.photos]).T
        starts = sizes.prod(0).cumsum(0) - sizes.prod(0)
        self.places = torch.cat([sizes, starts[None]])
        self.flat = torch.cat([p.flatten(1) for p in self.photos], 1)  # a batch is then one look-up, on any device
        self.photos = [self.flat[:, n : n + h * w].view(channels, h, w) for h, w, n in self.places.T.tolist()]
        pixels = sum(p.shape[1] * p.shape[2] for p in self.photos)
        # a photograph is drawn as often as it has pixels
        self.shares = torch.tensor([float(p.shape[1] * p.shape[2]) for p in self.photos])
        sums = [(p.float().sum().item(), p.float().square().sum().item()) for p in self.photos]
        total = pixels * channels * 255
        self.mean = sum(s for s, _ in sums) / total
        self.deviation = max(sum(q for _, q in sums) / (total * 255) - self.mean**2, 0.0) ** 0.5

    def _load(self, pictures: Iterable[np.ndarray]) -> list[Tensor]:
        """uint8 to keep thousands of photographs in memory."""
        loaded = []
        for pixels in pictures:
            if self.channels == 1 and len(pixels) == 3:
                pixels = np.tensordot(np.asarray(LUMA, np.float32), pixels, axes=1)[None]
            if self.channels == 3 and len(pixels) == 1:
                continue  # a grey picture would teach that colours are rare
            loaded.append(torch.from_numpy(np.rint(pixels * 255).astype(np.uint8)))
        return loaded

    def batch(self, count: int, draw: torch.Generator) -> Tensor:
        self.flat, self.places = self.flat.to(draw.device), self.places.to(draw.device)
        side, device = self.shape[1], draw.device
        chosen = torch.multinomial(self.shares.to(device), count, True, generator=draw)
        u = torch.rand((3, count, 1, 1), generator=draw, device=device)
        heights, widths, starts = self.places[:, chosen, None, None]
        top, left = (u[0] * (heights - side + 1)).long(), (u[1] * (widths - side + 1)).long()
        turned = (u[2] * 8).long()
        # one of the eight symmetries of the square: a transposition, and a mirroring of either axis
        along = torch.arange(side, device=device)
        rows, columns = along[:, None].expand(side, side), along.expand(side, side)
        i, j = torch.where(turned >= 4, columns, rows), torch.where(turned >= 4, rows, columns)
        i, j = torch.where(turned % 2 > 0, side - 1 - i, i), torch.where(turned % 4 >= 2, side - 1 - j, j)
        index = starts + (top + i) * widths + left + j
        return self.flat[:, index].transpose(0, 1).float().div_(255)

    def all(self) -> list[Tensor]:
        return self.photos[:2000]

    def held_out(self, path: str) -> list[Tensor]:
        return [p.float() / 255 for p in self._load(load_image(name).pixels for name in image_names(path))]


def make_source(settings: Training) -> Source:
    """The source that the settings describe; InputError where the images cannot be trained on."""
    place, keep, crops = Path(settings.images), not settings.validation, getattr(settings, "crops", False)
    if crops and (settings.augment or settings.region):
        raise InputError("crops=true takes its crops from anywhere; leave out augment and region, or crops.")
    if not place.exists():
        raise InputError(f"'{place}' does not exist; give a folder of pictures or an IDX file.")
    if not place.is_dir():
        if settings.augment or settings.region:
            raise InputError("augment and region need a folder of pictures, not an IDX file.")
        if crops:
            raise InputError("crops=true needs a folder of pictures, not an IDX file.")
        source: Source = FixedImages(load_images(place), keep)
    else:
        names = image_names(place)
        if not names:
            raise InputError(f"The folder '{place}' holds no pictures; give one that does.")
        broken: list[str] = []
        first = next(readable_images(place, broken), None)
        if first is None:
            raise InputError(f"0 images are too few to train on; give at least {FEWEST_IMAGES} that can be read.")
        channels, height, width = first.shape
        channels = {"same": channels, "grey": 1, "colour": 3}[settings.colour]
        side = settings.side or min(height, width, LARGEST_SIDE)
        shape = (channels, side, side)
        if settings.augment or settings.region:
            from engine.priors.training.squares import Squares

            source = Squares(place, shape, settings.region, settings.augment, keep)
        elif crops:
            source = PhotoCrops(place, side, channels, keep)
        else:
            broken = []
            images, cropped = [], 0
            for pixels in readable_images(place, broken):
                cropped += pixels.shape[1] != pixels.shape[2]
                images.append(fit(pixels, shape))
            source = FixedImages(np.stack(images), keep)
            source.broken, source.cropped = broken, cropped
    if source.deviation < 1e-3:
        raise InputError("All training images are the same flat picture; give a varied set.")
    return source
