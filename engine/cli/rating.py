"""What ``qcs rate-prior`` does: measures a prior's denoising error on held-out pictures and writes it on its card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from engine.cli.commands import DONE
from engine.errors import InputError

__all__ = ["add_arguments", "rate_prior"]

MOST = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="weights file of a denoiser (.safetensors)")
    parser.add_argument("--images", required=True, help="folder of pictures, or IDX file, that it was not trained on")
    parser.add_argument("--offset", type=int, default=0, help="number of the first picture")
    parser.add_argument("--limit", type=int, default=MOST, help=f"number of pictures ({MOST})")
    parser.add_argument(
        "--region", default="", help="column,row,side of the square of each picture that is used, as in training"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes all cores")
    parser.set_defaults(work=rate_prior)


def rate_prior(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if not path.is_file():
        raise InputError(f"'{path}' does not exist; give the weights file of a denoiser.")
    from dataclasses import replace

    import torch

    from engine.priors.networks.edm import EdmDenoiser
    from engine.priors.networks.registry import read_prior
    from engine.priors.training.quality import denoising_quality
    from engine.priors.training.squares import pictures_for

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    prior = read_prior(path)
    if not isinstance(prior, EdmDenoiser):
        raise InputError(f"'{path.name}' holds an imported network; only priors trained here are rated.")
    images = pictures_for(
        arguments.images, prior.image_shape, prior.any_size, arguments.region, arguments.offset, arguments.limit
    )
    prior.card = replace(prior.card, quality=denoising_quality(prior, images))
    prior.save(path)
    print(json.dumps({k: prior.card.quality[k] for k in ("sigma", "rmse", "psnr")} | {"pictures": len(images)}))
    return DONE
