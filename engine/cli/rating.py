"""What ``qcs rate-prior``, ``check-copies`` and ``rate-generators`` do: the denoising error of a prior, written on its card; its
samples beside the nearest pictures that it was trained on; how far pictures of generators are from real ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.commands import DONE
from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments", "add_copies", "add_generators", "check_copies", "rate_generators", "rate_prior"]

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
    print(json_text({k: prior.card.quality[k] for k in ("sigma", "rmse", "psnr")} | {"pictures": len(images)}))
    return DONE


def add_copies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", help="weights file of a denoiser for pictures of one size, or of a generator (.safetensors)"
    )
    parser.add_argument("--images", required=True, help="folder of pictures, or IDX file, that it was trained on")
    parser.add_argument("--held-out", default="", help="others, to compare with; empty takes every 16th of the images")
    parser.add_argument("--region", default="", help="column,row,side of the square that is used, as in training")
    parser.add_argument("--limit", type=int, default=10_000, help="number of pictures (10000)")
    parser.add_argument("--samples", type=int, default=8, help="number of samples (8)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples")
    parser.add_argument(
        "--out", required=True, help="PNG file for the sheet: samples, and the nearest pictures below them"
    )
    parser.set_defaults(work=check_copies)


def check_copies(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if not path.is_file():
        raise InputError(f"'{path}' does not exist; give the weights file of a denoiser.")
    if not 1 <= arguments.samples <= 64:
        raise InputError(f"samples={arguments.samples}: give 1 to 64.")
    from engine.experiments.copies import copies
    from engine.images import save_png
    from engine.priors.base import DenoiserPrior, GeneratorPrior
    from engine.priors.networks.registry import read_prior
    from engine.priors.training.sources import KEEP_EVERY
    from engine.priors.training.squares import pictures_for

    prior = read_prior(path)
    if getattr(prior, "any_size", False):
        raise InputError(f"'{path.name}' takes pictures of any size; samples are compared for priors of one size.")

    def pictures(place: str) -> list:
        return pictures_for(place, prior.image_shape, False, arguments.region, 0, arguments.limit)

    every = pictures(arguments.images)
    if arguments.held_out:
        training, others = every, pictures(arguments.held_out)
    else:
        training = [x for i, x in enumerate(every) if i % KEEP_EVERY != KEEP_EVERY - 1]
        others = every[KEEP_EVERY - 1 :: KEEP_EVERY]
    if not others:
        raise InputError(
            f"{len(every)} pictures are too few to keep any apart; give at least {KEEP_EVERY}, or held-out ones."
        )
    assert isinstance(prior, (DenoiserPrior, GeneratorPrior))
    found = copies(prior, training, others, arguments.samples, arguments.seed)
    save_png(arguments.out, found.sheet.numpy())
    print(json_text(found.as_dict()))
    return DONE


def add_generators(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("priors", nargs="+", help="names of generators")
    parser.add_argument(
        "--images", required=True, help="folder of pictures, or IDX file, that they were not trained on"
    )
    parser.add_argument("--limit", type=int, default=2000, help="number of pictures, and of generated ones (2000)")
    parser.add_argument("--sheet", default="", help="PNG file for a sheet of 100 samples of each, one below the other")
    parser.set_defaults(work=rate_generators)


def rate_generators(arguments: argparse.Namespace) -> int:
    if arguments.limit < 200:
        raise InputError(f"limit={arguments.limit}: a Frechet distance needs 200 pictures at least.")
    import torch

    from engine.experiments.frechet import features, frechet, generated
    from engine.images import save_png
    from engine.priors.library import priors
    from engine.priors.training.squares import pictures_for

    rows, sheets = [], []
    for name in arguments.priors:
        choice = priors().parse(name)
        if choice.kind != "generator":
            raise InputError(f"The prior '{choice.name}' is no generator; rate-prior measures denoisers.")
        real = torch.stack(pictures_for(arguments.images, choice.image_shape, False, "", 0, arguments.limit))
        if len(real) < 200:
            raise InputError(f"{len(real)} pictures are too few; a Frechet distance needs 200 at least.")
        half, seen = len(real) // 2, features(real)
        drawn = generated(choice.load(), len(real))  # type: ignore[arg-type]
        rows.append({
            "prior": choice.name, "pictures": len(real), "frechet": round(frechet(features(drawn), seen), 4),
            "frechet_of_real_halves": round(frechet(seen[:half], seen[half:]), 4),
        })  # fmt: skip
        lines = [torch.cat(list(drawn[i : i + 10]), 2) for i in range(0, 100, 10)]
        sheets.append(torch.cat(lines, 1))
    if arguments.sheet:
        if len({s.shape for s in sheets}) > 1:
            raise InputError("One sheet takes generators of pictures of one size; give them one by one.")
        save_png(arguments.sheet, torch.cat(sheets, 1).numpy())
    print(json_text(rows))
    return DONE
