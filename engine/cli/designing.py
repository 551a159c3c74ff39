"""What ``qcs design`` does, given its parsed arguments."""

from __future__ import annotations

import argparse

from engine.cli.commands import DONE
from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments", "design"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bits-per-pixel", default=None, metavar="NUMBER", help="budget of bits for each pixel value")
    parser.add_argument("--rows-per-pixel", default=None, metavar="NUMBER", help="budget of rows for each pixel value")
    parser.add_argument(
        "--fixed-time",
        action="store_true",
        help="the time of all measurements together is given: fewer rows are measured for longer, with less noise",
    )
    parser.add_argument("--prior", default="mnist", metavar='"NAME key=value ..."', help="prior")
    parser.add_argument("--operator", default="dct", metavar='"NAME key=value ..."', help="sensing matrix (dct)")
    parser.add_argument("--noise", default="0.05", help="standard deviation of the noise, in the units of A x (0.05)")
    parser.add_argument("--size", default="auto", metavar="WxH", help="size of the pictures, for priors of any size")
    parser.add_argument("--colour", action="store_true", help="pictures in colour, for priors that know both")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(work=design)


def design(arguments: argparse.Namespace) -> int:
    from engine.experiments.design import design as compared
    from engine.runs.spec import RunSpec

    given = [
        (k, v) for k, v in (("bits", arguments.bits_per_pixel), ("rows", arguments.rows_per_pixel)) if v is not None
    ]
    if len(given) != 1:
        raise InputError("Give one budget: --bits-per-pixel or --rows-per-pixel.")
    kind, written = given[0]
    try:
        budget = float(written)
    except ValueError:
        raise InputError(f"--{kind}-per-pixel {written} is not valid: give a number.") from None
    spec = RunSpec(
        prior=arguments.prior,
        operator=arguments.operator,
        noise=arguments.noise,
        size=arguments.size,
        algorithm="turbo",
    )
    channels, height, width = spec.prior.image_shape
    shape = spec.shape_for((3 if arguments.colour else channels, height, width))
    if arguments.colour and shape[0] != 3:
        raise InputError(f"The prior '{spec.prior.name}' is for grey pictures; leave --colour out.")
    found = compared(spec, shape, budget, kind, arguments.fixed_time)
    if arguments.json:
        print(json_text(found.as_dict(), indent=2))
        return DONE
    for split in found.splits:
        mark = "  <- best" if split is found.best else ""
        print(
            f"{split.quantizer:<22} {split.rows:>9,} rows  expected {split.psnr:5.1f} dB "
            f"({split.low:.0f} to {split.high:.0f}){mark}"
        )
    return DONE
