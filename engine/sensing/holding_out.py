"""Measurements left out of a reconstruction, so that it can be judged by them without knowing the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from engine.seeds import generator
from engine.sensing.cells import CellMoments
from engine.sensing.channels import CellChannel, Channel
from engine.sensing.channels.base import Local
from engine.sensing.measurement import Measurement

__all__ = ["FEWEST", "HeldOut", "hold_out"]

FEWEST = 64
"""Rows below which nothing is left out: a handful of them judges nothing."""
DROWNED = 1e9
LEAST_NOISE = 1e-3
"""Noise of real values is taken for at least this share of their typical deviation."""


@dataclass(frozen=True)
class HeldOut:
    """``fitted`` is what a method sees, ``judge`` what its result is judged by: of one number for each image and row, whether
    it counts there (``rows``, (images, rows))."""

    fitted: Measurement
    judge: Measurement
    rows: Tensor


def hold_out(measurement: Measurement, share: float, seed: int, indices: Any = (0,)) -> HeldOut:
    """Leaves out a ``share`` of what each image's measurements say, chosen by seed and absolute image number.

    Of cells, clicks and counts, that share of the rows says nothing to the fit. Real values are thinned instead, which leaves the
    operator as it is: with w ~ N(0, noise^2), y + s w and y - w / s have independent noise, and s^2 = share / (1 - share) leaves
    the first one 1 - share of the information (Leiner et al., 2023, Data fission).
    """
    if measurement.values is not None:
        spread = measurement.operator.typical_response(measurement.offset)[1]
        noise = max(measurement.noise, LEAST_NOISE * spread)
        s = (share / (1 - share)) ** 0.5
        rows = measurement.values.shape[1]
        draws = torch.stack([torch.randn(rows, generator=generator(seed, "held-out", i)) for i in indices])
        w = noise * draws.to(measurement.values)
        fitted = replace(measurement, values=measurement.values + s * w, noise=noise * (1 + s * s) ** 0.5)
        judge = replace(measurement, values=measurement.values - w / s, noise=noise * (1 + 1 / (s * s)) ** 0.5)
        return HeldOut(fitted, judge, torch.ones_like(measurement.values, dtype=torch.bool))
    assert measurement.channel is not None
    rows = measurement.channel.seen.shape[1]
    left = torch.stack([torch.rand(rows, generator=generator(seed, "held-out", i)) < share for i in indices])
    left = left.to(measurement.device)
    channel = measurement.channel
    if (
        isinstance(channel, CellChannel) and not channel.flip
    ):  # a cell without ends says nothing, and needs no other channel
        lower, upper = channel.lower.masked_fill(left, -torch.inf), channel.upper.masked_fill(left, torch.inf)
        return HeldOut(replace(measurement, channel=replace(channel, lower=lower, upper=upper)), measurement, left)
    return HeldOut(replace(measurement, channel=MaskedChannel(left, channel)), measurement, left)


@dataclass(frozen=True)
class MaskedChannel(Channel):
    """Another channel, of whose rows those that are ``left`` out (images, rows) say nothing."""

    left: Tensor
    inner: Channel

    @property
    def hard(self) -> bool:  # type: ignore[override]
        return self.inner.hard

    @property
    def knows_scale(self) -> bool:  # type: ignore[override]
        return self.inner.knows_scale

    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        found = self.inner.moments(mean, variance)
        nothing = (0.0, 0.0, 1.0)
        return CellMoments(*(t.masked_fill(self.left, value) for t, value in zip(found, nothing, strict=True)))

    def local(self, z: Tensor, noise: float) -> Local:
        return Local(*(t.masked_fill(self.left, 0.0) for t in self.inner.local(z, noise)))

    @property
    def is_concave(self) -> bool:
        return self.inner.is_concave

    def equivalent_noise(self, noise: float) -> float:
        return self.inner.equivalent_noise(noise)

    def steepest(self, noise: float) -> float | None:
        return self.inner.steepest(noise)

    def sharpest(self, noise: float) -> float:
        return self.inner.sharpest(noise)

    def take(self, change: Any) -> MaskedChannel:
        return MaskedChannel(change(self.left), self.inner.take(change))

    def decoded(self) -> tuple[Tensor, float | None]:
        """What is left out is taken for the mean of what is not."""
        values, deviation = self.inner.decoded()
        kept = ~self.left
        mean = (values * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True).clamp_min(1)
        return torch.where(self.left, mean, values), deviation

    def scored(self, z: Tensor) -> tuple[Tensor, Tensor] | None:
        """What is left out agrees with any z, with a noise that drowns it."""
        known = self.inner.scored(z)
        if known is None:
            return None
        values, noise = known
        return torch.where(self.left, z.double(), values), torch.where(self.left, DROWNED * noise, noise)

    def mode(self, mean: Tensor, variance: Tensor, noise: float) -> Tensor:
        return torch.where(self.left, mean.double(), self.inner.mode(mean, variance, noise))
