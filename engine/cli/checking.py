"""What ``qcs check`` does, given its parsed arguments."""

from __future__ import annotations

import argparse

from engine.cli.commands import DONE
from engine.cli.progress import Bar
from engine.cli.sources import set_threads
from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments", "check"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="measurement file (.npz, .mat)")
    parser.add_argument("--mend", default="", metavar="OUT", help="write the file without its faults (.npz)")
    parser.add_argument(
        "--prior", default="natural", metavar='"NAME key=value ..."', help="decides between mirror images (natural)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(work=check)


def check(arguments: argparse.Namespace) -> int:
    from engine.priors.library import priors
    from engine.sensing.files import read_pieces, save_pieces

    prior = priors().parse(arguments.prior)
    if prior.kind != "denoiser":
        raise InputError(f"The prior '{prior.name}' is no denoiser; take one, such as natural.")
    if arguments.mend and not arguments.mend.endswith(".npz"):
        raise InputError(f"'{arguments.mend}': a measurement file must end in .npz.")
    set_threads(arguments)
    pieces = read_pieces(arguments.file)
    from engine.doctor import check as look

    report = look(pieces, prior, Bar("check"))
    facts = report.as_dict()
    if arguments.mend:
        if report.found:
            facts["mended"] = str(save_pieces(arguments.mend, report.pieces))
        else:
            facts["mended"] = None
    if arguments.json:
        print(json_text(facts, indent=2))
        return DONE
    for finding in report.found:
        print(f"- {finding.words}")
    print(report.verdict)
    if arguments.mend:
        print(f"Written: {facts['mended']}" if report.found else "No fault was found; nothing was written.")
    elif report.found:
        print("Write the file without them with --mend OUT.npz.")
    return DONE
