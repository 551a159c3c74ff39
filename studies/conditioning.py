"""How the condition number slows descent on factors, and how scaling makes up for it: the experiments of Tong, Ma and Chi (2021),
of their tensors and of over-estimated ranks, and completion at a size where no whole matrix is formed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.algorithms.lowrank.descent import Descent, Rule, length, product_change
from engine.algorithms.lowrank.fits import EntriesFit, MatrixFit
from engine.algorithms.lowrank.outliers import RobustDescent, largest_entries, leading
from engine.algorithms.lowrank.sparse_matrices import Places
from engine.algorithms.lowrank.spectral import Factors, random_factors, spectral_factors, spectrum_of
from engine.algorithms.lowrank.tucker import TuckerDescent, hosvd
from engine.errors import InputError
from engine.files import json_text, write_atomically
from engine.seeds import RowGenerators, generator
from studies.line_chart import line_charts
from studies.made_low_rank import Sensing, aligned_distance, made_factors, made_tensor

__all__ = ["CONDITIONS", "PROBLEMS", "conditioning", "large_completion"]

PROBLEMS = ("sensing", "completion", "robust-pca", "tensors", "over-estimated")
CONDITIONS = (1.0, 5.0, 10.0, 20.0)
GOAL, LOST = 1e-6, 1e6
OUTLIERS, TWICE = 0.1, 0.2
_ON = torch.ones(1, dtype=torch.bool)


def conditioning(
    problem: str, conditions: tuple[float, ...] = CONDITIONS, side: int = 200, rank: int = 10, iterations: int = 2000,
    goal: float = GOAL, seed: int = 0, tell: Callable[[dict], Any] = lambda row: None,
) -> dict:  # fmt: skip
    """One row for each condition number and method: iterations and seconds to a relative error of ``goal``, and the curves.

    ``sensing``: 5 side rank Gaussian measurements; ``completion``: half of the entries; ``robust-pca``: a tenth of the
    entries are outliers; ``tensors``: side^3, 30 % of the entries; ``over-estimated``: twice the rank from a small random
    start, 10 side rank measurements.
    """
    if problem not in PROBLEMS:
        raise InputError(f"There is no problem '{problem}'; give one of {', '.join(PROBLEMS)}.")
    if not 1 <= rank <= side // 2 or side < 4:
        raise InputError(f"rank={rank} does not go with side={side}; give a rank of at most half the side.")
    if not all(1 <= c < 1e6 for c in conditions):
        raise InputError("Condition numbers are numbers of at least 1, such as 1,5,10,20.")
    rows = []
    for condition in conditions:
        for method, run in _RUNS[problem](side, rank, condition, seed):
            row = {"condition": condition, "method": method} | _timed(run, iterations, goal)
            tell(row)
            rows.append(row)
    return {"problem": problem, "side": side, "rank": rank, "goal": goal, "rows": rows}


Run = Iterator[tuple[float, Callable[[], float] | None]]
"""After each step the relative error, and what tells the papers' distance where there is one: it takes longer than a step."""


def _timed(run: Run, iterations: int, goal: float) -> dict[str, Any]:
    """Relative errors until the goal, and the distance there."""
    begun = time.perf_counter()
    errors: list[float] = []
    seconds: list[float] = []
    while len(errors) < iterations:
        error, distance = next(run)
        errors.append(error if error < LOST else LOST)  # a number, so that it can be written and drawn
        seconds.append(time.perf_counter() - begun)
        if error < goal or not error < LOST:
            break
    reached = errors[-1] < goal
    return {
        "iterations": len(errors) if reached else None, "seconds": round(seconds[-1], 3), "error": errors[-1],
        "distance": distance() if reached and distance else None, "errors": errors, "at_seconds": [round(s, 4) for s in seconds],
    }  # fmt: skip


def _matrix_run(
    fit: MatrixFit, truth: Factors, start: Factors, rule: Rule, largest: Tensor, damping: float = 0.0
) -> Run:
    descent = Descent(fit, start, rule, largest, damping * largest, torch.zeros(1, dtype=torch.float64))
    size = float(length(truth.left, truth.right))
    more = start.left.shape[-1] - truth.left.shape[-1]
    left, right = (pad(side, (0, more)) for side in (truth.left, truth.right))
    while True:
        descent.advance(_ON)
        found = descent.factors
        error = float(product_change(left, right, found.left, found.right)) / size
        yield error, None if more else partial(aligned_distance, found, truth)


