"""Hamiltonian moves of latents under a power of the likelihood (Neal, 2011; Girolami and Calderhead, 2011)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from engine.algorithms.latent.objective import LatentObjective
    from engine.seeds import RowGenerators

__all__ = ["Chains"]

TARGET = 0.8
"""Share of proposals to be accepted, towards which steps move while they are adapted."""


class Chains:
    """Rows of latents, each a Markov chain; ``stage`` fixes power and metric, ``move`` leaves that posterior as it is.

    Momenta are drawn in coordinates in which the metric, Fisher information of the measurements plus the prior's, is the
    identity. ``pooled`` chains share one step, which is then adapted by all of them.
    """

    def __init__(self, objective: LatentObjective, noise: RowGenerators, latent: Tensor, pooled: bool = False) -> None:
        self.objective, self.noise, self.latent, self.pooled = objective, noise, latent.double(), pooled
        self.step = torch.full((len(latent),), 0.5, dtype=torch.float64, device=latent.device)

    def stage(self, power: Tensor, fisher: Tensor) -> None:
        """``power`` (rows,) of the likelihood from now on; ``fisher`` (rows or 1, latent, latent) of its full measurements."""
        size = self.latent.shape[1]
        strengths = power[: len(fisher), None, None]
        factor = torch.linalg.cholesky(strengths * fisher + torch.eye(size, dtype=torch.float64, device=fisher.device))
        # z = W u with W W^T the inverse of the metric
        self.wide = torch.linalg.inv(factor).transpose(1, 2)
        self.power = power
        self.x, self.value, self.energy, self.slope = self._at(self.latent)

    def _at(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, -ln p(y | x), potential and its gradient in the whitened coordinates."""
        x, value, gradient = self.objective(latent.float())
        energy = self.power * value + 0.5 * latent.square().sum(1)
        slope = self.power[:, None] * gradient.double() + latent
        return x, value, energy, (self.wide.transpose(1, 2) @ slope[:, :, None])[:, :, 0]

    def move(self, leapfrog: int, adapt: bool) -> tuple[Tensor, Tensor, Tensor]:
        """One proposal of each chain: images, -ln p(y | x) and the chance (rows,) that it had."""
        device = str(self.latent.device)
        momentum = self.noise.normal(self.latent.shape[1:], device).double()
        # steps of random length: chains that turn back where they began are no samples
        jitter = 0.8 + 0.4 * self.noise.uniform((1,), device).double()
        step = self.step[:, None] * jitter
        before = self.energy + 0.5 * momentum.square().sum(1)
        latent, slope = self.latent, self.slope
        x, value, energy = self.x, self.value, self.energy
        for _ in range(leapfrog):
            momentum = momentum - 0.5 * step * slope
            latent = latent + (self.wide @ (step * momentum)[:, :, None])[:, :, 0]
            x, value, energy, slope = self._at(latent)
            momentum = momentum - 0.5 * step * slope
        after = energy + 0.5 * momentum.square().sum(1)
        chance = (before - after).nan_to_num(-torch.inf, neginf=-torch.inf).clamp_max(0).exp()
        taken = self.noise.uniform((1,), device).double()[:, 0] < chance
        row = taken[:, None]
        self.latent, self.slope = torch.where(row, latent, self.latent), torch.where(row, slope, self.slope)
        self.x = torch.where(taken.reshape(-1, 1, 1, 1), x, self.x)
        self.value, self.energy = torch.where(taken, value, self.value), torch.where(taken, energy, self.energy)
        if adapt:
            told = chance.mean().expand_as(chance) if self.pooled else chance
            self.step = (self.step * torch.exp((1.0 if self.pooled else 0.25) * (told - TARGET))).clamp(1e-4, 1.2)
        return self.x, self.value, chance
