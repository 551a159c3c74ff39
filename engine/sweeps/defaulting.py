"""What the default gives beside doing nothing, for every operator, quantizer and trained prior that goes together, as sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from engine.runs.job import prepare
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import Axis
from engine.sweeps.records import Record
from engine.sweeps.scores import Trivial
from engine.sweeps.standard import Row, Tell, table_of

__all__ = ["PICTURES", "defaults", "defaults_sweep"]

PICTURES = {
    "natural": ("sample:photo-camera", "sample:photo-cat"),
    "cifar10": ("sample:small-cat", "sample:small-cup"),
    "faces": ("sample:portrait-1", "sample:portrait-3"),
    "mnist": ("sample:digit-2", "sample:digit-7"),
}
SIZES = {"natural": "64"}
QUANTIZERS = ("none", "one-bit", "dithered", "uniform bits=2", "uniform bits=3", "lloyd-max bits=3")
WITHOUT_FILE = ("matrix",)
NOISE, ALLOWED = 0.02, 0.2
"""Of the measurements, and decibels that the default may lie below the better of the trivial pictures."""


def _operators(pixels: int) -> Iterator[str]:
    """Every operator that needs no file, at a quarter of the rows where that can be said, and the masks apart."""
    for name, cls in OPERATORS.choices.items():
        if name in WITHOUT_FILE:
            continue
        if name == "inpainting":
            yield from ("inpainting", "inpainting pattern=box", "inpainting pattern=half")
        elif "measurements" in cls.settings():
            yield f"{name} measurements={pixels // 4}"
        else:
            yield name


def defaults_sweep(prior: str) -> Sweep:
    """What is measured for one kind of picture; each picture by itself, as a run has it."""
    shape = RunSpec(image=PICTURES[prior][0], prior=prior, size=SIZES.get(prior)).image_shape()
    operators = list(_operators(int(np.prod(shape))))
    fixed: dict[str, Any] = {"prior": prior, "noise": NOISE, "samples": 1, "device": "cpu"}
    if prior in SIZES:
        fixed["size"] = SIZES[prior]
    return Sweep(
        PICTURES[prior], title=f"The default beside doing nothing: {prior}", batch=1, documents=False, fixed=fixed,
        axes=(
            Axis("operator", tuple((o, {"operator": o}) for o in operators)),
            Axis("quantizer", tuple((q, {"quantizer": q}) for q in QUANTIZERS)),
        ),
        scores=("trivial", "unseen"),
    )  # fmt: skip


def defaults(priors: tuple[str, ...] = tuple(PICTURES), tell: Tell = lambda row: None) -> dict:
    """A row for each combination: PSNR of the default and of the better trivial picture (interpolated, or the prior's mean),
    which method it was, and whether it was flagged without a look at the truth. ``mean`` counts those that lie below."""
    rows: list[Row] = []
    facts: dict = {}
    for prior in priors:
        found, facts = table_of(defaults_sweep(prior), partial(_row, prior), tell)
        rows += found
    below = [r for r in rows if r["above"] < -ALLOWED]
    counted = {
        "combinations": len(rows), "below": len(below), "flagged": sum(r["flagged"] for r in below),
        "false_alarms": sum(r["flagged"] for r in rows if r["above"] >= -ALLOWED),
    }  # fmt: skip
    return {"rows": rows, "mean": counted, **facts}


def _row(prior: str, labels: dict[str, Any], records: list[Record]) -> Row | None:
    """None where it does not go together. A method that breaks has found nothing, and says so."""
    if any(record.bad_input for record in records):
        return None
    trivial = float(np.mean([record.values.get("psnr_trivial") or _trivial(record) for record in records]))
    default = float(np.mean([record.values.get("psnr_mean", 0.0) for record in records]))
    methods = [str(record.recipe["algorithm"]).split()[0] if not record.error else "none" for record in records]
    return {
        "prior": prior, "operator": labels["operator"], "quantizer": labels["quantizer"],
        "method": " ".join(dict.fromkeys(methods)),
        "default": round(default, 2), "trivial": round(trivial, 2), "above": round(default - trivial, 2),
        "flagged": any(record.error or record.values["unseen_failure"] for record in records),
    }  # fmt: skip


def _trivial(record: Record) -> float:
    """PSNR of the better trivial picture where the method broke."""
    image = PICTURES[str(record.recipe["prior"]).split()[0]][record.index]
    return Trivial.beside(prepare(RunSpec.from_dict(record.recipe | {"image": image})), 0)["psnr_trivial"]
