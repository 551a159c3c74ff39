"""Draws from p(x) N(x; x_noisy, eta^2 I) by diffusion: the two update rules of DPnP and the program's own second-order one.

The paper writes them for a network that predicts the noise in a variance-preserving diffusion, alpha-bar_t. Here they are in
terms of a denoiser D(x, sigma) with sigma^2 = 1 / alpha-bar - 1, whose noise estimate is (x - D(x, sigma)) / sigma.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.algorithms.splitting.halves import denoising_draw
from engine.priors.levels import geometric_levels, polynomial_levels

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators

__all__ = ["DENOISING_SAMPLERS", "ddim_draw", "ddpm_draw"]

_LEAST = 2e-3
_TOP = 1e-4
"""alpha-bar' at which the diffused u is a standard normal."""


def ddpm_draw(
    prior: DenoiserPrior, noisy: Tensor, level: float, steps: int, noise: RowGenerators
) -> tuple[Tensor, Tensor]:
    """DDS-DDPM: x <- x - 2 (s_t - s_{t-1}) eps(x, s_t) + sqrt(s_t^2 - s_{t-1}^2) w from x_noisy at s = eta down to 0, with no
    noise in the last step; s = sqrt(tau) of the paper. ``steps`` + 1 calls. Also E[x | x_noisy]."""
    levels = [*polynomial_levels(level, min(_LEAST, level / 8), steps + 1, rho=3.0), 0.0]
    x, known = noisy, None
    for now, following in itertools.pairwise(levels):
        denoised = prior.denoise(x, now)
        known = denoised if known is None else known
        x = x - 2 * (now - following) * (x - denoised) / now
        if following > 0:
            x = x + math.sqrt(now**2 - following**2) * noise.normal(x.shape[1:], x.device)
    assert known is not None
    return x, known


def ddim_draw(
    prior: DenoiserPrior, noisy: Tensor, level: float, steps: int, noise: RowGenerators
) -> tuple[Tensor, Tensor]:
    """DDS-DDIM: u = x - x_noisy is diffused with a schedule a' of its own, of which the law given u_t is the prior's at the level
    rho, rho^2 = eta^2 (1 - a') / c, c = 1 + (eta^2 - 1) a', about x_noisy + eta^2 sqrt(a') u / c. Deterministic after the first
    draw u ~ N(0, I). ``steps`` + 1 calls. Also E[x | x_noisy]."""
    squared = level**2
    # even in the logarithm of a' / (1 - a'), which is what the angle w turns with
    odds = geometric_levels(_TOP / (1 - _TOP) / squared, 4e4 / squared, steps + 1)
    shares = [o / (1 + o) for o in odds]
    u, known = noise.normal(noisy.shape[1:], noisy.device), None
    for share, following in zip(shares, [*shares[1:], 1.0], strict=True):
        c, c_next = 1 + (squared - 1) * share, 1 + (squared - 1) * following
        rho = math.sqrt(squared * (1 - share) / c)
        x = noisy + squared * math.sqrt(share) / c * u
        denoised = prior.denoise(x, rho)
        known = denoised if known is None else known
        turn = _angle(level, share) - _angle(level, following)
        u = math.sqrt(c_next / c) * u - math.sqrt(c_next) * turn * (x - denoised) / rho
    assert known is not None
    return noisy + u, known


def _angle(level: float, share: float) -> float:
    """w of the paper, -arctan(eta / sqrt(1 / a' - 1)); -pi / 2 at a' = 1."""
    return -math.pi / 2 if share >= 1 else -math.atan(level / math.sqrt(1 / share - 1))


DENOISING_SAMPLERS: dict[str, Callable] = {"second-order": denoising_draw, "ddpm": ddpm_draw, "ddim": ddim_draw}
