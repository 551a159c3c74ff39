"""Whether a prior repeats what it was trained on: its samples beside the nearest of the training pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.experiments.frechet import generated
from engine.priors.base import DenoiserPrior, GeneratorPrior
from engine.priors.sampling import prior_samples

__all__ = ["Copies", "copies", "nearest"]


@dataclass(frozen=True)
class Copies:
    """``sheet`` (c, h, w): samples above, the nearest training picture below each. ``samples`` and ``held_out`` are
    root-mean-square distances to the nearest training picture, of the samples and of pictures never trained on: a prior
    that copies draws samples that lie nearer than those."""

    sheet: Tensor
    samples: list[float]
    held_out: list[float]

    def as_dict(self) -> dict:
        def middle(values: list[float]) -> float:
            return round(sorted(values)[len(values) // 2], 4)

        return {
            "samples": len(self.samples), "median_distance": middle(self.samples), "least_distance": round(min(self.samples), 4),
            "held_out": len(self.held_out), "held_out_median": middle(self.held_out),
            "held_out_least": round(min(self.held_out), 4),
        }  # fmt: skip


def nearest(pictures: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of ``among`` (n, c, h, w), mirrored ones included, to each of ``pictures``, and the root-mean-square
    distance to it."""
    pool = torch.cat([among, among.flip(3)])
    distance = torch.cdist(pictures.flatten(1), pool.flatten(1))
    least, where = distance.min(1)
    return pool[where], least / pictures[0].numel() ** 0.5


def copies(
    prior: DenoiserPrior | GeneratorPrior,
    training: Sequence[Tensor],
    held_out: Sequence[Tensor],
    count: int,
    seed: int = 0,
) -> Copies:
    """Draws ``count`` samples and compares them, and the held-out pictures, with those trained on, each (c, h, w)."""
    pool = torch.stack(list(training))
    samples = prior_samples(prior, count, seed) if isinstance(prior, DenoiserPrior) else generated(prior, count, seed)
    beside, distances = nearest(samples, pool)
    _, others = nearest(torch.stack(list(held_out)), pool)
    sheet = torch.cat([torch.cat(list(samples), 2), torch.cat(list(beside), 2)], 1)
    return Copies(sheet, distances.tolist(), others.tolist())
