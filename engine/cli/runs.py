"""What ``qcs runs`` does: the library of kept runs from the command line."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments", "add_film", "add_report"]

DONE = 0
SHOWN = ("name", "pinned", "created", "algorithm", "prior", "psnr_mean", "cosine_mean", "seconds", "bytes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs of ``qcs runs``."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    listed = verbs.add_parser("list", help="runs, newest first")
    listed.add_argument("search", nargs="*", help="words that must occur in name, image or a choice")
    listed.add_argument("--sort", default="created", metavar="COLUMN", help="column to sort by (created)")
    listed.add_argument("--ascending", action="store_true", help="smallest first")
    listed.add_argument("--pinned", action="store_true", help="pinned runs alone")
    listed.add_argument("--limit", type=int, default=-1, help="number of runs")
    listed.add_argument("--json", action="store_true", help="as JSON, with every column")
    listed.set_defaults(work=_list)
    for verb, work, words in (
        ("show", _show, "recipe, metrics and notes of a run, as JSON"),
        ("open", _open, "open a run in the window"),
        ("pin", _pin, "keep a run for good"),
        ("unpin", _unpin, "let a run go when the library is full"),
        ("delete", _delete, "delete a run"),
    ):
        one = verbs.add_parser(verb, help=words)
        one.add_argument("run", help="name of a run" + (", or a file" if verb in ("show", "open") else ""))
        one.set_defaults(work=work)
    named = verbs.add_parser("rename", help="give a run another name")
    named.add_argument("run", help="name of a run")
    named.add_argument("new", help="its new name")
    named.set_defaults(work=_rename)
    exported = verbs.add_parser(
        "export", help="write result.json, result.npz and the pictures of a run, or its document"
    )
    exported.add_argument("run", help="name of a run, or a file")
    exported.add_argument("--out", required=True, help="folder, or a file that ends in .qcs, .npz, .png or .tif")
    exported.set_defaults(work=_export)
    rebuilt = verbs.add_parser("rebuild", help="make the index of the library anew")
    rebuilt.set_defaults(work=_rebuild)


def add_film(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``qcs film``."""
    from engine.runs.film import VIEWS

    parser.add_argument("run", help="name of a kept run, or a file")
    parser.add_argument("--out", required=True, help="FILE.gif, FILE.mp4, or a folder for numbered PNG")
    parser.add_argument("--view", default="denoised", choices=VIEWS, help="what is shown (denoised)")
    parser.add_argument("--rate", type=float, default=12.0, help="pictures a second (12)")
    parser.add_argument("--sample", type=int, default=0, help="which sample, from 0")
    parser.set_defaults(work=_film)


def add_report(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``qcs report``."""
    parser.add_argument("runs", nargs="+", help="names of kept runs, or files; several are compared")
    parser.add_argument("--out", required=True, help="FILE.html, or FILE.csv for the table of a comparison alone")
    parser.set_defaults(work=_report)


def _film(arguments: argparse.Namespace) -> int:
    from engine.runs.film import write_film

    result = _library().open(arguments.run)
    if arguments.sample < 0:
        raise InputError("--sample counts from 0.")
    print(write_film(result, arguments.out, arguments.view, arguments.rate, arguments.sample))
    return DONE


def _report(arguments: argparse.Namespace) -> int:
    from engine.runs.comparison import compare
    from engine.runs.report import write_report

    results, out = [_library().open(run) for run in arguments.runs], Path(arguments.out)
    if out.suffix.lower() not in (".html", ".csv"):
        raise InputError(f"'{out.name}': a report ends in .html, a table in .csv.")
    print(compare(results).write_csv(out) if out.suffix.lower() == ".csv" else write_report(out, results))
    return DONE


def _library():
    from engine.runs.library import Library

    return Library()


def _list(arguments: argparse.Namespace) -> int:
    where = {"pinned": 1} if arguments.pinned else None
    entries = _library().list(
        " ".join(arguments.search), arguments.sort, not arguments.ascending, where, arguments.limit
    )
    if arguments.json:
        print(json_text([{"path": str(e.path)} | e.values for e in entries], indent=2))
        return DONE
    for entry in entries:
        facts = dict(entry.values)
        facts["created"] = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["created"]))
        facts["algorithm"], facts["prior"] = facts["algorithm"].split(" ")[0], facts["prior"].split(" ")[0]
        psnr = "" if facts["psnr_mean"] is None else f"{facts['psnr_mean']:.2f} dB"
        mark = "*" if facts["pinned"] else " "
        failed = "  failed" if facts["failed"] else ""
        print(
            f"{mark} {facts['name']:<52} {facts['created']}  {facts['algorithm']:<13} {facts['prior']:<14} {psnr:>9}{failed}"
        )
    return DONE


def _show(arguments: argparse.Namespace) -> int:
    result = _library().open(arguments.run)
    print(json_text(result.as_dict() | {"keyframes": len(result.keyframes)}, indent=2))
    return DONE


def _open(arguments: argparse.Namespace) -> int:
    import importlib

    path = _library().path_of(arguments.run)
    try:  # by name: the window stands above the command line
        window = importlib.import_module("qcs_gui.app")
    except ImportError:
        raise InputError("The window is not installed here; take 'qcs runs show' or 'qcs runs export'.") from None
    return window.main([str(path)])


def _pin(arguments: argparse.Namespace) -> int:
    _library().pin(arguments.run)
    return DONE


def _unpin(arguments: argparse.Namespace) -> int:
    _library().pin(arguments.run, False)
    return DONE


def _delete(arguments: argparse.Namespace) -> int:
    _library().delete(arguments.run)
    return DONE


def _rename(arguments: argparse.Namespace) -> int:
    _library().rename(arguments.run, arguments.new)
    return DONE


def _export(arguments: argparse.Namespace) -> int:
    from engine.runs.document import SUFFIX, save_run

    result, out = _library().open(arguments.run), Path(arguments.out)
    if out.suffix == SUFFIX:
        save_run(out, result)
    elif out.suffix:
        result.export(out, "mean")
    else:
        result.write(out)
    print(json_text({"out": str(out)}))
    return DONE


def _rebuild(arguments: argparse.Namespace) -> int:
    print(json_text({"runs": _library().rebuild()}))
    return DONE
