"""Fast orthonormal transforms of vectors, (batch, n) to (batch, n), and their inverses, which are their transposes.

All cost O(n log n) time and O(n) memory and take any n: the Hadamard transform of n = 2^k q is the Kronecker product of
the Walsh-Hadamard matrix of size 2^k and the cosine transform of size q, so nothing is padded.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["dct", "dft", "hadamard", "inverse_dct", "inverse_dft", "inverse_hadamard"]


def _twiddle(n: int, x: Tensor) -> Tensor:
    angle = torch.arange(n, device=x.device, dtype=torch.float64) * (math.pi / (2 * n))
    return torch.polar(torch.ones_like(angle), -angle).to(torch.promote_types(x.dtype, torch.complex64))


def dct(x: Tensor) -> Tensor:
    """Orthonormal DCT-II along the last axis, by one FFT of the same length (Makhoul, 1980)."""
    n = x.shape[-1]
    spectrum = torch.fft.fft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1))
    out = (spectrum * _twiddle(n, x)).real * math.sqrt(2 / n)
    return torch.cat([out[..., :1] / math.sqrt(2), out[..., 1:]], dim=-1)


def inverse_dct(z: Tensor) -> Tensor:
    """Inverse and transpose of :func:`dct`."""
    n = z.shape[-1]
    scaled = torch.cat([z[..., :1] * math.sqrt(2), z[..., 1:]], dim=-1) * math.sqrt(n / 2)
    reflected = torch.cat([torch.zeros_like(z[..., :1]), scaled[..., 1:].flip(-1)], dim=-1)
    v = torch.fft.ifft(torch.complex(scaled, -reflected) * _twiddle(n, z).conj()).real
    out = torch.empty_like(v)
    half = (n + 1) // 2
    out[..., ::2] = v[..., :half]
    out[..., 1::2] = v[..., half:].flip(-1)
    return out


def dft(x: Tensor) -> Tensor:
    """The real orthonormal Fourier basis: constant, cosines, sines and, for even n, the alternating vector."""
    n = x.shape[-1]
    spectrum = torch.fft.rfft(x, norm="ortho")
    middle = spectrum[..., 1 : (n + 1) // 2] * math.sqrt(2)
    parts = [spectrum[..., :1].real, middle.real, middle.imag]
    if n % 2 == 0 and n > 1:
        parts.append(spectrum[..., -1:].real)
    return torch.cat(parts, dim=-1)


def inverse_dft(z: Tensor) -> Tensor:
    """Inverse and transpose of :func:`dft`."""
    n = z.shape[-1]
    pairs = (n - 1) // 2
    middle = torch.complex(z[..., 1 : 1 + pairs], z[..., 1 + pairs : 1 + 2 * pairs]) / math.sqrt(2)
    parts = [torch.complex(z[..., :1], torch.zeros_like(z[..., :1])), middle]
    if n % 2 == 0 and n > 1:
        parts.append(torch.complex(z[..., -1:], torch.zeros_like(z[..., -1:])))
    return torch.fft.irfft(torch.cat(parts, dim=-1), n=n, norm="ortho")


def _split(n: int) -> tuple[int, int]:
    """n = 2^k q with q odd, as (2^k, q)."""
    power = n & -n
    return power, n // power


def _walsh(x: Tensor) -> Tensor:
    """Orthonormal Walsh-Hadamard transform (natural order) along the last axis, whose length is a power of two."""
    n = x.shape[-1]
    shape, width = x.shape, 1
    while width < n:
        x = x.reshape(*shape[:-1], n // (2 * width), 2, width)
        first, second = x.unbind(-2)
        x = torch.stack([first + second, first - second], dim=-2)
        width *= 2
    return x.reshape(shape) / math.sqrt(n)


def hadamard(x: Tensor) -> Tensor:
    """Walsh-Hadamard transform of size 2^k, Kronecker a cosine transform of size q, for n = 2^k q."""
    power, odd = _split(x.shape[-1])
    blocks = x.reshape(*x.shape[:-1], odd, power)
    if odd > 1:
        blocks = dct(blocks.transpose(-1, -2)).transpose(-1, -2)
    return _walsh(blocks).reshape(x.shape)


def inverse_hadamard(z: Tensor) -> Tensor:
    """Inverse and transpose of :func:`hadamard`."""
    power, odd = _split(z.shape[-1])
    blocks = _walsh(z.reshape(*z.shape[:-1], odd, power))
    if odd > 1:
        blocks = inverse_dct(blocks.transpose(-1, -2)).transpose(-1, -2)
    return blocks.reshape(z.shape)
