"""Single-photon clicks: a frame says whether there was at least one photon, and n frames are a binomial count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sensing.channels.photons import Law, PhotonChannel

__all__ = ["ClickChannel"]

_BLINDING = 30.0
"""Photons per frame beyond which every frame clicks."""


@dataclass(frozen=True)
class ClickChannel(PhotonChannel):
    """``counts`` of ``frames`` binary frames saw a photon: P(1) = 1 - exp(-rate / frames), independently. ``gain``, ``dark`` and
    ``typical`` are those of all frames together."""

    frames: int = 1

    def law(self, rate: Tensor, log_rate: Tensor) -> Law:
        k, n = self.counts, self.frames
        each = rate / n
        small = each < 1e-5
        grown = torch.expm1(torch.where(small, 1.0, each))
        # ln(1 - exp(-u)), and q = u / (exp(u) - 1)
        log_click = torch.where(small, log_rate - math.log(n) - 0.5 * each, grown.log() - torch.where(small, 1.0, each))
        q = torch.where(small, 1 - 0.5 * each + each.square() / 12, each / grown)
        curve = torch.where(small, -0.5 * each - each.square() / 12, 1 - each - q)
        ways = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
        return Law(ways + k * log_click - (n - k) * each, k * q - (n - k) * each, k * q * curve - (n - k) * each)

    def like_counts(self) -> tuple[Tensor, Tensor]:
        """ln(1 - exp(-u)) = ln u - u / 2 + ..."""
        k = self.counts
        return k, (self.frames - 0.5 * k) / self.frames

    def information(self, rate: Tensor) -> Tensor:
        return 1 / (self.frames * torch.expm1((rate / self.frames).clamp_max(_BLINDING)))

    def distribution_at(self, rate: Tensor) -> tuple[Tensor, Tensor]:
        from scipy.special import bdtr

        click = -torch.expm1(-rate / self.frames).cpu().numpy()
        k = self.counts.expand(rate.shape).cpu().numpy()
        below, up_to = (bdtr(n, self.frames, click) for n in ((k - 1).clip(0), k))
        below[k < 1] = 0.0
        return torch.from_numpy(below).to(rate.device), torch.from_numpy(up_to).to(rate.device)

    def decoded(self) -> tuple[Tensor, float]:
        share = self.counts.clamp_max(self.frames - 0.5) / self.frames
        return (-self.frames * torch.log1p(-share) - self.dark) / self.gain, self._typical_curvature() ** -0.5