Runs = Iterator[tuple[str, Run]]


def _both(fit: MatrixFit, truth: Factors, seed: int) -> Runs:
    rank = truth.left.shape[-1]
    spectrum = spectrum_of(fit, rank, RowGenerators([generator(seed, "spectrum")]))
    start = spectral_factors(spectrum, torch.tensor([[rank]]))
    for name, scaled in (("scaled-gd", True), ("gd", False)):
        yield name, _matrix_run(fit, truth, start, Rule(scaled, 0.5, False), spectrum.values[..., 0])


def _sensing(side: int, rank: int, condition: float, seed: int) -> Runs:
    truth = made_factors(side, rank, condition, seed)
    yield from _both(Sensing(truth, 5 * side * rank, seed), truth, seed)


def _completed(side: int, truth: Factors, share: float, seed: int) -> EntriesFit:
    count = round(share * side * side)
    kept = torch.randperm(side * side, generator=generator(seed, "mask"))[:count]
    row, column = kept // side, kept % side
    places = Places(torch.zeros_like(row), row, column, 1, (side, side))
    return EntriesFit(places, places.products(truth.left, truth.right))


def _completion(side: int, rank: int, condition: float, seed: int) -> Runs:
    truth = made_factors(side, rank, condition, seed)
    yield from _both(_completed(side, truth, 0.5, seed), truth, seed)


def _robust_pca(side: int, rank: int, condition: float, seed: int) -> Runs:
    """Outliers up to ten times the mean magnitude of the entries."""
    truth, draws = made_factors(side, rank, condition, seed), generator(seed, "outliers")
    x = truth.left @ truth.right.mT
    where = torch.rand(x.shape, generator=draws) < OUTLIERS
    sparse = where * (2 * torch.rand(x.shape, generator=draws, dtype=torch.float64) - 1) * 10 * x.abs().mean()
    y, seen = x + sparse, torch.ones_like(x)
    aside = largest_entries(y, seen, TWICE)
    start = leading(y - aside, torch.tensor([[rank]]))

    def run() -> Run:
        descent = RobustDescent(lambda z: y - z, seen, start, aside, TWICE, 0.5)
        while True:
            descent.advance(_ON)
            found = descent.factors
            error = float(product_change(truth.left, truth.right, found.left, found.right) / x.norm())
            yield error, partial(aligned_distance, found, truth)

    yield "robust-pca", run()


def _tensors(side: int, rank: int, condition: float, seed: int) -> Runs:
    truth = made_tensor(side, rank, condition, seed).tensor()
    seen = (torch.rand(truth.shape, generator=generator(seed, "mask")) < 0.3).double()
    share = float(seen.mean())

    def of(x: Tensor) -> tuple[Tensor, Tensor]:
        residual = (x - truth) * seen / share
        return 0.5 * share * residual.square().sum((1, 2, 3)), residual

    def run() -> Run:
        start = hosvd(truth * seen / share, (rank, rank, rank))
        descent = TuckerDescent(of, start, 0.3, backtracking=False)
        while True:
            descent.advance(_ON)
            yield float((descent.x - truth).norm() / truth.norm()), None

    yield "tucker-gd", run()


def _over_estimated(side: int, rank: int, condition: float, seed: int) -> Runs:
    truth = made_factors(side, rank, condition, seed)
    fit = Sensing(truth, 10 * side * rank, seed)
    largest = spectrum_of(fit, 1, RowGenerators([generator(seed, "spectrum")])).values[..., 0]
    wide = torch.tensor([[2 * rank]])
    for name, rule, damping in (
        ("scaled-gd-lambda", Rule(True, 0.5, True, True), 0.02), ("scaled-gd-lambda follow=false", Rule(True, 0.5, True), 0.02),
        ("gd", Rule(False, 0.5, True), 0.0),
    ):  # fmt: skip
        start = random_factors(fit, wide, 1e-3 * largest, RowGenerators([generator(seed, "start")]))
        yield name, _matrix_run(fit, truth, start, rule, largest, damping)


