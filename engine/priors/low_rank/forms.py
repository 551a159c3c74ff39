"""How a picture becomes matrices and a tensor, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.base import LowRankPrior
from engine.priors.choice import Shape

if TYPE_CHECKING:
    from engine.priors.low_rank.choice import LowRank

__all__ = ["FORMS", "Frames", "Matrix", "Patches"]


class _Form(LowRankPrior):
    def __init__(self, choice: LowRank, shape: Shape) -> None:
        self.image_shape = shape

    def spread(self, x: Tensor) -> Tensor:
        return self.matricise(x)

    def to(self, device: str) -> _Form:
        return self


class Matrix(_Form):
    """Each colour is a matrix of height x width; the tensor is height x width x colours."""

    def __init__(self, choice: LowRank, shape: Shape) -> None:
        super().__init__(choice, shape)
        self.parts, self.sides = shape[0], shape[1:]

    def matricise(self, x: Tensor) -> Tensor:
        return x

    def depict(self, matrices: Tensor) -> Tensor:
        return matrices

    def tensorise(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)

    def depict_tensor(self, tensors: Tensor) -> Tensor:
        return tensors.permute(0, 3, 1, 2)

    def entries(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, height, width = self.image_shape
        return pixels // (height * width), pixels // width % height, pixels % width


class Frames(_Form):
    """A film: frames of the same height one below the other. A column of the matrix is a frame with its colours; the tensor
    is (height of a frame) x width x (frames * colours)."""

    def __init__(self, choice: LowRank, shape: Shape) -> None:
        super().__init__(choice, shape)
        channels, height, width = shape
        self.count, self.height = choice.frames, height // choice.frames
        self.sides = (channels * self.height * width, self.count)

    def matricise(self, x: Tensor) -> Tensor:
        channels, _, width = self.image_shape
        cut = x.reshape(-1, channels, self.count, self.height, width).permute(0, 1, 3, 4, 2)
        return cut.reshape(-1, 1, *self.sides)

    def depict(self, matrices: Tensor) -> Tensor:
        channels, _, width = self.image_shape
        cut = matrices.reshape(-1, channels, self.height, width, self.count).permute(0, 1, 4, 2, 3)
        return cut.reshape(-1, *self.image_shape)

    def tensorise(self, x: Tensor) -> Tensor:
        channels, _, width = self.image_shape
        cut = x.reshape(-1, channels * self.count, self.height, width)
        return cut.permute(0, 2, 3, 1)

    def depict_tensor(self, tensors: Tensor) -> Tensor:
        return tensors.permute(0, 3, 1, 2).reshape(-1, *self.image_shape)

    def entries(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, height, width = self.image_shape
        channel, line, column = pixels // (height * width), pixels // width % height, pixels % width
        row = (channel * self.height + line % self.height) * width + column
        return torch.zeros_like(pixels), row, line // self.height


class Patches(_Form):
    """A row of the matrix is a patch with its colours; the tensor is patches x side x side, of colours patches x colours x
    pixels. Where patches do not fit the sides, the last ones overlap."""

    def __init__(self, choice: LowRank, shape: Shape) -> None:
        super().__init__(choice, shape)
        channels, height, width = shape
        side = choice.patch
        step = max(1, side // 2) if choice.overlap else side
        tops, lefts = (_starts(n, side, step) for n in (height, width))
        corners = (tops[:, None] * width + lefts[None, :]).reshape(-1, 1)
        inside = torch.arange(side)[:, None] * width + torch.arange(side)[None, :]
        each = corners + inside.reshape(1, -1)
        colours = torch.arange(channels).reshape(1, -1, 1) * (height * width)
        self.index = (each[:, None, :] + colours).reshape(len(each), -1)
        self.sides = (self.index.shape[0], self.index.shape[1])
        pixels = channels * height * width
        self.counts = torch.bincount(self.index.flatten(), minlength=pixels)
        self.overlap = self.index.numel() / pixels
        self.side = side

    def matricise(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, self.index].unsqueeze(1)

    def depict(self, matrices: Tensor) -> Tensor:
        total = matrices.new_zeros((len(matrices), len(self.counts)))
        total.index_add_(1, self.index.flatten(), matrices.reshape(len(matrices), -1))
        return (total / self.counts).reshape(-1, *self.image_shape)

    def spread(self, x: Tensor) -> Tensor:
        return self.matricise(x / self.counts.reshape(self.image_shape))

    def tensorise(self, x: Tensor) -> Tensor:
        if self.overlap > 1:
            raise InputError(
                "Overlapping patches are no tensor of pixels; set overlap=false, with a side that divides both."
            )
        channels, side = self.image_shape[0], self.side
        sides = (channels, side * side) if channels > 1 else (side, side)
        return x.flatten(1)[:, self.index].reshape(len(x), len(self.index), *sides)

    def depict_tensor(self, tensors: Tensor) -> Tensor:
        return self.depict(tensors.reshape(len(tensors), 1, *self.sides))

    def entries(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        if self.overlap > 1:
            return None
        at = torch.empty(len(self.counts), dtype=torch.int64, device=pixels.device)
        at[self.index.flatten()] = torch.arange(self.index.numel(), device=pixels.device)
        found = at[pixels]
        return torch.zeros_like(found), found // self.sides[1], found % self.sides[1]

    def to(self, device: str) -> Patches:
        self.index, self.counts = self.index.to(device), self.counts.to(device)
        return self


def _starts(length: int, side: int, step: int) -> Tensor:
    """Where patches begin along a side, so that every pixel lies in one."""
    count = math.ceil((length - side) / step)
    return torch.tensor([*range(0, step * count, step), length - side])


FORMS: dict[str, type[_Form]] = {"matrix": Matrix, "patches": Patches, "frames": Frames}
