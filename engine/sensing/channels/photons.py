r"""What all ways of detecting photons have in common: a rate that is linear in z, and no noise but that of the photons.

The rate is lambda = gain z + dark photons. It is meant to be positive; where it falls below ``floor`` (a hundredth of a typical
rate, or a twentieth of a photon), where pictures hardly ever are but the steps of algorithms may be, it goes on as
floor exp(lambda / floor - 1). That is positive, convex and smooth to first order, and its logarithm is concave, so that
p(y | z) is a probability for every z and -ln p(y | z) convex.

A law of detection says ln p(y | rate) and its first two derivatives in ln rate. Moments of a Gaussian seen through it,

    Z = E[p(y | t)],  t ~ N(mean, variance),    score = E[d ln p / d t | y],    ratio = Var[t | y] / variance,

are found by Gauss-Legendre quadrature between the points where the integrand, whose logarithm is concave, has fallen by e^-38,
split at its peak and where the rate changes its form.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.sensing.cells import CellMoments
from engine.sensing.channels.base import Channel, Local

__all__ = ["Law", "PhotonChannel", "floor_of"]

_FALLEN, _WIDEST, _EDGE_STEPS = 38.0, 8.8, 6
_NODES, _WEIGHTS = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(16))
_SLIGHT, _LAYER = 0.01, 12.0
"""Floors below the floor within which the rate vanishes."""
_DARKEST = 0.02
_CHUNK = 1 << 12


def floor_of(typical: float) -> float:
    """The rate, in photons, below which it is not linear any more."""
    return min(0.01 * typical, 0.05)


class Law(NamedTuple):
    """ln p(y | rate), and its first and second derivative in ln rate; float64."""

    log_prob: Tensor
    first: Tensor
    second: Tensor


@dataclass(frozen=True)
class PhotonChannel(Channel):
    """``counts`` (images, rows), float64, photons seen of a rate ``gain`` z + ``dark`` (like ``counts``), in photons for all that
    was counted together; ``typical`` is the rate of a typical picture. Not a hard constraint: z needs no noise of its own."""

    counts: Tensor
    gain: Tensor
    dark: Tensor
    typical: float
    hard: ClassVar[bool] = False
    knows_scale: ClassVar[bool] = True

    @abstractmethod
    def law(self, rate: Tensor, log_rate: Tensor) -> Law:
        """Of ``counts`` at rates of the shape (..., images, rows), above 0; the rate may underflow, its logarithm does not."""

    @abstractmethod
    def like_counts(self) -> tuple[Tensor, Tensor]:
        """k and n such that k ln rate - n rate is close to ln p(y | rate), for a first guess of modes."""

    @abstractmethod
    def information(self, rate: Tensor) -> Tensor:
        """Fisher information about the rate, per measurement."""

    @abstractmethod
    def distribution_at(self, rate: Tensor) -> tuple[Tensor, Tensor]:
        """The probabilities of less than what was seen, and of no more than that, at rates (images, rows)."""

    def distribution(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The same at z; a rate below the floor is taken for that."""
        return self.distribution_at((self.gain * z.double() + self.dark).clamp_min(self.floor))

    @property
    def floor(self) -> float:
        return floor_of(self.typical)

    def local(self, z: Tensor, noise: float = 0.0) -> Local:
        if noise > 0:
            return super().local(z, noise)
        return self._at(z.double())

    def _at(self, z: Tensor) -> Local:
        floor, linear = self.floor, self.gain * z + self.dark
        above = linear > floor
        safe = torch.where(above, linear, floor)
        log_rate = safe.log() + torch.where(above, 0.0, linear / floor - 1)
        law = self.law(torch.where(above, linear, log_rate.exp()), log_rate)
        slope = self.gain / safe  # of ln rate by z
        bend = torch.where(above, -slope.square(), 0.0)
        return Local(law.log_prob, law.first * slope, -law.second * slope.square() - law.first * bend)

    def equivalent_noise(self, noise: float) -> float:
        """That of the photons of a typical picture."""
        return noise + 1 / self._typical_curvature()

    def _typical_curvature(self) -> float:
        return float(self.gain.square().mean() * self.information(torch.tensor(self.typical)))

    def steepest(self, noise: float) -> None:
        """Dark pixels curve far more than bright ones."""
        return

    def sharpest(self, noise: float) -> float:
        return 1 / self.equivalent_noise(noise)

    def scored(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Fisher scoring: values and the variances of their noise, of which a Gaussian log-likelihood has the slope of
        ln p(y | z) at z, and its curvature as it is expected of all y. Rates below a fiftieth of the typical one are taken for
        that."""
        z = torch.maximum(z.double(), (_DARKEST * self.typical - self.dark) / self.gain)
        variance = 1 / (self.gain.square() * self.information(self.gain * z + self.dark))
        return z + variance * self._at(z).score, variance

    def _near_mode(self, mean: Tensor, variance: Tensor, noise: float) -> Tensor:
        """The mode for a Poisson law, which is the root of a quadratic."""
        k, n = self.like_counts()
        width = self.gain.square() * variance
        middle = self.gain * mean + self.dark - n * width
        root = (middle.square() + 4 * k * width).sqrt()
        rate = torch.where(middle > 0, 0.5 * (middle + root), 2 * k * width / (root - middle).clamp_min(1e-300))
        guess = (rate - self.dark) / self.gain
        return torch.where(rate > self.floor, guess, mean)

    def decoded(self) -> tuple[Tensor, float]:
        """The rate most likely to give what was seen, as z, and the noise of photons of a typical picture."""
        k, n = self.like_counts()
        return (k / n - self.dark) / self.gain, self._typical_curvature() ** -0.5

    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        shape = torch.broadcast_shapes(self.counts.shape, mean.shape, variance.shape)
        flat = [t.double().expand(shape).reshape(-1) for t in (mean, variance)]
        found = []
        whole = self.take(lambda t: t.expand(shape).reshape(-1))
        for start in range(0, len(flat[0]), _CHUNK):
            part = slice(start, start + _CHUNK)
            found.append(whole.take(lambda t, part=part: t[part])._integrated(flat[0][part], flat[1][part]))
        return CellMoments(*(torch.cat(each).reshape(shape) for each in zip(*found, strict=True)))

    def _integrated(self, mean: Tensor, variance: Tensor) -> CellMoments:
        """Moments of one-dimensional tensors."""
        deviation = variance.sqrt()

        def height(z: Tensor) -> tuple[Tensor, Tensor, Local]:
            """The logarithm of the integrand, but for the Gaussian's constant, its derivative, and ln p(y | z)."""
            at = self._at(z)
            away = (z - mean) / variance
            return at.log_prob - 0.5 * away * (z - mean), at.score - away, at

        peak = self.mode(mean, variance, 0.0)
        top = height(peak)[0]
        ends = []
        for side in (-1.0, 1.0):
            z = peak + side * _WIDEST * deviation
            for _ in range(_EDGE_STEPS):  # from outside, Newton stays outside: the logarithm is concave
                value, slope, _ = height(z)
                step = (top - _FALLEN - value) / torch.where(slope * side < 0, slope, -side * 1e-300)
                z = torch.where(value < top - _FALLEN, z + step, z)
            ends.append(z)
        low, high = ends
        joint = (self.floor - self.dark) / self.gain
        layer = joint - _LAYER * self.floor / self.gain.abs()
        cuts = torch.stack([low, high, *(c.clamp(low, high) for c in (peak, joint, layer))]).sort(0).values
        half, middle = 0.5 * cuts.diff(dim=0), 0.5 * (cuts[1:] + cuts[:-1])
        nodes, weights = _NODES.to(mean.device)[:, None, None], _WEIGHTS.to(mean.device)[:, None, None]
        z = (middle + half * nodes).flatten(0, 1)
        value, _, at = height(z)
        mass = (half * weights).flatten(0, 1) * torch.exp(value - top)
        total = mass.sum(0)
        share = mass / total
        centre = peak + (share * (z - peak)).sum(0)
        ratio = (share * (z - centre).square()).sum(0) / variance
        score = (share * at.score).sum(0)
        # of a narrow Gaussian nearly 1, less what y curves: E[curvature] - Var[score]
        curved = variance * (share * (at.curvature - (at.score - score).square())).sum(0)
        ratio = torch.where(curved.abs() < _SLIGHT, 1 - curved, ratio)
        log_prob = total.log() + top - 0.5 * torch.log(2 * torch.pi * variance)
        return CellMoments(log_prob, score, ratio)
