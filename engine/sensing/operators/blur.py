"""Blur: convolution with a kernel, periodic at the border or as cameras see it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import InputError
from engine.sensing.operators.base import GramEigenbasis, ImagingChoice, Operator
from engine.settings import Setting, field_of, flag, number, one_of, path

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Blur", "BlurOperator"]

REACH = 4.0
"""Standard deviations that a Gaussian kernel is wide to either side where it is not periodic."""


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
    """Blur by a Gaussian, by motion or by a kernel image; at the border periodic, cropped or dark."""

    name = "blur"
    label = "Blur"

    kernel: str = one_of("gaussian", ("gaussian", "motion", "image"), "Kernel", "What blurs the picture.")
    width: float | None = field_of(
        1.5,
        Setting(
            float, "Width", "Standard deviation of the Gaussian kernel; auto infers it from a measurement.", unit="px", above=0,
            high=1000, optional=True,
        ),
    )  # fmt: skip
    length: float = number(7.0, "Length", "Length of the motion.", unit="px", low=1, high=1000)
    angle: float = number(
        30.0, "Angle", "Direction of the motion, anticlockwise from the right.", unit="degrees", low=-360, high=360
    )
    file: str = path(
        "", "Kernel image", "Grey picture of the kernel; it is scaled to sum one.", "Pictures (*.png *.tif *.bmp)"
    )
    turned: bool = flag(
        False, "Turned", "Turns the kernel image by 180 degrees, as files have it that keep the kernel for correlation."
    )
    border: str = one_of(
        "periodic", ("periodic", "cropped", "dark"), "Border", "What lies beyond the border: the picture again; more of the "
        "scene, of which only the part that sees nothing unknown is measured; or nothing, as for lensless cameras, whose "
        "kernel may be as large as the picture.", expert=True)  # fmt: skip

    @property
    def has_eigenbasis(self) -> bool:
        return self.border == "periodic"

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        if self.border != "cropped":
            return math.prod(image_shape)
        left = [n - k + 1 for n, k in zip(image_shape[1:], self.small_kernel().shape, strict=True)]
        if min(left) < 1:
            raise InputError(
                f"A picture of {image_shape[2]} x {image_shape[1]} pixels is not wider than this kernel; give a narrower "
                "kernel, or border=periodic or border=dark."
            )
        return image_shape[0] * math.prod(left)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        if self.border == "periodic":
            return float(np.square(self._kernel(image_shape[1:])).sum())
        if self.border == "cropped":
            return float(np.square(self.small_kernel()).sum())
        return float(self.build(image_shape, 0).row_norms_squared().mean())

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        # beyond the border: complex numbers on a grid of up to twice the height and the width
        return (40 if self.border == "periodic" else 160) * math.prod(image_shape) + 4096

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import torch

        if self.border == "periodic":
            return BlurOperator(torch.from_numpy(self._kernel(image_shape[1:])).float(), image_shape)
        from engine.sensing.operators.convolution import ConvolutionOperator

        self.rows_for(image_shape)
        kernel = torch.from_numpy(self.small_kernel())
        return ConvolutionOperator(kernel, image_shape, None if self.border == "cropped" else image_shape[1:])

    def small_kernel(self) -> np.ndarray:
        """(height, width), float64, sum 1, centre at (height // 2, width // 2), no larger than it has to be."""
        if self.kernel == "image":
            picture = self._picture()
            return picture / picture.sum()
        reach = math.ceil(REACH * self._deviation if self.kernel == "gaussian" else (self.length + 1) / 2)
        sides = np.arange(-reach, reach + 1, dtype=np.float64)
        kernel = self._drawn(*np.meshgrid(sides, sides, indexing="ij"))
        rows, columns = (np.flatnonzero(kernel.sum(axis) > 0) for axis in (1, 0))
        kernel = kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return kernel / kernel.sum()

    @property
    def _deviation(self) -> float:
        if self.width is None:
            raise InputError(
                "width=auto has the width of a blur inferred, which needs what a camera saw: give a measurement, or a number to "
                "simulate one."
            )
        return self.width

    @property
    def is_open(self) -> bool:
        """Whether the width is to be inferred."""
        return self.kernel == "gaussian" and self.width is None

    def _drawn(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The Gaussian or motion kernel at places about its centre, not scaled."""
        if self.kernel == "gaussian":
            return np.exp(-(x**2 + y**2) / (2 * self._deviation**2))
        angle = math.radians(self.angle)
        along, across = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        # a line one pixel wide, its edges softened over a pixel
        beyond = np.hypot(np.maximum(np.abs(along) - (self.length - 1) / 2, 0), across)
        return np.clip(1 - beyond, 0, None)

    def _kernel(self, size: tuple[int, int]) -> np.ndarray:
        """(height, width), float64, sum 1, centre at (0, 0)."""
        rows, columns = (
            np.minimum(np.arange(n), n - np.arange(n)) * np.where(np.arange(n) > n / 2, -1.0, 1.0) for n in size
        )
        kernel = (
            self._from_file(size) if self.kernel == "image" else self._drawn(*np.meshgrid(rows, columns, indexing="ij"))
        )
        return kernel / kernel.sum()

    def _from_file(self, size: tuple[int, int]) -> np.ndarray:
        picture = self._picture()
        if picture.shape[0] > size[0] or picture.shape[1] > size[1]:
            raise InputError(
                f"The kernel image is larger than the picture ({size[1]} x {size[0]}); give a smaller one."
            )
        kernel = np.zeros(size)
        kernel[: picture.shape[0], : picture.shape[1]] = picture
        return np.roll(kernel, [-(n // 2) for n in picture.shape], (0, 1))

    def _picture(self) -> np.ndarray:
        """The kernel image, (height, width), float64, not scaled."""
        if not self.file:
            raise InputError("kernel=image needs file=PICTURE of the kernel.")
        from engine.images import load_image

        picture = load_image(self.file).pixels.mean(0).astype(np.float64)
        if picture.sum() <= 0:
            raise InputError("The kernel image is black; give one with a bright kernel.")
        return picture[::-1, ::-1].copy() if self.turned else picture
