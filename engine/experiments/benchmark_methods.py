"""All methods side by side on the same measurements, and the table that advice is given by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import ESTIMATE
from engine.errors import EngineError, InputError
from engine.experiments.evaluation import evaluate
from engine.files import write_json
from engine.priors.library import priors
from engine.runs.advice import TABLE
from engine.runs.job import environment, prepare
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS as OPERATOR_FAMILY
from engine.sensing.quantizers import QUANTIZERS as QUANTIZER_FAMILY

__all__ = ["advice", "methods"]

METRICS = ("psnr_mean", "cosine_mean", "coverage_90", "std_rms", "error_rms", "consistency", "seconds", "network_calls")
CANDIDATES = ("turbo", "plug-and-play", "guided", "diffpir", "split-gibbs")
DENSE = ("gaussian measurements={half}", "single-pixel differential=false measurements={half}")
"""With small pictures alone: decomposing thousands of rows takes a minute a run, and `dct` mixes at random too."""
OPERATORS = (
    "dct measurements={half}", "identity", "inpainting", "inpainting pattern=half",
    "super-resolution", "blur", "phase-retrieval",
)  # fmt: skip
"""One of each nature; for the other random matrices the rules say what holds for `dct`."""
QUANTIZERS = ("none", "one-bit", "uniform bits=3", "dithered")
PICTURES = {"mnist": ("sample:digit-2", "sample:digit-7"), "natural": ("sample:photo-camera", "sample:photo-cat")}
SIDE = 64
CAUTION = 0.5
"""Decibels that a method which warns of the operator must be ahead: it may do worse on other pictures."""
PREFERENCE = 0.3
"""Decibels that a plain estimate must be ahead of the best sampler, which also tells how sure it is."""


def methods(
    spec: RunSpec, source: str, offset: int, limit: int | None, tell: Callable[[dict], None] = lambda row: None
) -> dict:
    """Every algorithm that takes the spec's prior on the same images and measurements, with its default settings."""
    rows = []
    for name, cls in ALGORITHMS.choices.items():
        algorithm = ALGORITHMS.parse(name)
        if not cls.reconstructs or algorithm.refusal(spec.operator, spec.quantizer, spec.prior):
            continue
        try:
            mean = evaluate(spec.replace(algorithm=algorithm), source, offset, limit).summary()["mean"]
            row = {"algorithm": name} | {key: mean.get(key) for key in METRICS}
        except (InputError, EngineError) as error:
            row = {"algorithm": name, "failed": str(error)}
        rows.append(row)
        tell(row)
    return {"rows": rows, "recipe": spec.as_dict() | {"algorithm": "all", "image": source}, **environment(spec.device)}


def advice(seed: int = 0, tell: Callable[[dict], None] = lambda row: None) -> dict:
    """Measures the candidates for every operator, quantizer and kind of picture, and writes :data:`engine.runs.advice.TABLE`."""
    rows = []
    for prior, operator, quantizer in _cases():
        rows.append(_measured(prior, operator, quantizer, seed))
        tell(rows[-1])
    write_json(TABLE, {"rows": rows, "pictures": {k: list(v) for k, v in PICTURES.items()}, "seed": seed})
    return {"rows": rows, **environment("cpu")}


def _cases() -> Iterator[tuple[str, str, str]]:
    for prior in PICTURES:
        pixels = 28 * 28 if prior == "mnist" else SIDE * SIDE
        for operator in (*DENSE, *OPERATORS) if prior == "mnist" else OPERATORS:
            for quantizer in QUANTIZERS:
                yield prior, operator.format(half=pixels // (4 if prior == "mnist" else 2)), quantizer


def _measured(prior: str, operator: str, quantizer: str, seed: int) -> dict:
    found: dict[str, float] = {}
    nothing = math.nan
    for written in CANDIDATES:
        scores, plain = [], []
        for picture in PICTURES[prior]:
            size = "auto" if prior == "mnist" else str(SIDE)
            try:
                spec = RunSpec(
                    image=picture, prior=prior, operator=operator, quantizer=quantizer, algorithm=written, noise=0.02,
                    samples=1, seed=seed, size=size,
                )  # fmt: skip
            except InputError:
                break
            job = prepare(spec)
            try:
                for _ in job.stream():
                    pass
                result = job.reconstructions()[0]
            except (InputError, EngineError):
                break
            scores.append(float(psnr(result.mean, result.truth)))  # type: ignore[arg-type]
            seen = job.measurement.simple_estimate()[0].clamp(0, 1).numpy()
            plain.append(float(psnr(seen, result.truth)))  # type: ignore[arg-type]
        if len(scores) == len(PICTURES[prior]):
            found[written], nothing = float(np.mean(scores)), float(np.mean(plain))
    best = _best(found, operator, quantizer, prior)
    scores_told = {name: round(value, 2) for name, value in found.items()}
    which = {"operator": _unsized(operator), "quantizer": quantizer.split()[0], "prior": prior}
    return which | {"best": best, "psnr": scores_told, "doing_nothing": round(nothing, 2)}


def _best(found: dict[str, float], operator: str, quantizer: str, prior: str) -> str:
    seen = (OPERATOR_FAMILY.parse(operator), QUANTIZER_FAMILY.parse(quantizer), priors().parse(prior))

    def worth(written: str) -> float:
        algorithm = ALGORITHMS.parse(written)
        less = PREFERENCE if algorithm.rows_are == ESTIMATE else 0.0
        return found[written] - less - (CAUTION if algorithm.warning(*seen) else 0.0)

    return max(found, key=worth)


def _unsized(operator: str) -> str:
    """Without the settings that only fix a size."""
    return " ".join(word for word in operator.split() if not word.startswith(("measurements=", "width=")))
