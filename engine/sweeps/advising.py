"""The table that advice is given by: candidates measured for every operator, quantizer and kind of picture, as two sweeps."""

from __future__ import annotations

from typing import Any

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import ESTIMATE
from engine.files import write_json
from engine.priors.library import priors
from engine.runs.advice import TABLE
from engine.sensing.operators import OPERATORS as OPERATOR_FAMILY
from engine.sensing.quantizers import QUANTIZERS as QUANTIZER_FAMILY
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import Axis
from engine.sweeps.records import Record
from engine.sweeps.standard import Row, Tell, mean_of, table_of

__all__ = ["advice", "advice_sweep"]

CANDIDATES = ("turbo", "plug-and-play", "guided", "diffpir", "split-gibbs")
SMALL = (
    "gaussian measurements={half}", "single-pixel differential=false measurements={half}", "patterns measurements={half}",
    "inpainting pattern=box",
)  # fmt: skip
"""With small pictures alone: decomposing thousands of rows takes a minute a run, and `dct` mixes at random too; of patterns in
order and boxes these photographs tell other than a dozen more did, which the rules go by."""
OPERATORS = (
    "dct measurements={half}", "identity", "inpainting", "inpainting pattern=half",
    "super-resolution", "blur", "phase-retrieval",
)  # fmt: skip
"""One of each nature; for the other random matrices the rules say what holds for `dct`."""
QUANTIZERS = ("none", "one-bit", "uniform bits=3", "dithered")
PICTURES = {
    "mnist": tuple(f"sample:digit-{i}" for i in range(10)),
    "natural": tuple(f"sample:photo-{name}" for name in ("camera", "cat", "coffee", "astronaut", "lake")),
}
SIDE = 64
CAUTION = 0.5
"""Decibels that a method which warns of the operator must be ahead: it may do worse on other pictures."""
COST = 0.8
"""Decibels that a method must be ahead which takes ten times the network's calls, or minutes where cells mix pixels."""
PREFERENCE = 0.3
"""Decibels that a plain estimate must be ahead of the best sampler, which also tells how sure it is."""


def advice_sweep(prior: str, seed: int = 0) -> Sweep:
    """What is measured for one kind of picture; each picture by itself, as a run has it."""
    small = prior == "mnist"
    half = 28 * 28 // 4 if small else SIDE * SIDE // 2
    operators = [o.format(half=half) for o in ((*SMALL, *OPERATORS) if small else OPERATORS)]
    fixed: dict[str, Any] = {"prior": prior, "noise": 0.02, "samples": 1, "seed": seed}
    if not small:
        fixed["size"] = str(SIDE)
    return Sweep(
        PICTURES[prior], title=f"What suits which operator and quantizer: {prior}", batch=1, documents=False, fixed=fixed,
        axes=(
            Axis("operator", tuple((o, {"operator": o}) for o in operators)),
            Axis("quantizer", tuple((q, {"quantizer": q}) for q in QUANTIZERS)),
            Axis("algorithm", tuple((a, {"algorithm": a}) for a in CANDIDATES)),
        ),
        scores=("trivial",),
    )  # fmt: skip


def advice(seed: int = 0, tell: Tell = lambda row: None) -> dict:
    """Measures the candidates for every operator, quantizer and kind of picture, and writes :data:`engine.runs.advice.TABLE`."""
    rows: list[Row] = []
    facts: dict = {}
    for prior in PICTURES:
        measured, facts = table_of(advice_sweep(prior, seed), _means, tell)
        rows += _best_of(measured, prior)
    write_json(TABLE, {"rows": rows, "pictures": {k: list(v) for k, v in PICTURES.items()}, "seed": seed})
    return {"rows": rows, **facts}


def _means(labels: dict[str, Any], records: list[Record]) -> Row:
    return labels | mean_of(records, ("psnr_mean", "psnr_seen"))


def _best_of(measured: list[Row], prior: str) -> list[Row]:
    """A row for each operator and quantizer; what does not go together, or failed, is no candidate."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in measured:
        if "psnr_mean" in row:
            found.setdefault((row["operator"], row["quantizer"]), {})[row["algorithm"]] = row
    told = []
    for (operator, quantizer), by_name in found.items():
        scores = {name: row["psnr_mean"] for name, row in by_name.items()}
        nothing = next(iter(by_name.values()))["psnr_seen"]
        told.append({
            "operator": _unsized(operator), "quantizer": quantizer.split()[0], "prior": prior,
            "best": _best(scores, operator, quantizer, prior),
            "psnr": {name: round(value, 2) for name, value in scores.items()}, "doing_nothing": round(nothing, 2),
        })  # fmt: skip
    return told


def _best(scores: dict[str, float], operator: str, quantizer: str, prior: str) -> str:
    seen = (OPERATOR_FAMILY.parse(operator), QUANTIZER_FAMILY.parse(quantizer), priors().parse(prior))

    def worth(written: str) -> float:
        algorithm = ALGORITHMS.parse(written)
        slow = written == "split-gibbs" or (written == "diffpir" and operator == "blur" and quantizer != "none")
        less = PREFERENCE if algorithm.rows_are == ESTIMATE else COST if slow else 0.0
        return scores[written] - less - (CAUTION if algorithm.warning(*seen) else 0.0)

    return max(scores, key=worth)


def _unsized(operator: str) -> str:
    """Without the settings that only fix a size."""
    return " ".join(word for word in operator.split() if not word.startswith(("measurements=", "width=")))
