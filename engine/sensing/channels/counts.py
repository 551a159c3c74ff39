"""Photon counts: Poisson, also where the sensor saturates, and with the Gaussian noise of reading it out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.channels.base import Local
from engine.sensing.channels.photons import Law, PhotonChannel

__all__ = ["CountChannel", "NoisyCountChannel"]

_SERIES, _LIKELIEST_STEPS = 200, 8


@dataclass(frozen=True)
class CountChannel(PhotonChannel):
    """y ~ Poisson(rate); a count of ``full`` or more says only that there were so many (a full well)."""

    full: float = math.inf

    def law(self, rate: Tensor, log_rate: Tensor) -> Law:
        y = self.counts
        log_prob = y * log_rate - rate - torch.lgamma(y + 1)
        first, second = y - rate, -rate
        over = y >= self.full
        if bool(over.any()):
            over = over.expand(rate.shape)
            for known, told in zip((log_prob, first, second), _at_least(self.full, rate, log_rate), strict=True):
                known.copy_(torch.where(over, told, known))
        return Law(log_prob, first, second)

    def like_counts(self) -> tuple[Tensor, Tensor]:
        return self.counts.clamp_max(self.full), torch.ones_like(self.counts)

    def information(self, rate: Tensor) -> Tensor:
        return 1 / rate

    def distribution_at(self, rate: Tensor) -> tuple[Tensor, Tensor]:
        k = self.counts.clamp_max(self.full).expand(rate.shape)
        below = torch.where(k > 0, torch.special.gammaincc(k.clamp_min(1), rate), 0.0)
        return below, torch.where(k >= self.full, 1.0, torch.special.gammaincc(k + 1, rate))


def _at_least(count: float, rate: Tensor, log_rate: Tensor) -> Law:
    """ln P(Y >= count) of a Poisson variable and its derivatives in ln rate."""
    whole = torch.full_like(rate, count)
    plain = torch.special.gammainc(whole, rate)
    log_prob = plain.clamp_min(1e-300).log()
    tiny = plain < 1e-250
    log_term = count * log_rate - rate - math.lgamma(count + 1)  # ln P(Y = count)
    if bool(tiny.any()):
        term, total = torch.ones_like(rate), torch.ones_like(rate)
        for j in range(1, _SERIES):
            term = term * (rate / (count + j))
            total = total + term
        log_prob = torch.where(tiny, log_term + total.log(), log_prob)
    first = count * torch.exp(log_term - log_prob)
    return Law(log_prob, first, first * (count - rate - first))


@dataclass(frozen=True)
class NoisyCountChannel(PhotonChannel):
    """y = Poisson(rate) + N(0, ``read``^2), in photons: the sum over all counts that y can come from.

    Without photons y is still noise, so that no rate that falls to 0 would leave ln p(y | z) concave: below the floor it goes on
    along its slope where y asks for more photons, and where it asks for fewer levels off as -rate does.
    """

    read: float = 1.0

    def _at(self, z: Tensor) -> Local:
        floor, linear = self.floor, self.gain * z + self.dark
        rate, under = linear.clamp_min(floor), (linear - floor).clamp_max(0)
        law = self.law(rate, rate.log())
        slope, bend = law.first / rate, (law.first - law.second) / rate.square()
        asks, below = slope > 0, under < 0
        left = torch.where(asks, 1.0, torch.exp(under / floor))
        bend = torch.where(below, torch.where(asks, 0.0, -slope * left / floor), bend)
        moved = torch.where(asks, under, floor * torch.expm1(under / floor))
        return Local(law.log_prob + slope * moved, self.gain * slope * left, self.gain.square() * bend)

    def law(self, rate: Tensor, log_rate: Tensor) -> Law:
        y, reach = self.counts, math.ceil(9 * self.read) + 1
        first_count = (self._likeliest(log_rate).floor() - reach).clamp_min(0)
        total = torch.zeros_like(rate)
        peak = torch.full_like(rate, -torch.inf)
        mean, square = torch.zeros_like(rate), torch.zeros_like(rate)
        for j in range(2 * reach + 1):  # a running sum, scaled by its largest term
            k = first_count + j
            log_term = k * log_rate - torch.lgamma(k + 1) - 0.5 * ((y - k) / self.read).square()
            new = torch.maximum(peak, log_term)
            old, share = torch.exp(peak - new), torch.exp(log_term - new)
            total, mean, square = total * old + share, mean * old + share * j, square * old + share * (j * j)
            peak = new
        mean, square = mean / total, square / total
        log_prob = peak + total.log() - rate - math.log(self.read * math.sqrt(2 * math.pi))
        return Law(log_prob, first_count + mean - rate, (square - mean.square()).clamp_min(0) - rate)

    def _likeliest(self, log_rate: Tensor) -> Tensor:
        """The count with the largest term: k + read^2 ln k = y + read^2 ln rate, by Newton's method in ln k from above."""
        squared = self.read**2
        right = self.counts + squared * log_rate
        s = torch.where(right > 1, right.clamp_min(1).log(), right / squared)
        for _ in range(_LIKELIEST_STEPS):
            k = s.exp()
            s = s - (k + squared * s - right) / (k + squared)
        return s.exp()

    def like_counts(self) -> tuple[Tensor, Tensor]:
        return self.counts.clamp_min(0.5 * self.floor), torch.ones_like(self.counts)

    def information(self, rate: Tensor) -> Tensor:
        return 1 / (rate + self.read**2)

    def distribution_at(self, rate: Tensor) -> tuple[Tensor, Tensor]:
        most = int((rate + 10 * rate.sqrt() + 10).max())
        up_to = torch.zeros_like(rate)
        for k in range(most + 1):
            share = torch.exp(k * rate.log() - rate - math.lgamma(k + 1))
            up_to += share * torch.special.ndtr((self.counts - k) / self.read)
        return up_to, up_to

    def decoded(self) -> tuple[Tensor, float]:
        return (self.counts - self.dark) / self.gain, self._typical_curvature() ** -0.5
