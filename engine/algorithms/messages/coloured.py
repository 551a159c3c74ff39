"""Denoising where the noise is not white, by a denoiser that knows one level: it is called once for each of a few.

The picture is denoised as if all noise had its mean level. Then what the patterns with much noise hold is drawn towards that, as
far as is needed for what is left of their noise to be that of the patterns with little, and denoised again at this lower level,
as one step of a reverse diffusion in which each pattern has a level of its own. Photographs with the noise of an AR(1) matrix
(rho 0.4, levels 0.05 to 0.3): 0.7 to 1.4 dB above one call at the mean level.
"""

from __future__ import annotations

import math

from torch import Tensor

from engine.algorithms.messages.spectrum import analyse, synthesise
from engine.priors.base import DenoiserPrior

__all__ = ["calls_for", "denoise", "whiten"]

MARGIN = 1.25
"""The lowest level, in variances of the patterns that are known best."""
RATIO = 4.0
"""Largest ratio of two variances that follow one another."""
BEST = 0.02
"""Share of the patterns that may be known better still."""


def _factors(shape: Tensor) -> list[float]:
    """The variances that are denoised at, in mean ones, from 1 down."""
    least = MARGIN * float((shape / shape.mean()).flatten().quantile(BEST))
    if least >= 1 / MARGIN:
        return [1.0]
    steps = math.ceil(-math.log(least) / math.log(RATIO))
    return [least ** (i / steps) for i in range(steps + 1)]


def calls_for(shape: Tensor) -> int:
    """Network calls of :func:`denoise`."""
    return len(_factors(shape))


def whiten(prior: DenoiserPrior, r: Tensor, variance: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """``(x, level)``: pictures (images, c, h, w) with nearly white noise of the level (images,), made of ``r``, whose cosine
    pattern k has noise of ``variance`` (images,) times ``shape`` (c, h, w), both float64. One call less than :func:`denoise`."""
    noise = variance.reshape(-1, 1, 1, 1) * shape
    mean = variance * float(shape.mean())
    first, *others = (_clamped(prior, (factor * mean).sqrt()) for factor in _factors(shape))
    x, level, seen = r, first, analyse(r.double())
    for following in others:
        before = analyse(prior.denoise(x, level.float()).double())
        left = following.square().reshape(-1, 1, 1, 1)
        typical = prior.typical_error(following)
        error = 0.0 if typical is None else typical.reshape(-1, 1, 1, 1)
        kept = ((left - error) / (noise - error).clamp_min(1e-12)).clamp(0, 1).sqrt()
        x, level = synthesise(before + kept * (seen - before)).to(r.dtype), following
    return x, level


def denoise(prior: DenoiserPrior, r: Tensor, variance: Tensor, shape: Tensor) -> Tensor:
    """E[x | r], nearly, (images, c, h, w); arguments as for :func:`whiten`."""
    x, level = whiten(prior, r, variance, shape)
    return prior.denoise(x, level.float())


def _clamped(prior: DenoiserPrior, level: Tensor) -> Tensor:
    return level.clamp(prior.sigma_min, prior.sigma_max)