_RUNS = {
    "sensing": _sensing, "completion": _completion, "robust-pca": _robust_pca, "tensors": _tensors,
    "over-estimated": _over_estimated,
}  # fmt: skip


def large_completion(
    side: int = 2000, rank: int = 10, share: float = 0.05, condition: float = 5.0, goal: float = 1e-4, seed: int = 0,
    seconds: float = 120.0, tell: Callable[[dict], Any] = lambda row: None,
) -> dict:  # fmt: skip
    """Completion of a large matrix by scaled-gd, which forms nothing of its size, beside repeated truncated singular value
    decompositions (soft-impute, Mazumder, Hastie and Tibshirani, 2010, by SciPy): seconds, peak memory and error of each."""
    from studies.soft_impute import SoftImpute, peak_bytes

    truth = made_factors(side, rank, condition, seed)
    before = peak_bytes()
    fit = _completed(side, truth, share, seed)
    begun = time.perf_counter()
    spectrum = spectrum_of(fit, rank, RowGenerators([generator(seed, "spectrum")]))
    start = spectral_factors(spectrum, torch.tensor([[rank]]))
    run = _matrix_run(fit, truth, start, Rule(True, 0.5, True), spectrum.values[..., 0])
    found = _timed(run, 1000, goal)
    rows = [{
        "method": "scaled-gd", "seconds": round(time.perf_counter() - begun, 2), "error": found["error"],
        "iterations": found["iterations"], "peak_mb": round(peak_bytes() / 1e6), "peak_mb_before": round(before / 1e6),
    }]  # fmt: skip
    tell(rows[0])
    impute, begun = SoftImpute(fit, rank), time.perf_counter()
    size, error, count = float(length(truth.left, truth.right)), float("inf"), 0
    while error > goal and time.perf_counter() - begun < seconds:
        impute.advance()
        count += 1
        error = float(product_change(truth.left, truth.right, impute.left, impute.right)) / size
    rows.append({
        "method": "soft-impute (SciPy svds)", "seconds": round(time.perf_counter() - begun, 2), "error": error,
        "iterations": count if error <= goal else None, "peak_mb": round(peak_bytes() / 1e6),
    })  # fmt: skip
    tell(rows[1])
    return {"side": side, "rank": rank, "share": share, "condition": condition, "goal": goal, "rows": rows}


LARGE = "large-completion"


def main(arguments: Sequence[str] | None = None) -> int:
    """The figures on the command line, and the curves as a chart."""
    parser = argparse.ArgumentParser(prog="python -m studies.conditioning", description=__doc__)
    parser.add_argument(
        "--problem",
        default="sensing",
        choices=(*PROBLEMS, LARGE),
        help="large-completion is beside soft-impute (sensing)",
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
    parsed = parser.parse_args(arguments)
    try:
        conditions = tuple(float(n) for n in parsed.condition.split(","))
    except ValueError:
        parser.error("--condition takes numbers such as 1,5,10,20")
    if parsed.chart and not parsed.chart.endswith(".svg"):
        parser.error("--chart takes a file that ends in .svg")
    if parsed.threads:
        torch.set_num_threads(parsed.threads)
    given = {k: getattr(parsed, k) for k in ("side", "rank", "goal") if getattr(parsed, k) is not None}

    def tell(row: dict) -> None:
        if not parsed.json:
            told = {k: v for k, v in row.items() if k not in ("errors", "at_seconds") and v is not None}
            print(
                "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in told.items()), flush=True
            )

    try:
        if parsed.problem == LARGE:
            found = large_completion(share=parsed.share, condition=conditions[0], seed=parsed.seed, tell=tell, **given)
        else:
            sizes = {"tensors": {"side": 50, "rank": 5}, "over-estimated": {"side": 100, "rank": 5}}
            given = sizes.get(parsed.problem, {}) | given
            most = parsed.iterations or (500 if parsed.problem == "over-estimated" else 2000)
            found = conditioning(parsed.problem, conditions, iterations=most, seed=parsed.seed, tell=tell, **given)
        if parsed.chart:
            _draw(found, parsed.chart)
    except InputError as error:
        parser.error(str(error))
    if parsed.json:
        print(json_text(found))
    return 0


def _draw(found: dict, path: str) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
