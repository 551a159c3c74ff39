"""Gaussians and mixtures fitted to a folder of pictures."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import InputError
from engine.images import fit
from engine.images.datasets import Pictures, load_images
from engine.priors.exact.gaussian import GaussianPrior, MixturePrior
from engine.seeds import generator

__all__ = ["fit_covariance", "fit_mixture", "fit_spectrum", "power_law", "spectrum_of"]

LARGEST_COVARIANCE = 3072
FEWEST = 8


def power_law(shape: tuple[int, int, int], deviation: float, exponent: float, tint: float = 0.15) -> Tensor:
    """Variances of DCT coefficients that fall as 1 / frequency^exponent, (channels, h, w), pixels of this deviation.

    Frequency is in half cycles per pixel; below one period in 256 pixels it is level. Each of the two colour
    differences has ``tint`` times the variance of brightness.
    """
    channels, height, width = shape
    squares = [(torch.arange(n, dtype=torch.float64) / n).square() for n in (height, width)]
    frequency = squares[0][:, None] + squares[1]
    one = (frequency + (2 / 256) ** 2) ** (-exponent / 2)
    colours = torch.tensor([1.0, tint, tint] if channels == 3 else [1.0] * channels, dtype=torch.float64)
    spectrum = colours[:, None, None] * one
    return spectrum * (deviation**2 / spectrum.mean())


def _enough(count: int, path: str) -> None:
    if count < FEWEST:
        raise InputError(f"'{path}' holds {count} pictures; give at least {FEWEST} to fit a prior to.")


def spectrum_of(path: str, channels: int, side: int, mean: float) -> Tensor:
    """Mean squared DCT coefficients of squares of a folder's pictures minus ``mean``, (channels, side, side)."""
    total = torch.zeros((channels, side, side), dtype=torch.float64)
    count = 0
    pictures = Pictures(path)
    _enough(len(pictures), path)
    for pixels in pictures:
        pixels = fit(pixels, (channels, *pixels.shape[1:])) if len(pixels) != channels else pixels
        if min(pixels.shape[1:]) < side:
            pixels = fit(pixels, (channels, side, side))
        height, width = pixels.shape[1:]
        for top in range(0, height - side + 1, side):
            for left in range(0, width - side + 1, side):
                square = torch.from_numpy(pixels[:, top : top + side, left : left + side]).double() - mean
                prior = GaussianPrior.of_spectrum(0.0, torch.ones((channels, side, side)))
                total += prior.analyse(square[None]).reshape(total.shape).square()
                count += 1
    return total / count


def fit_spectrum(path: str, shape: tuple[int, int, int], mean: float, side: int = 64) -> GaussianPrior:
    """A stationary Gaussian of any shape with the power spectrum of a folder's pictures.

    The spectrum is measured on squares and interpolated, in logarithms of both, between frequencies; the mean
    brightness of a picture has the variance that the squares' has.
    """
    measured = spectrum_of(path, shape[0], side, mean).clamp_min(1e-12).log()
    grids = []
    for n in shape[1:]:
        at = (torch.arange(n, dtype=torch.float64) / n * side).clamp(0, side - 1)
        grids.append(at / (side - 1) * 2 - 1)
    points = torch.stack(torch.meshgrid(grids[1], grids[0], indexing="xy"), -1)[None]
    spectrum = F.grid_sample(measured[None], points, mode="bilinear", align_corners=True)[0].exp()
    return GaussianPrior.of_spectrum(mean, spectrum)


def _stack(path: str, shape: tuple[int, int, int], largest: int) -> np.ndarray:
    if math.prod(shape) > largest:
        raise InputError(
            f"A full covariance of {math.prod(shape):,} pixels is too large (at most {largest:,}); "
            "give a smaller side, or model=spectrum."
        )
    images = load_images(path, shape, limit=20000)
    _enough(len(images), path)
    return images.reshape(len(images), -1).astype(np.float64)


def _shrunk(flat: np.ndarray, towards: np.ndarray | float, weight: float) -> np.ndarray:
    """Covariance of rows (n, pixels), drawn towards a simpler one as if that had been seen ``weight`` times."""
    n = len(flat)
    centred = flat - flat.mean(0)
    return (centred.T @ centred + weight * towards) / (n + weight)


def fit_covariance(path: str, shape: tuple[int, int, int]) -> GaussianPrior:
    """Mean image and full covariance of a folder's pictures fitted to ``shape``.

    The covariance is drawn towards a multiple of the identity by the share of Ledoit and Wolf (2004), so that fewer
    pictures than pixels are enough.
    """
    flat = _stack(path, shape, LARGEST_COVARIANCE)
    n, pixels = flat.shape
    centred = flat - flat.mean(0)
    covariance = centred.T @ centred / n
    level = float(np.trace(covariance)) / pixels
    distance = float(np.square(covariance).sum()) / pixels - level**2
    norms = float(np.square(np.square(centred).sum(1)).sum()) / n
    noise = (norms - float(np.square(covariance).sum())) / (n * pixels)
    share = min(1.0, max(0.0, noise / max(distance, 1e-30)))
    covariance = (1 - share) * covariance + share * level * np.eye(pixels)
    return GaussianPrior(shape, torch.from_numpy(flat.mean(0)), torch.from_numpy(covariance))


def fit_mixture(path: str, shape: tuple[int, int, int], components: int, seed: int) -> MixturePrior:
    """K-means, then a Gaussian for each cluster, its covariance drawn towards that of all pictures."""
    flat = _stack(path, shape, 1024)
    components = min(components, len(flat) // 4)
    chosen = torch.randperm(len(flat), generator=generator(seed, "mixture"))[:components].numpy()
    centres, labels = flat[chosen], np.full(len(flat), -1)
    for _ in range(100):
        distances = np.square(centres).sum(1) - 2 * flat @ centres.T
        nearest = distances.argmin(1)
        if (nearest == labels).all():
            break
        labels = nearest
        centres = np.stack(
            [flat[labels == k].mean(0) if (labels == k).any() else centres[k] for k in range(components)]
        )
    whole = _shrunk(flat, 0.0, 0.0)
    whole += np.eye(whole.shape[0]) * float(np.trace(whole)) / whole.shape[0] * 1e-3
    parts, weights = [], []
    for k in range(components):
        members = flat[labels == k]
        if len(members):
            covariance = torch.from_numpy(_shrunk(members, 0.3 * whole, 32.0))
            parts.append(GaussianPrior(shape, torch.from_numpy(members.mean(0)), covariance))
            weights.append(float(len(members)))
    return MixturePrior(parts, torch.tensor(weights))
