"""Tables that ``qcs benchmark`` makes: each is a sweep about a recipe, and the means of its cells."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.images.datasets import Pictures
from engine.runs.spec import RunSpec
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import Axis
from engine.sweeps.records import Record
from engine.sweeps.runner import Progress, run_sweep

__all__ = ["baseline", "bits", "compare_algorithms", "methods", "prediction", "table_of"]

BATCH = 128
BITS = {"1 bit": "one-bit", "2 bits": "uniform bits=2", "3 bits": "uniform bits=3", "no quantizer": "none"}
COMPARED = ("turbo", "guided", "qcs-sgm")
METRICS = (
    "psnr_mean", "cosine_mean", "coverage_90", "std_rms", "error_rms", "consistency", "seconds", "network_calls",
)  # fmt: skip
SHARES = (0.1, 0.25, 0.5, 1.0)
FEW = 10
"""Pictures of the table of predictions unless told otherwise."""

Row = dict[str, Any]
Tell = Callable[[Row], Any]


def table_of(
    sweep: Sweep, row: Callable[[dict[str, Any], list[Record]], Row | None], tell: Tell
) -> tuple[list[Row], dict]:
    """Runs the sweep here, and makes a ``row`` of each combination's labels and records as soon as all of them are there; None
    is no row. Returns the rows, and what results depend on beside recipes."""
    import torch

    from engine.sweeps.workers import InProcess

    rows: list[Row] = []
    waiting: dict[str, list[Record]] = {}

    def hear(progress: Progress) -> None:
        for record in progress.latest:
            waiting.setdefault(str(record.labels), []).append(record)
        for key in [k for k, records in waiting.items() if len(records) == images]:
            records = waiting.pop(key)
            made = row(records[0].labels, records)
            if made is not None:
                rows.append(made)
                tell(made)

    from engine.sweeps.plan import Plan

    plan = Plan(sweep)
    images = len(plan.images)
    with tempfile.TemporaryDirectory() as folder:
        result = run_sweep(sweep, folder, InProcess(torch.get_num_threads()), progress=hear, plan=plan)
    if result.cancelled:
        raise KeyboardInterrupt
    facts = next((record.facts for record in result.rows if record.facts), {})
    return rows, facts


def mean_of(records: Sequence[Record], keys: Sequence[str]) -> Row:
    """Means over pictures of those of the values that are there; the sentence where there is no result."""
    errors = [record.error for record in records if record.error]
    if errors:
        return {"failed": errors[0]}
    found: Row = {}
    for key in keys:
        values = [record.values[key] for record in records if record.values.get(key) is not None]
        if values:
            found[key] = float(np.mean(values))
    return found


def _about(
    spec: RunSpec, images: str | tuple[str, ...], offset: int = 0, limit: int | None = None, **more: Any
) -> Sweep:
    """A sweep in which nothing varies yet."""
    fixed = {k: v for k, v in spec.as_dict().items() if k not in ("image", "measurement", "first_sample")}
    for axis in more.get("axes", ()):
        for _, change in axis.changes:
            fixed = {k: v for k, v in fixed.items() if k not in change}
    return Sweep(images, offset=offset, limit=limit, batch=BATCH, documents=False, fixed=fixed, **more)


def _axis(name: str, key: str, values: dict[str, Any]) -> Axis:
    return Axis(name, tuple((label, {key: value}) for label, value in values.items()))


def bits(spec: RunSpec, source: str, offset: int, limit: int | None, tell: Tell = lambda row: None) -> dict:
    """PSNR, SSIM and cosine similarity with 1, 2, 3 bits and without a quantizer: the layout of the QCS-SGM paper's Figure 4."""
    keys = ("psnr_mean", "ssim_mean", "cosine_mean", "psnr_sample", "rmse_mean", "predicted_rmse", "seconds")
    sweep = _about(spec, source, offset, limit, axes=(_axis("bits", "quantizer", BITS),))
    rows, facts = table_of(sweep, lambda labels, records: {"quantizer": labels["bits"]} | mean_of(records, keys), tell)
    return {"rows": rows, "recipe": spec.as_dict() | {"quantizer": "all"}, **facts}


def methods(spec: RunSpec, source: str, offset: int, limit: int | None, tell: Tell = lambda row: None) -> dict:
    """Every algorithm that takes the spec's prior on the same images and measurements, with its default settings."""
    names = {
        name: name
        for name, cls in ALGORITHMS.choices.items()
        if cls.reconstructs and not ALGORITHMS.parse(name).refusal(spec.operator, spec.quantizer, spec.prior)
    }
    sweep = _about(spec, source, offset, limit, axes=(_axis("method", "algorithm", names),))
    rows, facts = table_of(
        sweep, lambda labels, records: {"algorithm": labels["method"]} | mean_of(records, METRICS), tell
    )
    return {"rows": rows, "recipe": spec.as_dict() | {"algorithm": "all", "image": source}, **facts}


