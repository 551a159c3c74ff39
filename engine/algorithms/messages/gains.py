"""The amplitude of a picture where signs leave it open and the prior's own density tells which are likely.

A scalar variance cannot carry it: settled messages stand for one amplitude, and are as sure of it as of any other direction.
With signs about a pivot and no noise the likelihood is the same at every gain, L(x) = L(g x) for x about the pivot, so that
the message N(r, v) is one of many that would do: L is the integral over ln g of N(x / g; r, v) = g^N N(x; g r, g^2 v), N
pixels. A gain weighs therefore g^N p(g r), p being the density of pictures with noise g sqrt(v) on them. What noise of the
measurement tells of the gain is the evidence of the codes at it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.priors.exact.gaussian import MixturePrior
from engine.sensing.channels.cell import CellChannel

if TYPE_CHECKING:
    from engine.algorithms.messages.passing import MessagePassing, RoundState

__all__ = ["Gains", "infer_gains"]

STEPS, WIDEST = 81, 2.0
"""Gains that are looked at, and the largest logarithm of one."""
FARTHEST = 1.0
"""Mean of the logarithm of the gain up to which messages and prior agree about the amplitude."""
NEGLIGIBLE = 1e-4
OPEN = 1.5
"""Ratio of the amplitudes of two parts of a prior from which on signs leave open which it is."""


@dataclass(frozen=True)
class Gains:
    """Logarithms (steps,) of what the deviation of pictures from ``pivot`` may be multiplied by, and their posterior shares
    (images, steps)."""

    logs: Tensor
    shares: Tensor
    pivot: float

    def times(self, message: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """Each ``message`` (rows, c, h, w) at the gain on which its share ``at`` (rows,) in [0, 1) falls, and that gain (rows,);
        rows are images times samples."""
        repeat = len(at) // len(self.shares)
        edges = self.shares.cumsum(1).repeat_interleave(repeat, 0)
        found = torch.searchsorted(edges, (at.to(edges) * edges[:, -1])[:, None])[:, 0].clamp_max(len(self.logs) - 1)
        gain = self.logs[found].exp()
        return (self.pivot + gain.reshape(-1, 1, 1, 1) * (message.double() - self.pivot)).to(message.dtype), gain

    def moments(self, passing: MessagePassing, state: RoundState) -> tuple[Tensor, Tensor]:
        """Posterior mean over all gains (images, c, h, w), and the root-mean-square error (images,) that is predicted of it."""
        mean, square = torch.zeros_like(state.denoised, dtype=torch.float64), torch.zeros_like(state.error)
        for log, share in zip(self.logs.tolist(), self.shares.T, strict=True):
            if float(share.max()) < NEGLIGIBLE:
                continue
            gain = math.exp(log)
            scaled = self.pivot + gain * (state.message.double() - self.pivot)
            said = passing.prior.denoise(scaled.to(state.message.dtype), gain * state.noise.sqrt()).double()
            mean = mean + share.reshape(-1, 1, 1, 1) * said
            square = square + share * (said.square().flatten(1).mean(1) + gain**2 * state.error)
        error = (square - mean.square().flatten(1).mean(1)).clamp_min(0)
        return mean.to(state.denoised.dtype), error.sqrt()


def infer_gains(passing: MessagePassing, state: RoundState) -> Gains | None:
    """The posterior of the gain for a mixture whose parts differ in amplitude; None for others, and where the measurements tell
    it. Within a part it is one more direction in which moments are matched as they are."""
    channel, prior = passing.measurement.channel, passing.prior
    if not isinstance(channel, CellChannel) or not isinstance(prior, MixturePrior):
        return None
    sizes = [math.sqrt(float((part.centre - passing.pivot).square().mean()) + part.variance) for part in prior.parts]
    if max(sizes) < OPEN * min(sizes):
        return None
    for edges in (channel.lower, channel.upper):
        if bool(((edges - passing.anchor).abs() > 1e-9)[edges.isfinite()].any()):
            return None
    pixels, pivot, noise = passing.measurement.operator.pixels, passing.pivot, passing.measurement.noise**2
    mean, variance = passing.cavity(passing.measurement.predict(passing.x_e).double())
    half = STEPS // 2
    logs = torch.arange(-half, half + 1, dtype=torch.float64, device=mean.device) * (WIDEST / half)
    away, weights = state.message.double() - pivot, []
    for log in logs.tolist():
        gain = math.exp(log)
        seen = channel.moments(passing.anchor + gain * (mean - passing.anchor), gain**2 * variance + noise)
        weights.append(
            pixels * log + prior.log_prob(pivot + gain * away, gain * state.noise.sqrt()) + seen.log_prob.sum(1)
        )
    shares = torch.softmax(torch.stack(weights, 1), 1)
    # messages that the prior finds far too large or small did not settle where they say: as they are, then
    consistent = ((shares * logs).sum(1).abs() < FARTHEST)[:, None]
    return Gains(logs, torch.where(consistent, shares, (logs == 0).double()), pivot)
