"""What ``qcs sweep`` and ``qcs worker`` do, given their parsed arguments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.commands import DONE, INTERRUPTED
from engine.cli.progress import Bar
from engine.errors import InputError
from engine.files import json_text
from engine.settings import whole

if TYPE_CHECKING:
    from engine.sweeps.definition import Sweep
    from engine.sweeps.runner import Progress
    from engine.sweeps.workers import Workers

__all__ = ["add_arguments", "add_worker", "sweep", "worker"]

SECONDS_BETWEEN_LINES = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", help="sweep file (.toml), or the name of one that ships with the program ('qcs sweep list')"
    )
    parser.add_argument(
        "--out", default="", help="folder for the results; what is done there already is not done again"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, help="processes on this machine; 0 takes one for each core or GPU"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (1)")
    parser.add_argument(
        "--dask", default="", metavar="ADDRESS", help="compute on the cluster of this Dask scheduler, tcp://HOST:8786"
    )
    parser.add_argument("--images", default="", help="other images: a folder or IDX file")
    parser.add_argument("--limit", type=int, default=None, help="number of images")
    parser.add_argument("--offset", type=int, default=None, help="number of the first image")
    parser.add_argument("--retry", action="store_true", help="compute cells again that ended in an error")
    parser.add_argument(
        "--plan", action="store_true", help="say what would be computed and how long it takes, and stop"
    )
    parser.set_defaults(work=sweep)


def add_worker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", help="address of the Dask scheduler, tcp://HOST:8786")
    parser.add_argument("--threads", type=int, default=1, help="threads (1)")
    parser.add_argument("--gpu", type=int, default=None, help="number of the GPU that it takes")
    parser.add_argument("--name", default="", help="name of the worker (one is made up)")
    parser.set_defaults(work=worker)


def sweep(arguments: argparse.Namespace) -> int:
    if arguments.file == "list":
        return _list()
    asked = _asked(arguments)
    if not arguments.out and not arguments.plan:
        raise InputError("The following arguments are required: --out (see 'qcs --help').")
    from engine.sweeps.clock import Clock, outlook
    from engine.sweeps.plan import Plan
    from engine.sweeps.runner import run_sweep

    workers = _workers(arguments, asked)
    plan = Plan(asked)
    clock = Clock(plan)
    seconds = clock.estimate()
    together = workers.at_once
    print(f"qcs: {outlook(plan, seconds, together)}", file=sys.stderr)
    if arguments.plan:
        return DONE
    told = _Told(arguments.file)
    result = run_sweep(asked, arguments.out, workers, progress=told, retry=arguments.retry, plan=plan, clock=clock)
    written = _write(arguments.out, asked, result.rows)
    print(
        json_text({
            "out": arguments.out, "cells": len(plan.cells), "done": len(result.rows), "found": result.found,
            "errors": len(result.errors), "seconds": round(result.seconds, 2), "written": [path.name for path in written],
        })
    )  # fmt: skip
    for sentence in dict.fromkeys(record.error for record in result.errors):
        cells = [record for record in result.errors if record.error == sentence]
        where = ", ".join(f"{key} {value}" for key, value in {**cells[0].labels, "image": cells[0].image}.items())
        more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
        print(f"qcs: {where}{more}: {sentence}", file=sys.stderr)
    return INTERRUPTED if result.cancelled else DONE


def worker(arguments: argparse.Namespace) -> int:
    from engine.sweeps.cluster import work_for

    threads = whole("threads", arguments.threads, 1, 4096)
    print(f"qcs: a worker of {arguments.address}; Ctrl-C ends it.", file=sys.stderr)
    work_for(arguments.address, threads, arguments.gpu, arguments.name)
    return DONE


def _list() -> int:
    from engine.sweeps.definition import Sweep, ready_sweeps

    for name, path in ready_sweeps().items():
        print(f"{name:<28} {Sweep.read(path).title}")
    return DONE


def _asked(arguments: argparse.Namespace) -> Sweep:
    """The sweep of the file, with the images that were given instead."""
    from dataclasses import replace

    from engine.sweeps.definition import Sweep, ready_sweeps

    path = Path(arguments.file)
    if not path.suffix and not path.exists():
        known = ready_sweeps()
        if arguments.file not in known:
            from engine.settings import suggest

            raise InputError(
                f"There is no sweep '{arguments.file}'{suggest(arguments.file, list(known))}; 'qcs sweep list' shows them."
            )
        path = known[arguments.file]
    asked = Sweep.read(path)
    if arguments.images:
        asked = replace(asked, images=arguments.images, offset=0, limit=None)
    if arguments.limit is not None:
        asked = replace(asked, limit=whole("limit", arguments.limit, 1, 2**31))
    if arguments.offset is not None:
        asked = replace(asked, offset=whole("offset", arguments.offset, 0, 2**31))
    return asked


def _workers(arguments: argparse.Namespace, asked: Sweep) -> Workers:
    threads = whole("threads", arguments.threads, 1, 4096)
    jobs = whole("jobs", arguments.jobs, 0, 1024)
    if arguments.dask:
        if jobs:
            raise InputError("Give either --jobs or --dask, not both.")
        from engine.sweeps.cluster import Cluster

        return Cluster(arguments.dask, threads)
    from engine.sweeps.workers import InProcess, Pool, cores, gpus

    found = gpus(asked)
    jobs = jobs or found or max(1, cores() // threads)
    if jobs == 1:
        return InProcess(threads=threads)
    return Pool(jobs, threads, found)


def _write(folder: str, asked: Sweep, records: list) -> list[Path]:
    from engine.sweeps.figure import draw
    from engine.sweeps.table import write_tables

    written = write_tables(folder, asked, records)
    if asked.figure is not None:
        try:
            written += draw(folder, asked, records)
        except InputError as error:
            print(f"qcs: {error}", file=sys.stderr)
    return written


class _Told:
    """The progress of a sweep: a bar on a terminal, a line a minute elsewhere."""

    def __init__(self, label: str) -> None:
        import time

        self.bar, self.now, self.last = Bar(f"sweep {Path(label).stem}"), time.monotonic, time.monotonic()

    def __call__(self, progress: Progress) -> None:
        from engine.sweeps.clock import words

        text = f"{progress.done}/{progress.total} cells" + (f", {progress.errors} errors" if progress.errors else "")
        self.bar(progress.share, text, progress.left)
        if not self.bar.live and self.now() - self.last > SECONDS_BETWEEN_LINES:
            self.last = self.now()
            print(f"qcs: {text}, {words(progress.left)} left", file=sys.stderr, flush=True)
