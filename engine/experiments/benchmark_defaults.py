"""What the default gives beside doing nothing, for every operator, quantizer and trained prior that goes together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from engine.errors import EngineError, InputError
from engine.runs.job import environment, prepare
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS

__all__ = ["defaults"]

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


def defaults(priors: tuple[str, ...] = tuple(PICTURES), tell: Callable[[dict], None] = lambda row: None) -> dict:
    """A row for each combination: PSNR of the default and of the better trivial picture (interpolated, or the prior's mean),
    which method it was, and whether it was flagged without a look at the truth. ``mean`` counts those that lie below."""
    rows = []
    for prior in priors:
        probe = RunSpec(image=PICTURES[prior][0], prior=prior, size=SIZES.get(prior))
        shape = probe.image_shape()
        for operator in _operators(int(np.prod(shape))):
            for quantizer in QUANTIZERS:
                row = _row(prior, operator, quantizer)
                if row is not None:
                    rows.append(row)
                    tell(row)
    below = [r for r in rows if r["above"] < -ALLOWED]
    counted = {
        "combinations": len(rows), "below": len(below), "flagged": sum(r["flagged"] for r in below),
        "false_alarms": sum(r["flagged"] for r in rows if r["above"] >= -ALLOWED),
    }  # fmt: skip
    return {"rows": rows, "mean": counted, **environment("cpu")}


def _row(prior: str, operator: str, quantizer: str) -> dict | None:
    """None where it does not go together."""
    found: list[tuple[float, float, bool]] = []
    methods: list[str] = []
    for picture in PICTURES[prior]:
        try:
            spec = RunSpec(
                image=picture, prior=prior, operator=operator, quantizer=quantizer, noise=NOISE, samples=1,
                size=SIZES.get(prior), device="cpu",
            )  # fmt: skip
            job = prepare(spec)
        except InputError:
            return None
        truth = job.measurement.truth
        assert truth is not None
        seen = job.measurement.simple_estimate()[0].clamp(0, 1).numpy()
        flat = np.full_like(seen, float(spec.prior.facts["mean"]))
        trivial = max(psnr(seen, truth[0].numpy()), psnr(flat, truth[0].numpy()))
        try:
            for _ in job.stream():
                pass
            result = job.reconstructions()[0]
            found.append((psnr(result.mean, truth[0].numpy()), trivial, bool(result.unseen_failure)))
            methods.append(result.spec.algorithm.name)
        except EngineError:
            found.append((0.0, trivial, True))
            methods.append("none")
    default, nothing = (float(np.mean([row[i] for row in found])) for i in (0, 1))
    return {
        "prior": prior, "operator": operator, "quantizer": quantizer, "method": " ".join(dict.fromkeys(methods)),
        "default": round(default, 2), "trivial": round(nothing, 2), "above": round(default - nothing, 2),
        "flagged": any(flag for *_, flag in found),
    }  # fmt: skip
