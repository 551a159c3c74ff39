"""The arithmetic a network is called in: single precision, or bfloat16 where it is asked for.

In bfloat16 weights and features are rounded to 8 bits, products are summed in single precision, and all outside the network
is single precision too. Denoising then loses at most 0.02 dB from the noise level 0.02 on (digits and photographs), and up to
0.15 dB (digits) at 0.005.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.priors.base import DenoiserPrior
from engine.priors.networks.pieces import in_pieces

__all__ = ["at_precision", "has_bfloat16"]


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether this processor, or GPU, has instructions for bfloat16; where it lacks them they are emulated, many times slower.

    It decides what is quick, never what a recipe means.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


def at_precision(prior: DenoiserPrior, wanted: str) -> DenoiserPrior:
    """The prior called in ``wanted``, float32 or bfloat16, on any machine."""
    return _InBfloat16(prior) if wanted == "bfloat16" else prior


class _InBfloat16(DenoiserPrior):
    """Each row is a call of its own. Which kernel multiplies depends on the shape of a batch, and kernels sum in different
    orders: in single precision that is an error of 1e-7, but here the sums are rounded to 8 bits after each layer, and a sum
    that falls on the other side is 0.4 % away. A row alone always has the same shape, and so exactly the same answer."""

    precision = "bfloat16"

    def __init__(self, inner: DenoiserPrior) -> None:
        self.__dict__.update(inner.__dict__)  # what is known of it, as its card and noise levels
        self.inner = inner

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(len(x))
        return in_pieces(self._row_by_row, x, levels, None, 1)  # with gradients, no more rows in memory than in float32

    def _row_by_row(self, x: Tensor, levels: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            rows = [self.inner.denoise(a, b) for a, b in zip(x.split(1), levels.split(1), strict=True)]
        return torch.cat(rows).to(x.dtype)

    def mean_image(self) -> Tensor | None:
        return self.inner.mean_image()

    def to(self, device: str) -> DenoiserPrior:
        self.inner = self.inner.to(device)
        return self
