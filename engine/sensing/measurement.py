"""What was seen: codes or values, the operator that took them, the noise. Simulated from images; files in measurement_files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from engine.seeds import generator
from engine.sensing.channels import CellChannel, Channel
from engine.sensing.operators import Operator
from engine.sensing.quantizers import Levels, Quantizer, QuantizerChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Measurement", "simulate"]


@dataclass(frozen=True)
class Measurement:
    """Measurements of one or more images by one operator.

    Either ``values`` (images, rows), y = A (x - offset) + n as real numbers, or a ``channel`` that says what was
    reported of them, usually the cells that they fell into. ``codes`` are the quantizer's cell numbers where it is
    known. ``noise`` is the standard deviation of n in the units of A x, meaningless while not
    ``noise_known``. ``truth`` (images, channels, height, width) is
    only there when simulated.
    """

    operator: Operator
    noise: float
    values: Tensor | None = None
    channel: Channel | None = None
    codes: Tensor | None = None
    quantizer: Quantizer | None = None
    offset: float = 0.0
    truth: Tensor | None = None
    noise_known: bool = True
    unit: float = 1.0
    """What a white pixel is in the units that the file counts in: the gain of real values."""

    @classmethod
    def from_codes(cls, operator: Operator, noise: float, quantizer: Quantizer, codes: Tensor, **more) -> Measurement:
        """What a quantizer's codes (images, rows) say; real values where it quantizes nothing."""
        if quantizer.is_linear:
            return cls(operator, noise, values=codes, quantizer=quantizer, **more)
        return cls(operator, noise, channel=quantizer.channel(codes), codes=codes, quantizer=quantizer, **more)

    @classmethod
    def from_cells(cls, operator: Operator, noise: float, lower: Tensor, upper: Tensor, **more) -> Measurement:
        """Cells (images, rows), float64, that A (x - offset) + n fell into."""
        return cls(operator, noise, channel=CellChannel(lower, upper), **more)

    @property
    def images(self) -> int:
        return self._seen.shape[0]

    @property
    def device(self) -> torch.device:
        return self._seen.device

    @property
    def _seen(self) -> Tensor:
        if self.values is not None:
            return self.values
        assert self.channel is not None, "a measurement has values or a channel"
        return self.channel.seen

    @property
    def is_linear(self) -> bool:
        return self.values is not None

    @property
    def lower(self) -> Tensor | None:
        """Lower edges of the reported cells, (images, rows), None where what was reported is no cell."""
        return getattr(self.channel, "lower", None)

    @property
    def upper(self) -> Tensor | None:
        """Upper edges, like ``lower``."""
        return getattr(self.channel, "upper", None)

    def predict(self, x: Tensor) -> Tensor:
        """Noiseless measurement A (x - offset) before quantization, (batch, rows)."""
        return self.operator.forward(x - self.offset) if self.offset else self.operator.forward(x)

    def for_rows(self, samples: int) -> Measurement:
        """Every image repeated ``samples`` times, image by image: one row of the batch per sample."""
        return self._each(lambda t: t.repeat_interleave(samples, 0))

    def select(self, rows: Tensor | Sequence[int]) -> Measurement:
        """Some of the images."""
        return self._each(lambda t: t[rows])

    def to(self, device: str) -> Measurement:
        return replace(self._each(lambda t: t.to(device)), operator=self.operator.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Measurement:
        tensors: dict[str, Any] = {
            n: change(t) for n in ("values", "codes", "truth") if (t := getattr(self, n)) is not None
        }
        channel = None if self.channel is None else self.channel.take(change)
        return replace(self, channel=channel, **tensors)

    def decoded(self) -> Measurement:
        """What was reported as if it were real values, which is how methods without a quantizer see it: as its channel says."""
        assert self.channel is not None, "real values need no decoding"
        values, noise = self.channel.decoded()
        total = self.noise if noise is None else (self.noise**2 + noise**2) ** 0.5
        return replace(self, noise=total, values=values.float(), channel=None, codes=None, quantizer=Quantizer(None))

    def with_cells(self) -> Measurement:
        """What was reported as cells or real values, for methods that know nothing else: photons are decoded."""
        return self if self.values is not None or self.lower is not None else self.decoded()

    def answer(self) -> tuple[Tensor, float]:
        """What was reported of z, (images, rows), as numbers, and the gain g that ties it to z: E[answer] = g z on average.

        Of a cell, the mean of typical responses in it; its gain is Bussgang's (1952), Var(answer) / Var z. Real values are
        their own answer.
        """
        if self.values is not None:
            return self.values.double(), 1.0
        assert self.channel is not None
        centre, scale = self.operator.typical_response(self.offset)
        centre = torch.as_tensor(centre, dtype=torch.float64, device=self.device)
        variance = torch.full_like(self.channel.seen, scale**2)
        mean = centre.expand_as(variance)
        deviation = variance * self.channel.moments(mean, variance + self.noise**2).score
        return mean + deviation, float(deviation.square().mean()) / scale**2

    def simple_estimate(self) -> Tensor:
        """What is seen, as a picture (images, channels, height, width), with no prior at all: interpolated where the
        operator sees pixels or blocks of them, back-projected elsewhere."""
        return self.operator.interpolate(self.answer()[0].float()) + self.offset

    def residual_rms(self, picture: np.ndarray) -> float:
        """Root-mean-square residual of the first image's real values, for a picture (c, h, w) or one grey level."""
        assert self.values is not None, "cells have no residual"
        flat = np.broadcast_to(np.asarray(picture, np.float32), self.operator.image_shape)
        x = torch.tensor(flat)[None].to(self.device)
        return float((self.values[:1] - self.predict(x)).double().square().mean().sqrt())

    def consistency(self, x: Tensor) -> Tensor | None:
        """Share of measurements whose cell holds the noiseless re-measurement of x, (batch,); None without cells."""
        if self.lower is None or self.upper is None:
            return None
        z = self.predict(x).double()
        return ((z >= self.lower) & (z < self.upper)).double().mean(1)


def simulate(
    truth: Tensor, operator: Operator, quantizer: QuantizerChoice, noise: float, seed: int,
    indices: Sequence[int] | None = None, offset: float = 0.0,
) -> Measurement:  # fmt: skip
    """Measures images: codes = Q(A (x - offset) + n), n ~ N(0, noise^2 I), Q random for photons.

    Arguments: ``truth`` (images, channels, height, width) in [0, 1]; ``indices`` the absolute numbers of the images,
    which key their noise, so that an image is measured alike alone and among others. What the quantizer leaves open follows the
    operator's typical response.
    """
    indices = range(truth.shape[0]) if indices is None else indices
    built = quantizer.build(Levels.of(operator.response(offset), noise, operator.rows, seed))
    z = operator.forward(truth - offset)
    draws = torch.stack([torch.randn(operator.rows, generator=generator(seed, "noise", i)) for i in indices])
    codes = (
        built.quantize(z + noise * draws)
        if not built.is_random
        else torch.stack(
            [built.detect(t, generator(seed, "photons", i)) for t, i in zip(z + noise * draws, indices, strict=True)]
        )
    )
    if built.flip:
        flips = torch.stack([torch.rand(operator.rows, generator=generator(seed, "flip", i)) for i in indices])
        codes = built.report(codes, flips)
    return Measurement.from_codes(operator, noise, built, codes, offset=offset, truth=truth)
