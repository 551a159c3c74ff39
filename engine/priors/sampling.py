"""Reverse diffusion with a denoiser: the sampler under ``turbo``, free of any measurement."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.priors.levels import polynomial_levels

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators

__all__ = ["prior_samples", "reverse_diffusion"]


def reverse_diffusion(
    prior: DenoiserPrior, x: Tensor, sigma: Tensor, last: float, steps: int, noise: RowGenerators
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Draws from p(x0 | x) for x = x0 + sigma z by the reverse stochastic differential equation.

    Second order in the denoised estimate and exact in the noise: the stochastic multistep form of DPM-Solver++
    (Lu et al., 2022), with one network evaluation a step. Every row has its own starting level, so the levels are
    interpolated per row in sigma^(1/7).

    Arguments: ``x`` (rows, c, h, w); ``sigma`` (rows,), its level; ``last``, the level at which the final denoising
    happens, or an eighth of the row's own level where that is lower. Yields ``(x, denoised, level)`` after each of
    ``steps`` + 1 evaluations; the last x is the sample.
    """
    import torch

    shares = torch.tensor(polynomial_levels(1.0, 0.0, steps + 1, rho=1.0), dtype=x.dtype, device=x.device)
    first = sigma.to(x.dtype)
    end = (first / 8).clamp_max(last)  # a message cleaner than the last level still has to be sampled from
    levels = (end ** (1 / 7) + shares[:, None] * (first ** (1 / 7) - end ** (1 / 7))) ** 7
    image = (-1, 1, 1, 1)
    previous, previous_width = None, None
    for now, following in itertools.pairwise(levels):
        with torch.no_grad():
            denoised = prior.denoise(x, now)
        width = torch.log(now / following).clamp_min(1e-6)
        towards = denoised
        if previous is not None and previous_width is not None:
            # the denoised estimate extrapolated to the middle of the step, in units of log sigma
            towards = denoised + (0.5 * width / previous_width).reshape(image) * (denoised - previous)
        kept = torch.exp(-2 * width).reshape(image)
        spread = (following**2 * -torch.expm1(-2 * width)).sqrt().reshape(image)
        x = towards + kept * (x - towards) + spread * noise.normal(x.shape[1:], x.device)
        previous, previous_width = denoised, width
        yield x, denoised, following
    with torch.no_grad():
        x = prior.denoise(x, levels[-1])
    yield x, x, levels[-1]


def prior_samples(prior: DenoiserPrior, count: int, seed: int = 0, steps: int = 64, last: float = 0.01) -> Tensor:
    """Samples of the prior alone, (count, c, h, w) in [0, 1]; each depends on ``seed`` and its own number."""
    import torch

    from engine.seeds import RowGenerators, generator

    noise = RowGenerators([generator(seed, "preview", i) for i in range(count)])
    sigma = min(prior.sigma_max, 80.0)
    first = prior.mean + sigma * noise.normal(prior.image_shape)
    *_, (drawn, _, _) = reverse_diffusion(prior, first, torch.full((count,), sigma), last, steps, noise)
    return drawn.clamp(0, 1)
