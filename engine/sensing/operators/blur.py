"""Blur: convolution with a kernel, periodic at the border."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import InputError
from engine.sensing.operators.base import GramEigenbasis, ImagingChoice, Operator
from engine.settings import number, one_of, path

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Blur", "BlurOperator"]


class BlurOperator(Operator):
    """A x = kernel * x in every channel, circulant: the two-dimensional Fourier transform diagonalises it.

    ``kernel`` (height, width), its centre at pixel (0, 0). A A^T is a real symmetric circulant matrix, so the real
    orthonormal Hartley transform, Re - Im of the Fourier transform, is an eigenbasis and its own inverse.
    """

    non_negative = True

    def __init__(self, kernel: Tensor, image_shape: tuple[int, int, int]) -> None:
        import torch

        self.kernel, self.image_shape = kernel, image_shape
        self.rows = self.pixels
        self.transfer = torch.fft.rfft2(kernel.double()).to(torch.complex64)

    def _apply(self, images: Tensor, transfer: Tensor) -> Tensor:
        import torch

        spectrum = torch.fft.rfft2(images)
        return torch.fft.irfft2(spectrum * transfer.to(spectrum.dtype), s=self.image_shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        return self._apply(x, self.transfer).flatten(1)

    def adjoint(self, z: Tensor) -> Tensor:
        return self._apply(z.reshape(-1, *self.image_shape), self.transfer.conj())

    def laid_out(self, z: Tensor) -> Tensor:
        return z.reshape(self.image_shape)

    def interpolate(self, z: Tensor) -> Tensor:
        """The blurred picture itself."""
        return z.reshape(-1, *self.image_shape)

    def row_norms_squared(self) -> Tensor:
        return self.kernel.double().square().sum().repeat(self.rows)

    def memory_usage(self) -> int:
        return sum(t.numel() * t.element_size() for t in (self.kernel, self.transfer))

    def to(self, device: str) -> BlurOperator:
        return BlurOperator(self.kernel.to(device), self.image_shape)

    def gram_eigenbasis(self) -> GramEigenbasis:
        import torch

        values = torch.fft.fft2(self.kernel.double()).abs().square().float()

        def hartley(z: Tensor) -> Tensor:
            spectrum = torch.fft.fft2(z.reshape(-1, *self.image_shape), norm="ortho")
            return (spectrum.real - spectrum.imag).reshape(len(z), -1)

        return GramEigenbasis(values.flatten().repeat(self.image_shape[0]), hartley, hartley)

    def picture(self) -> Tensor:
        """The kernel, in the middle, its largest entry white."""
        height, width = self.image_shape[1:]
        centred = self.kernel.roll((height // 2, width // 2), (0, 1)).cpu().float()
        return (centred / centred.max()).expand(self.image_shape[0], -1, -1)


@dataclass(frozen=True)
class Blur(ImagingChoice):
    """Blur by a Gaussian, by motion or by a kernel image; the picture is taken as periodic."""

    name = "blur"
    label = "Blur"

    kernel: str = one_of("gaussian", ("gaussian", "motion", "image"), "Kernel", "What blurs the picture.")
    width: float = number(1.5, "Width", "Standard deviation of the Gaussian kernel.", unit="px", above=0, high=1000)
    length: float = number(7.0, "Length", "Length of the motion.", unit="px", low=1, high=1000)
    angle: float = number(
        30.0, "Angle", "Direction of the motion, anticlockwise from the right.", unit="degrees", low=-360, high=360
    )
    file: str = path(
        "", "Kernel image", "Grey picture of the kernel; it is scaled to sum one.", "Pictures (*.png *.tif *.bmp)"
    )

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return math.prod(image_shape)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        return float(np.square(self._kernel(image_shape[1:])).sum())

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        return 40 * math.prod(image_shape)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        return BlurOperator(torch.from_numpy(self._kernel(image_shape[1:])).float(), image_shape)

    def _kernel(self, size: tuple[int, int]) -> np.ndarray:
        """(height, width), float64, sum 1, centre at (0, 0)."""
        rows, columns = (
            np.minimum(np.arange(n), n - np.arange(n)) * np.where(np.arange(n) > n / 2, -1.0, 1.0) for n in size
        )
        y, x = np.meshgrid(rows, columns, indexing="ij")
        if self.kernel == "gaussian":
            kernel = np.exp(-(x**2 + y**2) / (2 * self.width**2))
        elif self.kernel == "motion":
            angle = math.radians(self.angle)
            along, across = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
            # a line one pixel wide, its edges softened over a pixel
            beyond = np.hypot(np.maximum(np.abs(along) - (self.length - 1) / 2, 0), across)
            kernel = np.clip(1 - beyond, 0, None)
        else:
            kernel = self._from_file(size)
        return kernel / kernel.sum()

    def _from_file(self, size: tuple[int, int]) -> np.ndarray:
        if not self.file:
            raise InputError("kernel=image needs file=PICTURE of the kernel.")
        from engine.images import load_image

        picture = load_image(self.file).pixels.mean(0).astype(np.float64)
        if picture.shape[0] > size[0] or picture.shape[1] > size[1]:
            raise InputError(
                f"The kernel image is larger than the picture ({size[1]} x {size[0]}); give a smaller one."
            )
        if picture.sum() <= 0:
            raise InputError("The kernel image is black; give one with a bright kernel.")
        kernel = np.zeros(size)
        kernel[: picture.shape[0], : picture.shape[1]] = picture
        return np.roll(kernel, [-(n // 2) for n in picture.shape], (0, 1))
