"""Coded phase retrieval: only the magnitudes of a diffraction pattern are seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.operators.base import ImagingChoice, Operator
from engine.settings import integer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CodedDiffraction", "PhaseRetrieval"]


class CodedDiffraction(Operator):
    """z = |F (c_k x)| / sqrt K for K masks c_k of random phases, F the orthonormal two-dimensional Fourier transform,
    channel by channel (compare Candes, Li and Soltanolkotabi, 2015). Non-linear: it has a Jacobian, no matrix."""

    is_linear = False

    def __init__(self, masks: Tensor, image_shape: tuple[int, int, int]) -> None:
        """``masks`` (K, height, width), complex64 of modulus one."""
        import torch

        self.masks, self.image_shape = masks, image_shape
        self.count = len(masks)
        self.rows = self.count * self.pixels
        height, width = image_shape[1:]
        # sum_n c_n^2 exp(-2 i w n): what makes the rows of the Jacobian differ in length
        doubled = torch.fft.fft2(masks * masks)
        rows, columns = (2 * torch.arange(n, device=masks.device) % n for n in (height, width))
        self._doubled = doubled[:, rows][:, :, columns]

    def _field(self, x: Tensor) -> Tensor:
        import torch

        coded = x[:, None] * self.masks[:, None].to(torch.promote_types(x.dtype, torch.complex64))
        return torch.fft.fft2(coded, norm="ortho") / math.sqrt(self.count)

    def forward(self, x: Tensor) -> Tensor:
        return self._field(x).abs().flatten(1)

    def pull_back(self, x: Tensor, z: Tensor) -> Tensor:
        import torch

        field = self._field(x)
        phase = field / field.abs().clamp_min(1e-30)
        back = torch.fft.ifft2(z.reshape(field.shape) * phase, norm="ortho") * self.masks[:, None].conj().to(
            field.dtype
        )
        return back.real.sum(1) / math.sqrt(self.count)

    def adjoint(self, z: Tensor) -> Tensor:
        """The pull-back at a flat grey picture: something to look at."""
        grey = z.new_full((len(z), *self.image_shape), 0.5)
        return self.pull_back(grey, z)

    def row_norms_squared(self) -> Tensor:
        import torch

        return torch.full((self.rows,), 0.5 / self.count, dtype=torch.float64, device=self.masks.device)

    def row_norms_squared_at(self, x: Tensor) -> Tensor:
        field = self._field(x)
        phase = (field / field.abs().clamp_min(1e-30)).conj()
        size = self.image_shape[1] * self.image_shape[2]
        waves = (phase * phase * self._doubled[:, None].to(field.dtype)).real / size
        return ((1 + waves) / (2 * self.count)).flatten(1).double().clamp_min(1e-12)

    def gain_bound(self) -> float:
        return 1.0  # the field is an isometry of x, and a magnitude moves less than its field

    def memory_usage(self) -> int:
        return 2 * self.masks.numel() * self.masks.element_size()

    def to(self, device: str) -> CodedDiffraction:
        return CodedDiffraction(self.masks.to(device), self.image_shape)

    def typical_response(self, offset: float) -> tuple[float, float]:
        """Magnitudes of a typical field follow the Rayleigh distribution."""
        sigma = 0.35 / math.sqrt(self.count)
        return sigma * math.sqrt(math.pi) / 2, sigma * math.sqrt(1 - math.pi / 4)


@dataclass(frozen=True)
class PhaseRetrieval(ImagingChoice):
    """Coded phase retrieval: magnitudes of Fourier transforms behind random phase masks. Non-linear."""

    name = "phase-retrieval"
    label = "Phase retrieval (coded)"
    is_linear = False

    masks: int = integer(
        2, "Masks", "Number of phase masks; each gives as many magnitudes as there are pixels.", low=1, high=64
    )

    @property
    def sees_neighbours(self) -> bool:
        return False

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return self.masks * math.prod(image_shape)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return 0.5 / self.masks

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 64 * self.masks * math.prod(image_shape)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        from engine.seeds import generator

        turns = torch.rand((self.masks, *image_shape[1:]), generator=generator(seed, "matrix")) * 2 * math.pi
        return CodedDiffraction(torch.polar(torch.ones_like(turns), turns), image_shape)
