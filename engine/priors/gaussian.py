"""Gaussian priors with their exact denoiser: the oracle that samplers are tested against."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.priors.base import Card, DenoiserPrior

__all__ = ["GaussianPrior"]


class GaussianPrior(DenoiserPrior):
    """x0 ~ N(mean, covariance). ``covariance`` is a number (isotropic) or a matrix (pixels, pixels).

    E[x0 | x] = mean + C (C + sigma^2 I)^-1 (x - mean), evaluated in the eigenbasis of C.
    """

    def __init__(self, image_shape: tuple[int, int, int], mean: Tensor | float, covariance: Tensor | float) -> None:
        pixels = math.prod(image_shape)
        self.image_shape = image_shape
        centre = torch.as_tensor(mean, dtype=torch.float64).expand(pixels).clone().reshape(image_shape)
        self.centre = centre
        if isinstance(covariance, Tensor):
            self.values, self.vectors = torch.linalg.eigh(covariance.double())
            self.values = self.values.clamp_min(0)
        else:
            self.values, self.vectors = torch.full((pixels,), float(covariance), dtype=torch.float64), None
        self.mean, self.variance = float(centre.mean()), float(self.values.mean())
        self.sigma_min, self.sigma_max = 0.0, math.inf
        self.card = Card("gaussian", "Gaussian")

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        level = torch.as_tensor(sigma, dtype=torch.float64, device=x.device).reshape(-1, 1)
        gain = self.values / (self.values + level**2)
        centred = (x.double() - self.centre).flatten(1)
        out = gain * centred if self.vectors is None else gain * (centred @ self.vectors) @ self.vectors.T
        return (out.reshape(x.shape) + self.centre).to(x.dtype)

    def mean_image(self) -> Tensor:
        return self.centre

    def to(self, device: str) -> GaussianPrior:
        self.centre, self.values = self.centre.to(device), self.values.to(device)
        self.vectors = None if self.vectors is None else self.vectors.to(device)
        return self
