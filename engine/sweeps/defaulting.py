"""What the default gives beside doing nothing, for every operator, quantizer and trained prior that goes together, as sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.images import plain_channels
from engine.images.datasets import Pictures
from engine.runs.job import prepare
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import Axis
from engine.sweeps.plan import Images
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


def defaults_sweep(
    prior: str,
    images: str | tuple[str, ...] = (),
    offset: int = 0,
    limit: int | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Sweep:
    """What is measured for one kind of picture; each picture by itself, as a run has it. ``images`` is a folder or IDX file in
    the place of the program's own pictures; ``recipe`` has keys of a run: ``operator`` and ``quantizer`` leave that one alone."""
    given = dict(recipe or {})
    if "algorithm" in given:
        raise InputError("This benchmark is of the default, so no algorithm can be given; leave --algorithm out.")
    only = {key: given.pop(key, None) for key in ("operator", "quantizer")}
    if not images:
        images, offset, limit = PICTURES[prior], 0, None
    fixed: dict[str, Any] = {"noise": NOISE, "samples": 1, "device": "cpu"}
    if prior in SIZES:
        fixed["size"] = SIZES[prior]
    fixed |= given | {"prior": prior}
    operators = [only["operator"]] if only["operator"] else list(_operators(_pixels(fixed, images, offset)))
    quantizers = [only["quantizer"]] if only["quantizer"] else list(QUANTIZERS)
    return Sweep(
        images, title=f"The default beside doing nothing: {prior}", batch=1, documents=False, fixed=fixed,
        offset=offset, limit=limit,
        axes=(
            Axis("operator", tuple((o, {"operator": o}) for o in operators)),
            Axis("quantizer", tuple((q, {"quantizer": q}) for q in quantizers)),
        ),
        scores=("trivial", "unseen"),
    )  # fmt: skip


def _pixels(fixed: dict[str, Any], images: str | tuple[str, ...], offset: int) -> int:
    """Of the first picture as a run takes it, in all channels."""
    if isinstance(images, tuple):
        return int(np.prod(RunSpec(image=images[0], **fixed).image_shape()))
    first = next(iter(Pictures(images, offset, 1)))
    return int(np.prod(RunSpec(image=images, **fixed).shape_for((plain_channels(first), *first.shape[1:]))))


def defaults(
    priors: tuple[str, ...] = tuple(PICTURES),
    tell: Tell = lambda row: None,
    images: str = "",
    offset: int = 0,
    limit: int | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> dict:
    """A row for each combination: mean PSNR over the pictures of the default and of the better trivial picture (interpolated, or
    the prior's mean), the ``worst`` picture's difference, which method it was, and whether it was flagged without a look at the
    truth. ``mean`` counts the rows that lie below, and the pictures. ``images`` (a folder or IDX file) and ``recipe`` as in
    :func:`defaults_sweep`."""
    rows: list[Row] = []
    facts: dict = {}
    for prior in priors:
        sweep = defaults_sweep(prior, images, offset, limit, recipe)
        found, facts = table_of(sweep, partial(_row, sweep), tell)
        rows += found
    if not rows:
        raise InputError("None of these operators and quantizers goes with this prior; give others.")
    below = [r for r in rows if r["above"] < -ALLOWED]
    counted = {
        "combinations": len(rows), "below": len(below), "flagged": sum(r["flagged"] for r in below),
        "false_alarms": sum(r["flagged"] for r in rows if r["above"] >= -ALLOWED),
        "pictures_below": sum(r["pictures_below"] for r in rows),
    }  # fmt: skip
    return {"rows": rows, "mean": counted, **facts}


def _row(sweep: Sweep, labels: dict[str, Any], records: list[Record]) -> Row | None:
    """None where it does not go together. A method that breaks has found nothing, and says so."""
    if any(record.bad_input for record in records):
        return None
    trivial = np.array([record.values.get("psnr_trivial") or _trivial(record, sweep) for record in records])
    default = np.array([record.values.get("psnr_mean", 0.0) for record in records])
    methods = [str(record.recipe["algorithm"]).split()[0] if not record.error else "none" for record in records]
    above = float((default - trivial).mean())
    return {
        "prior": sweep.fixed["prior"], "operator": labels["operator"], "quantizer": labels["quantizer"],
        "method": " ".join(dict.fromkeys(methods)),
        "default": round(float(default.mean()), 2), "trivial": round(float(trivial.mean()), 2), "above": round(above, 2),
        "worst": round(float((default - trivial).min()), 2), "pictures_below": int((default - trivial < -ALLOWED).sum()),
        "flagged": any(record.error or record.values["unseen_failure"] for record in records),
    }  # fmt: skip


def _trivial(record: Record, sweep: Sweep) -> float:
    """PSNR of the better trivial picture where the method broke."""
    images, number, spec = Images(sweep), record.index - sweep.offset, RunSpec.from_dict(record.recipe)
    picture = images.fitted(number, images.shape(number, spec))
    return Trivial.beside(prepare(spec, picture), 0)["psnr_trivial"]
