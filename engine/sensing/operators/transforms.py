"""Randomised subsampled transforms: sensing matrices that are never held in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from engine.errors import InputError
from engine.sensing.operators.base import Operator
from engine.sensing.operators.per_channel import CountedChoice

__all__ = ["RandomDct", "RandomDft", "RandomHadamard"]


@dataclass(frozen=True)
class _RandomTransform(CountedChoice):
    transform: ClassVar[str]

    @property
    def orthogonal_rows(self) -> bool:
        return True

    def typical_eigenvalues(self, image_shape: tuple[int, int, int]) -> tuple[float, ...]:
        return (self.mean_row_norm_squared(image_shape),)

    def memory_of(self, pixels: int) -> int:
        return 16 * pixels + 16 * self.measurements

    def check_rows(self, pixels: int) -> None:
        if self.measurements > pixels:
            raise InputError(
                f"{self.name} keeps at most as many rows as there are pixels: give measurements of at most {pixels:,}."
            )

    def make(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        from engine.seeds import generator
        from engine.sensing.operators.subsampled import SubsampledTransform

        pixels = math.prod(image_shape)
        draw = generator(seed, "matrix")
        signs = torch.randint(0, 2, (pixels,), generator=draw) * 2.0 - 1
        kept = torch.randperm(pixels, generator=draw)[: self.measurements].sort().values
        return SubsampledTransform(self.transform, signs, kept, image_shape)


@dataclass(frozen=True)
class RandomDct(_RandomTransform):
    """Randomised DCT: random signs, cosine transform, random rows; matrix-free, O(N log N), rows orthogonal."""

    name = "dct"
    label = "Randomised DCT (fast)"
    transform = "dct"


@dataclass(frozen=True)
class RandomHadamard(_RandomTransform):
    """Randomised Walsh-Hadamard: random signs, Hadamard transform, random rows; matrix-free, rows orthogonal."""

    name = "hadamard"
    label = "Randomised Hadamard (fast)"
    transform = "hadamard"


@dataclass(frozen=True)
class RandomDft(_RandomTransform):
    """Randomised real DFT: random signs, real Fourier basis, random rows; matrix-free, rows orthogonal."""

    name = "dft"
    label = "Randomised DFT (fast)"
    transform = "dft"
