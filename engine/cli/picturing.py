"""What ``qcs make-picture`` does, given its parsed arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.commands import DONE
from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=("low-rank", "film"), help="a picture of exact rank, or frames one below the other"
    )
    parser.add_argument("--size", default="128x128", metavar="WxH", help="of the picture, or of a frame (128x128)")
    parser.add_argument("--rank", type=int, default=5, help="low-rank: rank of the picture about mid-grey (5)")
    parser.add_argument("--condition", type=float, default=10.0, help="low-rank: its condition number (10)")
    parser.add_argument("--frames", type=int, default=20, help="film: how many frames (20)")
    parser.add_argument("--seed", type=int, default=0, help="which picture")
    parser.add_argument(
        "--out", required=True, help="file: .tif keeps every digit; .png has 16 bits for low-rank, 8 for a film"
    )
    parser.set_defaults(work=make_picture)


def make_picture(arguments: argparse.Namespace) -> int:
    from engine.images import made
    from engine.images.writing import save_deep_png, save_float_tiff, save_png
    from engine.runs.measured import SIZE

    size = SIZE.check("size", arguments.size)
    if size is None:
        raise InputError("--size auto is not valid here: give WIDTHxHEIGHT, such as 128x128.")
    width, height = (int(n) for n in size.split("x"))
    if arguments.what == "low-rank":
        pixels = made.low_rank_picture(height, width, arguments.rank, arguments.condition, arguments.seed)
    else:
        pixels = made.film(arguments.frames, height, width, arguments.seed)
    suffix = Path(arguments.out).suffix.lower()
    if suffix in (".tif", ".tiff"):
        save_float_tiff(arguments.out, pixels)
    elif suffix == ".png":
        (save_deep_png if arguments.what == "low-rank" else save_png)(arguments.out, pixels)
    else:
        raise InputError(f"--out {arguments.out} is not valid: give a file that ends in .tif or .png.")
    print(json_text({"out": arguments.out, "width": pixels.shape[2], "height": pixels.shape[1]}))
    return DONE
