"""What ``qcs conditioning`` and ``qcs make-picture`` do, given their parsed arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.commands import DONE
from engine.errors import InputError
from engine.files import json_text

__all__ = ["add_arguments", "add_pictures"]

LARGE = "large-completion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--problem",
        default="sensing",
        help="sensing, completion, robust-pca, tensors, over-estimated, or large-completion beside soft-impute (sensing)",
    )
    parser.add_argument("--condition", default="1,5,10,20", metavar="LIST", help="condition numbers (1,5,10,20)")
    parser.add_argument(
        "--side", type=int, default=None, help="side of the matrix (200; tensors 50; over-estimated 100; large 2000)"
    )
    parser.add_argument("--rank", type=int, default=None, help="its rank (10; tensors and over-estimated 5)")
    parser.add_argument("--share", type=float, default=0.05, help="large-completion: share of the entries seen (0.05)")
    parser.add_argument(
        "--iterations", type=int, default=None, help="at most, for each curve (2000; over-estimated 500)"
    )
    parser.add_argument("--goal", type=float, default=None, help="relative error to reach (1e-6; large 1e-4)")
    parser.add_argument("--seed", type=int, default=0, help="seed of matrix and measurements")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes all cores")
    parser.add_argument("--chart", default="", metavar="FILE.svg", help="draw the curves")
    parser.add_argument("--json", action="store_true", help="as JSON, with the curves")
    parser.set_defaults(work=conditioning)


def conditioning(arguments: argparse.Namespace) -> int:
    from engine.cli.sources import set_threads
    from engine.experiments import conditioning as work

    try:
        conditions = tuple(float(n) for n in arguments.condition.split(","))
    except ValueError:
        raise InputError(f"--condition {arguments.condition} is not valid: give numbers such as 1,5,10,20.") from None
    if arguments.iterations is not None and arguments.iterations < 1:
        raise InputError(f"--iterations {arguments.iterations} is not valid: give a whole number of at least 1.")
    if arguments.chart and not arguments.chart.endswith(".svg"):
        raise InputError(f"--chart {arguments.chart} is not valid: give a file that ends in .svg.")
    set_threads(arguments)
    given = {k: getattr(arguments, k) for k in ("side", "rank", "goal") if getattr(arguments, k) is not None}

    def tell(row: dict) -> None:
        if not arguments.json:
            told = {k: v for k, v in row.items() if k not in ("errors", "at_seconds") and v is not None}
            print(
                "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in told.items()), flush=True
            )

    if arguments.problem == LARGE:
        found = work.large_completion(
            share=arguments.share, condition=conditions[0], seed=arguments.seed, tell=tell, **given
        )
    else:
        sizes = {"tensors": {"side": 50, "rank": 5}, "over-estimated": {"side": 100, "rank": 5}}
        given = sizes.get(arguments.problem, {}) | given
        most = arguments.iterations or (500 if arguments.problem == "over-estimated" else 2000)
        found = work.conditioning(
            arguments.problem, conditions, iterations=most, seed=arguments.seed, tell=tell, **given
        )
    if arguments.chart:
        _draw(found, arguments.chart)
    if arguments.json:
        print(json_text(found))
    return DONE


def _draw(found: dict, path: str) -> None:
    from engine.experiments.line_chart import line_charts
    from engine.files import write_atomically

    rows = [row for row in found["rows"] if "errors" in row]
    if not rows:
        raise InputError("large-completion has no curves to draw; leave --chart out.")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    curves = [
        (f"{r['method']}, κ = {r['condition']:g}", conditions.index(r["condition"]), methods.index(r["method"]), r)
        for r in rows
    ]
    charts = [
        ("iterations", [(n, c, d, list(range(1, len(r["errors"]) + 1)), r["errors"]) for n, c, d, r in curves]),
        ("seconds", [(n, c, d, r["at_seconds"], r["errors"]) for n, c, d, r in curves]),
    ]
    title = f"{found['problem']}: relative error, side {found['side']}, rank {found['rank']}"
    drawing = line_charts(title, charts)
    write_atomically(Path(path), lambda p: p.write_text(drawing, encoding="utf-8"))


def add_pictures(parser: argparse.ArgumentParser) -> None:
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
