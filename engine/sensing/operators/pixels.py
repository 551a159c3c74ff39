"""Operators that see single pixels: all of them, or those that a mask leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from engine.errors import InputError
from engine.sensing.operators.base import GramEigenbasis, ImagingChoice, Operator
from engine.settings import integer, number, one_of, path

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Identity", "Inpainting", "PixelOperator", "RowsOfIdentity", "filled"]


class RowsOfIdentity(Operator):
    """A keeps some values of the picture as they are; ``kept`` holds their places, ``forward`` and ``adjoint`` say of what."""

    non_negative = True
    kept: Tensor

    def interpolate(self, z: Tensor) -> Tensor:
        """What is missing from the nearest pixels, of the same channel, that are seen."""
        import torch

        return filled(self.adjoint(z), self.adjoint(torch.ones_like(z[:1])))

    def row_norms_squared(self) -> Tensor:
        import torch

        return torch.ones(self.rows, dtype=torch.float64, device=self.kept.device)

    def memory_usage(self) -> int:
        return self.kept.numel() * self.kept.element_size()

    def to(self, device: str) -> Self:
        return type(self)(self.kept.to(device), self.image_shape)  # type: ignore[call-arg]

    def gram_eigenbasis(self) -> GramEigenbasis:
        return GramEigenbasis.of_orthogonal_rows(self.row_norms_squared())

    def picture(self) -> Tensor:
        """White where a value is seen; a mosaic in its colours."""
        import torch

        return self.adjoint(torch.ones((1, self.rows), device=self.kept.device))[0].cpu()


class PixelOperator(RowsOfIdentity):
    """A keeps the pixels ``kept`` (indices into height * width), the same in every channel."""

    def __init__(self, kept: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.kept, self.image_shape = kept, image_shape
        self.rows = image_shape[0] * len(kept)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2)[:, :, self.kept].flatten(1)

    def adjoint(self, z: Tensor) -> Tensor:
        channels, height, width = self.image_shape
        out = z.new_zeros((len(z), channels, height * width))
        out[:, :, self.kept] = z.reshape(len(z), channels, -1)
        return out.reshape(-1, *self.image_shape)

    def laid_out(self, z: Tensor) -> Tensor:
        out = z.new_full((self.image_shape[0], math.prod(self.image_shape[1:])), math.nan)
        out[:, self.kept] = z.reshape(len(out), -1)
        return out.reshape(self.image_shape)


def filled(x: Tensor, seen: Tensor) -> Tensor:
    """Pictures (batch, channels, height, width) whose missing pixels are taken from the nearest of the channel that are seen,
    where ``seen`` (1, channels, height, width) is 1: from means over blocks that double in size until one is in."""
    import torch
    from torch.nn import functional as F

    levels = [(x, seen.to(x.dtype).expand(1, x.shape[1], -1, -1))]
    while min(levels[-1][0].shape[2:]) > 1 or bool((levels[-1][1] == 0).any()):
        above, weight = levels[-1]
        if max(above.shape[2:]) == 1:
            break
        share, mean = (F.avg_pool2d(t, 2, ceil_mode=True, count_include_pad=False) for t in (weight, above * weight))
        mean = mean / share.clamp_min(1e-12)
        levels.append((mean, (share > 0).to(x.dtype)))
    smooth = levels[-1][0]
    for above, weight in reversed(levels[:-1]):
        smooth = F.interpolate(smooth, size=above.shape[2:], mode="bilinear", align_corners=False)
        smooth = torch.where(weight > 0, above, smooth)
    return smooth


@dataclass(frozen=True)
class _PixelChoice(ImagingChoice):
    @property
    def orthogonal_rows(self) -> bool:
        return True

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return 1.0

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 16 * math.prod(image_shape)

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return image_shape[0] * len(self._kept(image_shape[1:], 0))

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        return PixelOperator(torch.from_numpy(self._kept(image_shape[1:], seed)), image_shape)

    def _kept(self, size: tuple[int, int], seed: int) -> np.ndarray:
        """Indices of the pixels seen, increasing, int64."""
        raise NotImplementedError


@dataclass(frozen=True)
class Identity(_PixelChoice):
    """Every pixel by itself, A = I: denoising and quantized cameras."""

    name = "identity"
    label = "Every pixel (denoising)"

    def _kept(self, size: tuple[int, int], seed: int) -> np.ndarray:
        return np.arange(size[0] * size[1])


@dataclass(frozen=True)
class Inpainting(_PixelChoice):
    """Inpainting: some pixels are seen, the others are missing."""

    name = "inpainting"
    label = "Inpainting (missing pixels)"

    pattern: str = one_of(
        "random", ("random", "box", "half", "image"), "Mask", "Which pixels are missing: scattered at random, a box in the "
        "middle, the lower half, or the black ones of a mask image.",
    )  # fmt: skip
    measurements: int | None = integer(
        None, "Pixels seen", "For the random mask; auto sees half of them.", unit="pixels", low=1, high=10**8
    )
    box: float = number(0.5, "Box", "Side of the missing box as a share of the image's.", above=0, high=1)
    file: str = path("", "Mask image", "Picture that is white where pixels are seen.", "Pictures (*.png *.tif *.bmp)")

    def settled(self, image_shape: tuple[int, int, int]) -> Inpainting:
        half = max(1, math.prod(image_shape[1:]) // 2)
        return self if self.measurements is not None else self.replace(measurements=half)

    def _kept(self, size: tuple[int, int], seed: int) -> np.ndarray:
        height, width = size
        if self.pattern == "random":
            count = self.measurements or max(1, height * width // 2)
            if count > height * width:
                raise InputError(f"There are only {height * width:,} pixels; give measurements of at most that.")
            import torch

            from engine.seeds import generator

            order = torch.randperm(height * width, generator=generator(seed, "matrix"))
            return np.sort(order[:count].numpy())
        seen = np.ones(size, bool)
        if self.pattern == "box":
            sides = [max(1, round(n * self.box)) for n in size]
            top, left = ((n - s) // 2 for n, s in zip(size, sides, strict=True))
            seen[top : top + sides[0], left : left + sides[1]] = False
        elif self.pattern == "half":
            seen[height // 2 :] = False
        else:
            if not self.file:
                raise InputError("pattern=image needs file=PICTURE, white where pixels are seen.")
            from engine.images import fit, load_image

            seen = fit(load_image(self.file).pixels, (1, height, width))[0] > 0.5
        kept = np.flatnonzero(seen)
        if not len(kept):
            raise InputError("This mask leaves no pixel to see; make the missing part smaller.")
        return kept