def baseline(
    spec: RunSpec, source: str, training: str, offset: int, limit: int | None, tell: Tell = lambda row: None
) -> dict:
    """The spec's algorithm beside the Bussgang linear estimate from the same codes, image by image. ``training`` is a folder of
    pictures whose power spectrum the linear estimate is given; empty takes the exact Gaussian of natural pictures."""
    import shlex

    score = f"linear images={shlex.quote(training)}" if training else "linear"
    sweep = _about(spec, source, offset, limit, scores=(score,))
    names = {"psnr_mean": "psnr_mean", "psnr_linear": "psnr_lmmse", "predicted_rmse": "predicted_rmse",
             "rmse_mean": "rmse_mean", "seconds": "seconds", "seconds_linear": "seconds_lmmse"}  # fmt: skip
    every: list[Row] = []

    def rows_of(labels: dict[str, Any], records: list[Record]) -> Row:
        for record in records:
            if record.error:
                raise InputError(f"{record.image}: {record.error}")
            every.append({"index": record.index} | {new: record.values.get(old) for old, new in names.items()})
        return mean_of(records, list(names))

    [means], facts = table_of(sweep, rows_of, tell)
    return {"rows": every, "mean": {names[k]: v for k, v in means.items()}, "recipe": spec.as_dict(), **facts}


def prediction(spec: RunSpec, source: str, offset: int, limit: int | None, tell: Tell = lambda row: None) -> dict:
    """A row for each share of rows M / N and quantizer: mean PSNR in dB over the pictures as state evolution predicts it, as it
    is expected (with the measured shortfall taken off), as it is measured, and how far the last two are apart. The operator of
    the spec takes the rows; noise, prior, seed and size are the spec's."""
    if spec.algorithm.name != "turbo" or "measurements" not in spec.operator.settings():
        raise InputError("What is predicted is turbo with a random-like operator; give --operator dct, or gaussian.")
    from engine.images import plain_channels
    from engine.sensing.quantizers import QUANTIZERS

    first = next(iter(Pictures(source, offset, 1)))
    shape = spec.shape_for((plain_channels(first), *first.shape[1:]))
    pixels = int(np.prod(shape))
    counts = {str(share): max(1, round(share * pixels)) for share in SHARES}
    operators = {share: str(spec.operator.replace(measurements=rows)) for share, rows in counts.items()}
    size = f"{shape[2]}x{shape[1]}"
    axes = (_axis("share", "operator", operators), _axis("bits", "quantizer", BITS))
    sweep = _about(spec.replace(samples=1, size=size), source, offset, limit or FEW, axes=axes, scores=("predicted",))

    def row(labels: dict[str, Any], records: list[Record]) -> Row:
        means = mean_of(records, ("psnr_predicted", "psnr_expected", "psnr_mean"))
        if "psnr_expected" not in means:
            raise InputError(
                means.get("failed")
                or f"Nothing can be predicted for the prior '{spec.prior.name}' with '{spec.operator.name}': it takes a "
                "random-like operator and a prior whose card tells the errors of single pictures."
            )
        written = BITS[labels["bits"]]
        return {
            "rows": counts[labels["share"]], "share": float(labels["share"]), "quantizer": written,
            "bits": QUANTIZERS.parse(written).bits_per_measurement, "predicted": round(means["psnr_predicted"], 2),
            "expected": round(means["psnr_expected"], 2), "measured": round(means["psnr_mean"], 2),
            "apart": round(means["psnr_expected"] - means["psnr_mean"], 2), "pictures": len(records),
        }  # fmt: skip

    rows, facts = table_of(sweep, row, tell)
    pictures = rows[0].pop("pictures")
    rows = [{k: v for k, v in r.items() if k != "pictures"} for r in rows]
    told = {"prior": spec.prior.name, "channels": shape[0], "noise": spec.noise, "pictures": pictures}
    return {"rows": rows, **told, **facts}


def compare_algorithms(spec: RunSpec) -> dict:
    """Time to one posterior mean, with the same prior, measurement and batch of samples for every algorithm. ``turbo`` has its
    posterior mean when message passing ends; ``guided`` and ``qcs-sgm`` average the spec's samples. ``seconds_with_samples`` is
    the whole run, turbo's samples too. A machine's speed is no property of the program: never part of the tests."""
    import torch

    chosen = {name: str(spec.algorithm) if spec.algorithm.name == name else name for name in COMPARED}
    sweep = _about(spec, (spec.image,), axes=(_axis("method", "algorithm", chosen),), scores=("to-mean",))
    keys = ("seconds_to_mean", "seconds", "calls_to_mean", "psnr_mean")
    told, facts = table_of(sweep, lambda labels, records: labels | mean_of(records, keys), lambda row: None)
    failed = next((row["failed"] for row in told if "failed" in row), None)
    if failed:
        raise InputError(failed)
    slowest = told[-1]
    rows = {
        row["method"]: {
            "seconds": row["seconds_to_mean"], "seconds_with_samples": row["seconds"],
            "network_calls": int(row["calls_to_mean"]), "psnr_mean": row.get("psnr_mean"),
            "algorithm": chosen[row["method"]], "time_ratio": row["seconds_to_mean"] / slowest["seconds_to_mean"],
            "time_ratio_with_samples": row["seconds"] / slowest["seconds"],
        }
        for row in told
    }  # fmt: skip
    recipe = spec.as_dict() | {"algorithm": "all"}
    return {
        "recipe": recipe,
        "algorithms": rows,
        "peak_threads": torch.get_num_threads(),
        **facts,
        "numpy": np.__version__,
    }
