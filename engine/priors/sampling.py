"""Reverse diffusion with a denoiser: the sampler under ``turbo``, free of any measurement."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators

__all__ = ["prior_samples", "reverse_diffusion"]


def reverse_diffusion(
    prior: DenoiserPrior, x: Tensor, sigma: Tensor, last: float, steps: int | Tensor, noise: RowGenerators,
    power: float = 7.0,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:  # fmt: skip
    """Draws from p(x0 | x) for x = x0 + sigma z by the reverse stochastic differential equation.

    Second order in the denoised estimate and exact in the noise: the stochastic multistep form of DPM-Solver++
    (Lu et al., 2022), with one network evaluation a step. Every row has its own starting level, so the levels are
    interpolated per row in sigma^(1 / ``power``): the higher, the more steps at low levels.

    Arguments: ``x`` (rows, c, h, w); ``sigma`` (rows,), its level; ``last``, the level at which the final denoising
    happens, or an eighth of the row's own level where that is lower; ``steps``, one number or one per row (rows,). Yields
    ``(x, denoised, level)`` after each of (the most) ``steps`` + 1 evaluations; the last x is the sample. A row of fewer steps
    waits at its last level for the others, so that it is drawn alike alone and among them.
    """
    import torch

    first = sigma.to(x.dtype)
    counts = torch.as_tensor(steps, device=x.device).expand(len(x)).to(x.dtype)
    most = int(counts.max())
    end = (first / 8).clamp_max(last)  # a message cleaner than the last level still has to be sampled from
    shares = [1 - (k / counts).clamp_max(1.0) for k in range(most + 1)]
    levels = [(end ** (1 / power) + share * (first ** (1 / power) - end ** (1 / power))) ** power for share in shares]
    image = (-1, 1, 1, 1)
    previous, previous_width = None, None
    for step, (now, following) in enumerate(itertools.pairwise(levels)):
        with torch.no_grad():
            denoised = prior.denoise(x, now)
        width = torch.log(now / following).clamp_min(1e-6)
        towards = denoised
        if previous is not None and previous_width is not None:
            # the denoised estimate extrapolated to the middle of the step, in units of log sigma
            towards = denoised + (0.5 * width / previous_width).reshape(image) * (denoised - previous)
        kept = torch.exp(-2 * width).reshape(image)
        spread = (following**2 * -torch.expm1(-2 * width)).sqrt().reshape(image)
        moved = towards + kept * (x - towards) + spread * noise.normal(x.shape[1:], x.device)
        x = torch.where((step < counts).reshape(image), moved, x)
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
