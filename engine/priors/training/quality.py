"""How well a denoiser denoises pictures that it has not seen: what stands on its card, and what predictions rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.priors.base import DenoiserPrior
from engine.seeds import generator

__all__ = ["LEVELS", "denoising_quality"]

LEVELS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0, 20.0)
"""Noise levels on a card."""
PICTURES = 64
"""Pictures whose errors are kept one by one."""
BATCH = 64


@torch.inference_mode()
def denoising_quality(
    prior: DenoiserPrior, images: Sequence[Tensor], levels: Sequence[float] = LEVELS, device: str = "cpu"
) -> dict:
    """Denoising error by noise level on images (c, h, w): ``rmse`` and ``psnr`` over all their pixels at ``sigma``, and for
    the first of them ``pictures``, one by one: ``rmse`` (pictures, levels), the same ``clamped`` to [0, 1], and ``mean`` and
    mean square ``power`` of the pixels. ``device``: where the prior is."""
    sigmas = [s for s in levels if prior.sigma_min <= s <= prior.sigma_max]
    same = len({x.shape for x in images}) == 1
    batches = torch.stack(list(images)).split(BATCH) if same else [x[None] for x in images]
    draw = generator(0, "quality")
    rows, clamped, pixels = [], [], torch.tensor([float(x.numel()) for x in images], dtype=torch.float64)
    for x in batches:
        noise = torch.randn(x.shape, generator=draw).to(device)
        x = x.to(device)
        found = [prior.denoise(x + s * noise, s) for s in sigmas]
        rows.append(torch.stack([_error(d, x) for d in found], 1))
        clamped.append(torch.stack([_error(d.clamp(0, 1), x) for d in found], 1))
    mse = torch.cat(rows)
    overall = ((mse * pixels[:, None]).sum(0) / pixels.sum()).sqrt().tolist()
    some = list(images)[:PICTURES]
    return {
        "sigma": sigmas,
        "rmse": [round(e, 5) for e in overall],
        "psnr": [round(-20 * math.log10(e), 2) for e in overall],
        "pictures": {
            "rmse": _rounded(mse[:PICTURES].sqrt()),
            "clamped": _rounded(torch.cat(clamped)[:PICTURES].sqrt()),
            "mean": [round(float(x.double().mean()), 4) for x in some],
            "power": [round(float(x.double().square().mean()), 5) for x in some],
        },
    }


def _error(found: Tensor, x: Tensor) -> Tensor:
    return (found - x).double().square().flatten(1).mean(1).cpu()


def _rounded(table: Tensor) -> list[list[float]]:
    return [[round(v, 5) for v in row] for row in table.tolist()]
