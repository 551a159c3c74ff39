"""How far the pictures of a generator are from real ones: the Fréchet distance of Gaussians fitted to their features.

The features are those of two convolutions with fixed random weights, so no trained network is needed, and figures can be compared
wherever they are computed. They are no Inception features: compare generators with one another, not with published figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.seeds import RowGenerators, generator

if TYPE_CHECKING:
    from engine.priors.base import GeneratorPrior

__all__ = ["features", "frechet", "generated"]

CHANNELS = (48, 96)
TOGETHER = 256


@torch.no_grad()
def features(pictures: Tensor) -> np.ndarray:
    """Features (n, 96) of pictures (n, c, h, w) in [0, 1]."""
    draw = generator(0, "frechet features")
    weights, before = [], pictures.shape[1]
    for channels in CHANNELS:
        weights.append(torch.randn((channels, before, 5, 5), generator=draw) / (25 * before) ** 0.5)
        before = channels
    found = []
    for part in pictures.split(TOGETHER):
        h = part - 0.5
        for weight in weights:
            h = F.relu(F.conv2d(h, weight, stride=2, padding=2))
        found.append(h.mean((2, 3)))
    return torch.cat(found).double().numpy()


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two sets of features (n, d) (Fréchet, 1957; Heusel et al., 2017)."""
    means = first.mean(0) - second.mean(0)
    one, two = np.cov(first.T), np.cov(second.T)
    # the trace of the root needs the eigenvalues alone: those of C1^(1/2) C2 C1^(1/2)
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    return float(means @ means + np.trace(one) + np.trace(two) - 2 * shared)


@torch.no_grad()
def generated(prior: GeneratorPrior, count: int, seed: int = 0) -> Tensor:
    """Pictures of latents drawn from their distribution, (count, c, h, w)."""
    draws = RowGenerators([generator(seed, "sample", i) for i in range(count)])
    return torch.cat([prior.generate(part) for part in prior.draw_latents(draws).split(TOGETHER)])
