"""Plain denoising of pictures of any size with a prior: what ``qcs denoise`` and the prior page do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.device import choose_device
from engine.errors import InputError
from engine.files import make_folder, write_json
from engine.images import fit, plain_channels, save_png
from engine.images.datasets import Pictures
from engine.priors.base import DenoiserPrior
from engine.priors.choice import KINDS, PriorChoice
from engine.runs.job import environment
from engine.runs.metrics import psnr
from engine.seeds import generator

__all__ = ["add_noise", "denoise_folder", "denoise_turned"]


def add_noise(pixels: np.ndarray, sigma: float, seed: int, index: int) -> Tensor:
    """(1, c, h, w): a picture (c, h, w) plus white Gaussian noise keyed by seed and picture number, not clipped."""
    draw = generator(seed, "denoise", index)
    return torch.from_numpy(pixels)[None] + sigma * torch.randn((1, *pixels.shape), generator=draw)


@torch.inference_mode()
def denoise_turned(prior: DenoiserPrior, noisy: Tensor, sigma: float, turns: int) -> Tensor:
    """Mean of the denoised estimates of ``turns`` (1 to 8) of the rotations and mirror images of ``noisy`` (1, c, h, w).

    The noise is as likely turned as not, and so are most pictures: averaging takes away what the network does
    differently to each.
    """
    total, count = torch.zeros_like(noisy), 0
    upright = noisy.shape[2] != noisy.shape[3] and not getattr(prior, "any_size", False)
    for turn in range(turns):
        if upright and turn % 2:
            continue  # this prior was made for exactly this height and width
        count += 1
        turned = torch.rot90(noisy, turn % 4, (2, 3))
        turned = turned.flip(3) if turn >= 4 else turned
        out = prior.denoise(turned.contiguous(), sigma)
        out = out.flip(3) if turn >= 4 else out
        total += torch.rot90(out, -(turn % 4), (2, 3))
    return total / count


def denoise_folder(
    choice: PriorChoice, source: Path | str, sigma: float, out: Path | str, seed: int = 0, device: str = "auto",
    limit: int | None = None, turns: int = 1, progress: Callable[[int, int], None] | None = None,
) -> dict:  # fmt: skip
    """Adds noise of standard deviation ``sigma`` to every picture of a folder or IDX file, denoises it and writes the
    result as PNG, and ``summary.json`` with the PSNR of each (before and after) and the means; returns the summary.

    Pictures keep their own size where the prior takes any, however large. Raises InputError for what cannot be read,
    and writes the summary of the pictures done when it is interrupted.
    """
    if choice.kind != "denoiser":
        raise InputError(
            f"'{choice.name}' is a {KINDS[choice.kind][0]}; denoise takes a denoiser prior: choose natural."
        )
    folder, device = make_folder(out), choose_device(device)
    pictures = Pictures(source, limit=limit)
    rows: list[dict] = []
    start = time.perf_counter()
    try:
        for index, (name, pixels) in enumerate(zip(pictures.labels, pictures, strict=True)):
            shape = choice.shape_for(
                (plain_channels(pixels), *pixels.shape[1:]), pixels.shape[1:] if choice.any_size else None
            )
            clean = fit(pixels, shape)
            prior = choice.load(device, shape)
            assert isinstance(prior, DenoiserPrior)
            noisy = add_noise(clean, sigma, seed, index)
            result = denoise_turned(prior, noisy.to(device), sigma, turns).cpu().numpy()[0]
            save_png(folder / f"{name}.png", result)
            values = {"psnr": float(psnr(result, clean)), "psnr_noisy": psnr(noisy[0].numpy(), clean, clip=False)}
            rows.append(
                {"index": index, "name": name, "channels": shape[0], "height": shape[1], "width": shape[2]} | values
            )
            if progress:
                progress(index + 1, len(pictures))
    finally:
        summary = {
            "prior": str(choice), "noise": sigma, "seed": seed, "turns": turns, "count": len(rows),
            "mean": {k: float(np.mean([r[k] for r in rows])) for k in ("psnr", "psnr_noisy")} if rows else {},
            "seconds": round(time.perf_counter() - start, 2), "images": rows, **environment(device),
        }  # fmt: skip
        write_json(folder / "summary.json", summary)
    return summary
