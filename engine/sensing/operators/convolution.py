"""Convolution as cameras do it: nothing is periodic, and what the sensor sees is a window of kernel * scene."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from engine.errors import InputError
from engine.sensing.operators.base import GramEigenbasis, Operator

__all__ = ["ConvolutionOperator"]


class ConvolutionOperator(Operator):
    """y = window of (kernel * x) in every channel, the scene being dark beyond x; computed by Fourier transforms.

    Arguments: ``kernel`` (height, width), any size, even or odd, as it is (its sum is the gain), its centre at pixel
    (height // 2, width // 2); ``sensor`` (height, width) of the window, which lies in the middle of the scene. Without
    ``sensor`` it is the part that sees nothing from beyond the scene: (H - h + 1, W - w + 1) of a scene (H, W) larger than the
    kernel, so that y of a camera with that sensor says nothing of what lies beyond x and assumes nothing of it. A lensless
    camera has a kernel and a ``sensor`` as large as the scene.

    Raises InputError where no pixel of the sensor would be left, or where one would be farther out than the kernel reaches.
    """

    def __init__(
        self, kernel: Tensor, image_shape: tuple[int, int, int], sensor: tuple[int, int] | None = None
    ) -> None:
        self.kernel, self.image_shape = kernel.float(), image_shape
        whole = [n - k + 1 for n, k in zip(image_shape[1:], kernel.shape, strict=True)]
        if sensor is None and min(whole) < 1:
            raise InputError(
                f"A kernel of {kernel.shape[1]} x {kernel.shape[0]} pixels leaves nothing of a cropped picture of "
                f"{image_shape[2]} x {image_shape[1]}; give a smaller kernel, or a border that is dark."
            )
        self.cropped = sensor is None
        self.sensor = (whole[0], whole[1]) if sensor is None else sensor
        self.rows = image_shape[0] * math.prod(self.sensor)
        self._start, self._size = [], []
        for n, k, s in zip(image_shape[1:], kernel.shape, self.sensor, strict=True):
            # in the full convolution, of n + k - 1 pixels, the sensor begins here
            start = k - 1 if self.cropped else (n - s) // 2 + k // 2
            if start < 0 or start + s > n + k - 1:
                raise InputError(
                    f"A sensor of {s} pixels is wider than a scene of {n} pixels seen through a kernel of {k}; "
                    "give a larger scene."
                )
            self._start.append(start)
            self._size.append(_fast(max(n, k, start + s, n + k - 1 - start)))
        self.transfer = self._spectrum(self.kernel)

    def _spectrum(self, kernel: Tensor) -> Tensor:
        """Spectrum of a kernel on the padded grid, so large that no wrapped pixel is seen; complex128."""
        return torch.fft.rfft2(kernel.double(), s=self._size)

    @property
    def non_negative(self) -> bool:  # type: ignore[override]
        return self._non_negative

    @cached_property
    def _non_negative(self) -> bool:
        return bool((self.kernel >= 0).all())

    def _seen(self, x: Tensor, transfer: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(x, s=self._size)
        whole = torch.fft.irfft2(spectrum * transfer.to(spectrum.dtype), s=self._size)
        (top, left), (height, width) = self._start, self.sensor
        return whole[..., top : top + height, left : left + width]

    def forward(self, x: Tensor) -> Tensor:
        return self._seen(x, self.transfer).flatten(1)

    def adjoint(self, z: Tensor) -> Tensor:
        (top, left), (height, width) = self._start, self.sensor
        whole = z.new_zeros((len(z), self.image_shape[0], *self._size))
        whole[..., top : top + height, left : left + width] = z.reshape(len(z), -1, height, width)
        spectrum = torch.fft.rfft2(whole)
        back = torch.fft.irfft2(spectrum * self.transfer.conj().to(spectrum.dtype), s=self._size)
        return back[..., : self.image_shape[1], : self.image_shape[2]]

    def row_norms_squared(self) -> Tensor:
        if self.cropped:
            return self.kernel.double().square().sum().repeat(self.rows)
        # at the border a row ends with the scene
        ones = torch.ones((1, 1, *self.image_shape[1:]), dtype=torch.float64, device=self.kernel.device)
        each = self._seen(ones, self._spectrum(self.kernel.double().square())).clamp_min(0)
        return each.flatten().repeat(self.image_shape[0])

    def laid_out(self, z: Tensor) -> Tensor:
        """The sensor's picture; of a cropped one, in its place in the scene."""
        seen = z.reshape(-1, *self.sensor)
        if not self.cropped:
            return seen
        out = z.new_full(self.image_shape, math.nan)
        top, left = self._corner()
        out[:, top : top + self.sensor[0], left : left + self.sensor[1]] = seen
        return out

    def _corner(self) -> tuple[int, int]:
        """Where in the scene the upper left pixel of the sensor lies."""
        top, left = (start - k // 2 for start, k in zip(self._start, self.kernel.shape, strict=True))
        return top, left

    def interpolate(self, z: Tensor) -> Tensor:
        """The sensor's picture at the kernel's gain, its border going on; what a kernel half as wide as the scene spreads
        is no picture, and is back-projected."""
        gain = float(self.kernel.double().sum())
        wide = any(2 * k > n for k, n in zip(self.kernel.shape, self.image_shape[1:], strict=True))
        if wide or abs(gain) < 1e-3 * float(self.kernel.abs().sum()):
            return super().interpolate(z)
        rows, columns = (
            (torch.arange(n, device=z.device) - corner).clamp(0, s - 1)
            for n, s, corner in zip(self.image_shape[1:], self.sensor, self._corner(), strict=True)
        )
        return z.reshape(len(z), -1, *self.sensor)[:, :, rows][..., columns] / gain

    def nearly_eigenbasis(self) -> GramEigenbasis:
        """The one that A A^T would have if the sensor were periodic."""
        sensor, channels = self.sensor, self.image_shape[0]
        # a kernel larger than the sensor is wrapped around it
        height, width = (math.ceil(k / s) * s for k, s in zip(self.kernel.shape, sensor, strict=True))
        padded = torch.zeros((height, width), dtype=torch.float64, device=self.kernel.device)
        padded[: self.kernel.shape[0], : self.kernel.shape[1]] = self.kernel
        wrapped = padded.reshape(height // sensor[0], sensor[0], width // sensor[1], sensor[1]).sum((0, 2))
        values = torch.fft.fft2(wrapped).abs().square().float()

        def hartley(z: Tensor) -> Tensor:
            spectrum = torch.fft.fft2(z.reshape(-1, channels, *sensor), norm="ortho")
            return (spectrum.real - spectrum.imag).reshape(len(z), -1)

        return GramEigenbasis(values.flatten().repeat(channels), hartley, hartley)

    def memory_usage(self) -> int:
        return sum(t.numel() * t.element_size() for t in (self.kernel, self.transfer))

    def to(self, device: str) -> ConvolutionOperator:
        moved = self.kernel.to(device)
        if moved is self.kernel:
            return self
        return ConvolutionOperator(moved, self.image_shape, None if self.cropped else self.sensor)

    def picture(self) -> Tensor:
        """The kernel, in the middle, its largest entry white."""
        out = torch.zeros(self.image_shape[1:])
        kernel = self.kernel.cpu().clamp_min(0) / self.kernel.max().clamp_min(1e-30).cpu()
        into, out_of = [], []
        for n, k in zip(out.shape, kernel.shape, strict=True):
            first = n // 2 - k // 2
            into.append(slice(max(first, 0), min(first + k, n)))
            out_of.append(slice(max(-first, 0), max(-first, 0) + into[-1].stop - into[-1].start))
        out[tuple(into)] = kernel[tuple(out_of)]
        return out.expand(self.image_shape[0], -1, -1)


def _fast(n: int) -> int:
    """The next length whose Fourier transform is fast: no prime factor above 5."""
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1
