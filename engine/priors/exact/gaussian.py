"""Gaussian and Gaussian-mixture priors with their exact denoisers: the oracles that samplers are tested against, and
instant baselines."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from engine.priors.base import Card, DenoiserPrior
from engine.sensing.operators.orthonormal import dct, inverse_dct

__all__ = ["GaussianPrior", "MixturePrior", "to_cosines", "to_pixels"]


def to_cosines(x: Tensor) -> Tensor:
    """The orthonormal two-dimensional DCT of (..., height, width)."""
    return dct(dct(x).transpose(-1, -2)).transpose(-1, -2)


def to_pixels(z: Tensor) -> Tensor:
    """Inverse and transpose of :func:`to_cosines`."""
    return inverse_dct(inverse_dct(z).transpose(-1, -2)).transpose(-1, -2)


def _opponents(x: Tensor, channels: int) -> Tensor:
    """Channels to orthonormal brightness and colour differences (colour 3), (batch, c, h, w). Its own transpose below."""
    return torch.einsum("ij,bjhw->bihw", _colour_basis(channels, x.device), x)


def _colour_basis(channels: int, device: torch.device) -> Tensor:
    if channels != 3:
        return torch.eye(channels, dtype=torch.float64, device=device)
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=torch.float64, device=device)
    return rows / rows.norm(dim=1, keepdim=True)


class GaussianPrior(DenoiserPrior):
    """x0 ~ N(mean, covariance). E[x0 | x] = mean + C (C + sigma^2 I)^-1 (x - mean), evaluated in an eigenbasis of C.

    ``covariance`` is a number (isotropic), a matrix (pixels, pixels), or, by :meth:`of_spectrum`, a power spectrum.
    """

    def __init__(self, image_shape: tuple[int, int, int], mean: Tensor | float, covariance: Tensor | float) -> None:
        pixels = math.prod(image_shape)
        self.image_shape = image_shape
        self.centre = torch.as_tensor(mean, dtype=torch.float64).expand(pixels).clone().reshape(image_shape)
        self.vectors: Tensor | None = None
        self.by_spectrum = False
        if isinstance(covariance, Tensor):
            self.values, self.vectors = torch.linalg.eigh(covariance.double())
            self.values = self.values.clamp_min(0)
        else:
            self.values = torch.full((pixels,), float(covariance), dtype=torch.float64)
        self._finish(Card("gaussian", "Gaussian"))

    @classmethod
    def of_spectrum(cls, mean: Tensor | float, spectrum: Tensor) -> GaussianPrior:
        """Stationary: ``spectrum`` (channels, height, width) are the variances of the coefficients of the orthonormal
        DCT of brightness and, in colour, of the two differences red - blue and red - 2 green + blue."""
        prior = cls(tuple(spectrum.shape), mean, 0.0)  # type: ignore[arg-type]
        prior.values, prior.by_spectrum = spectrum.double().flatten(), True
        prior._finish(prior.card)
        return prior

    def _finish(self, card: Card) -> None:
        self.mean, self.variance = float(self.centre.mean()), float(self.values.mean())
        self.sigma_min, self.sigma_max = 0.0, math.inf
        self.card = card

    def analyse(self, centred: Tensor) -> Tensor:
        """Coefficients (batch, pixels) of images (batch, c, h, w), float64, minus the mean."""
        if self.by_spectrum:
            return to_cosines(_opponents(centred, self.image_shape[0])).flatten(1)
        return centred.flatten(1) if self.vectors is None else centred.flatten(1) @ self.vectors

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Inverse and transpose of :meth:`analyse`."""
        if self.by_spectrum:
            x = to_pixels(coefficients.reshape(-1, *self.image_shape))
            return torch.einsum("ji,bjhw->bihw", _colour_basis(self.image_shape[0], x.device), x)
        out = coefficients if self.vectors is None else coefficients @ self.vectors.T
        return out.reshape(-1, *self.image_shape)

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        level = torch.as_tensor(sigma, dtype=torch.float64, device=x.device).reshape(-1, 1)
        gain = self.values / (self.values + level**2).clamp_min(1e-300)
        out = self.synthesise(gain * self.analyse(x.double() - self.centre)) + self.centre
        return out.to(x.dtype)

    def log_prob(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """ln p(x) of x = x0 + sigma z, (batch,), float64."""
        level = torch.as_tensor(sigma, dtype=torch.float64, device=x.device).reshape(-1, 1)
        variance = self.values + level**2
        squares = self.analyse(x.double() - self.centre).square() / variance
        return -0.5 * (squares + torch.log(2 * math.pi * variance)).sum(1)

    def sample(self, count: int, draw: torch.Generator) -> Tensor:
        """Images drawn from it, (count, c, h, w), float32."""
        noise = torch.randn((count, len(self.values)), generator=draw, dtype=torch.float64)
        return (self.synthesise(noise * self.values.sqrt().cpu()) + self.centre.cpu()).float()

    def mean_image(self) -> Tensor:
        return self.centre

    def to(self, device: str) -> GaussianPrior:
        """The prior on that device; this one, which others may be using, stays where it is."""
        moved = copy.copy(self)
        moved.centre, moved.values = self.centre.to(device), self.values.to(device)
        moved.vectors = None if self.vectors is None else self.vectors.to(device)
        return moved


class MixturePrior(DenoiserPrior):
    """x0 ~ sum of weights[k] N(mean_k, C_k): E[x0 | x] weighs the components' denoisers by their posterior shares."""

    def __init__(self, parts: list[GaussianPrior], weights: Tensor) -> None:
        self.parts, self.weights = parts, weights.double() / weights.double().sum()
        self.image_shape = parts[0].image_shape
        centres = torch.stack([p.centre for p in parts])
        self.centre = torch.einsum("k,kchw->chw", self.weights, centres)
        self.mean = float(self.centre.mean())
        inside = sum(float(w) * p.variance for w, p in zip(self.weights, parts, strict=True))
        between = torch.einsum("k,kchw->chw", self.weights, (centres - self.centre).square())
        self.variance = inside + float(between.mean())
        self.sigma_min, self.sigma_max = 0.0, math.inf
        self.card = Card("mixture", "Gaussian mixture")

    def log_joint(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """ln (weights[k] p_k(x)) of x = x0 + sigma z, (components, batch), float64."""
        logs = torch.stack([p.log_prob(x, sigma) for p in self.parts])
        return logs + self.weights.log()[:, None]

    def log_prob(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """ln p(x) of x = x0 + sigma z, (batch,), float64."""
        return torch.logsumexp(self.log_joint(x, sigma), 0)

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        tiny = torch.as_tensor(sigma, dtype=torch.float64, device=x.device).clamp_min(1e-6)
        shares = torch.softmax(self.log_joint(x, tiny), 0)
        out = [s[:, None, None, None] * p.denoise(x.double(), sigma) for s, p in zip(shares, self.parts, strict=True)]
        return torch.stack(out).sum(0).to(x.dtype)

    def sample(self, count: int, draw: torch.Generator) -> Tensor:
        """Images drawn from it, (count, c, h, w), float32."""
        chosen = torch.multinomial(self.weights.cpu(), count, True, generator=draw)
        return torch.cat([self.parts[int(k)].sample(1, draw) for k in chosen])

    def mean_image(self) -> Tensor:
        return self.centre

    def to(self, device: str) -> MixturePrior:
        """As :meth:`GaussianPrior.to`."""
        moved = copy.copy(self)
        moved.parts = [p.to(device) for p in self.parts]
        moved.weights, moved.centre = self.weights.to(device), self.centre.to(device)
        return moved
