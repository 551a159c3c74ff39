"""The latents whose images are nearest to given ones: the projection onto a generator's range."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.priors.base import GeneratorPrior
from engine.seeds import RowGenerators, generator

__all__ = ["LatentAdam", "best_latents", "nearest_latents"]


class LatentAdam:
    """Adam (Kingma and Ba, 2015), or plain gradient descent, on latents (rows, latent), each row for itself."""

    def __init__(self, rate: float, adam: bool = True) -> None:
        self.rate, self.adam = rate, adam
        self.first: Tensor | float = 0.0
        self.second: Tensor | float = 0.0
        self.count = 0

    def step(self, latent: Tensor, gradient: Tensor) -> Tensor:
        """The next latents."""
        if not self.adam:
            return latent - self.rate * gradient
        self.count += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient.square()
        first, second = self.first / (1 - 0.9**self.count), self.second / (1 - 0.999**self.count)
        return latent - self.rate * first / (second.sqrt() + 1e-8)


def nearest_latents(
    prior: GeneratorPrior, images: Tensor, latent: Tensor, steps: int, rate: float, penalty: float,
    each: Callable[[Tensor], None] = lambda loss: None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """argmin over z of mean (x - G(z))^2 + penalty |z|^2 for each image (rows, c, h, w), by ``steps`` steps of Adam from
    ``latent`` (rows, latent). Returns the latents and their losses (rows,)."""
    descent = LatentAdam(rate)
    for _ in range(steps):
        with torch.enable_grad():
            z = latent.detach().requires_grad_()
            loss = (images - prior.generate(z)).square().flatten(1).mean(1) + penalty * z.square().sum(1)
            (gradient,) = torch.autograd.grad(loss.sum(), z)
        latent = descent.step(latent, gradient)
        each(loss.detach())
    with torch.no_grad():
        loss = (images - prior.generate(latent)).square().flatten(1).mean(1) + penalty * latent.square().sum(1)
    return latent, loss


def best_latents(
    prior: GeneratorPrior, images: Tensor, restarts: int = 4, steps: int = 300, rate: float = 0.05
) -> Tensor:
    """The best of some restarts for each image, (images, latent), on the device of ``images``."""
    rows = images.repeat_interleave(restarts, 0)
    draws = RowGenerators([generator(0, "latent", i, r) for i in range(len(images)) for r in range(restarts)])
    found, loss = nearest_latents(prior, rows, prior.draw_latents(draws, str(images.device)), steps, rate, 0.0)
    best = loss.reshape(len(images), restarts).argmin(1)
    return found.reshape(len(images), restarts, -1)[torch.arange(len(images)), best]
