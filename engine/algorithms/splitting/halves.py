"""What the splittings share: the prior's half, x given z = x + rho w, levels, and the mean of what is known at each z."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.consistency import Consistency
    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators

__all__ = ["HeldMean", "denoising_draw", "fine_level"]

_END = 0.01
_FINEST, _COARSEST = 0.01, 0.1


def fine_level(half: Consistency, prior: DenoiserPrior) -> float:
    """A coupling below which these measurements tell nothing more apart: the noise per pixel, within what is practical."""
    return min(max(half.noise_per_pixel(), prior.sigma_min, _FINEST), _COARSEST, prior.sigma_max)


def denoising_draw(
    prior: DenoiserPrior, z: Tensor, level: float, steps: int, noise: RowGenerators
) -> tuple[Tensor, Tensor]:
    """A draw of x ~ p(x) N(z; x, level^2 I) in ``steps`` + 1 network calls, and the denoised estimate E[x | z]."""
    import torch

    from engine.priors.sampling import reverse_diffusion

    sigma = torch.full((len(z),), level, device=z.device)
    x, known = z, None
    for x, denoised, _ in reverse_diffusion(prior, z, sigma, _END, steps, noise):
        known = denoised if known is None else known
    assert known is not None
    return x, known


class HeldMean:
    """The posterior mean by the law of total expectation: the average, over chains and iterations at the last level, of
    E[x | z], which spreads less than the samples do and costs nothing."""

    def __init__(self, images: int) -> None:
        self.images, self.count = images, 0
        self.value: Tensor | None = None

    def add(self, known: Tensor) -> Tensor:
        """With E[x | z] (rows, c, h, w) of one iteration; the mean so far (images, c, h, w)."""
        mean = known.unflatten(0, (self.images, -1)).mean(1)
        self.count += 1
        self.value = mean if self.value is None else self.value + (mean - self.value) / self.count
        return self.value
