"""What was seen: codes or values, the operator that took them, the noise. Simulated from images; files in measurement_files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.operators import Operator
from engine.quantizers import Quantizer, QuantizerChoice
from engine.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Measurement", "simulate"]


@dataclass(frozen=True)
class Measurement:
    """Measurements of one or more images by one operator.

    Either ``values`` (images, rows), y = A (x - offset) + n as real numbers, or the cells ``lower`` and ``upper``
    (images, rows, float64) that A (x - offset) + n fell into. ``codes`` are the quantizer's cell numbers where it is
    known. ``noise`` is the standard deviation of n in the units of A x. ``truth`` (images, channels, height, width) is
    only there when simulated.
    """

    operator: Operator
    noise: float
    values: Tensor | None = None
    lower: Tensor | None = None
    upper: Tensor | None = None
    codes: Tensor | None = None
    quantizer: Quantizer | None = None
    offset: float = 0.0
    truth: Tensor | None = None

    @property
    def images(self) -> int:
        seen = self.values if self.values is not None else self.lower
        assert seen is not None
        return seen.shape[0]

    @property
    def is_linear(self) -> bool:
        return self.values is not None

    def predict(self, x: Tensor) -> Tensor:
        """Noiseless measurement A (x - offset) before quantization, (batch, rows)."""
        return self.operator.forward(x - self.offset)

    def for_rows(self, samples: int) -> Measurement:
        """Every image repeated ``samples`` times, image by image: one row of the batch per sample."""
        names = ("values", "lower", "upper", "codes", "truth")
        return self._with({n: t.repeat_interleave(samples, 0) for n in names if (t := getattr(self, n)) is not None})

    def select(self, rows: Tensor | Sequence[int]) -> Measurement:
        """Some of the images."""
        names = ("values", "lower", "upper", "codes", "truth")
        return self._with({n: t[rows] for n in names if (t := getattr(self, n)) is not None})

    def to(self, device: str) -> Measurement:
        names = ("values", "lower", "upper", "codes", "truth")
        moved = {n: t.to(device) for n in names if (t := getattr(self, n)) is not None}
        return self._with(moved | {"operator": self.operator.to(device)})

    def _with(self, changes: dict) -> Measurement:
        return replace(self, **changes)

    def consistency(self, x: Tensor) -> Tensor | None:
        """Share of measurements whose cell holds the noiseless re-measurement of x, (batch,); None when linear."""
        if self.lower is None or self.upper is None:
            return None
        z = self.predict(x).double()
        return ((z >= self.lower) & (z < self.upper)).double().mean(1)


def simulate(
    truth: Tensor, operator: Operator, quantizer: QuantizerChoice, noise: float, seed: int,
    indices: Sequence[int] | None = None, offset: float = 0.0,
) -> Measurement:  # fmt: skip
    """Measures images: codes = Q(A (x - offset) + n), n ~ N(0, noise^2 I).

    Arguments: ``truth`` (images, channels, height, width) in [0, 1]; ``indices`` the absolute numbers of the images,
    which key their noise, so that an image is measured alike alone and among others.
    """
    indices = range(truth.shape[0]) if indices is None else indices
    scale = float(operator.row_norms_squared().mean())
    built = quantizer.build(scale, noise)
    z = operator.forward(truth - offset)
    draws = torch.stack([torch.randn(operator.rows, generator=generator(seed, "noise", i)) for i in indices])
    codes = built.quantize(z + noise * draws)
    if built.is_linear:
        return Measurement(operator, noise, values=codes, quantizer=built, offset=offset, truth=truth)
    lower, upper = built.cells(codes)
    return Measurement(
        operator, noise, lower=lower, upper=upper, codes=codes, quantizer=built, offset=offset, truth=truth
    )
