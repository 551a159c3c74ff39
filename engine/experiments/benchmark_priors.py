"""Tables of reconstructions: against the linear estimate that needs no learned prior, and by the number of bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from engine.errors import InputError
from engine.experiments.bussgang import bussgang_lmmse
from engine.experiments.evaluation import evaluate
from engine.images import fit, plain_channels
from engine.images.datasets import Pictures
from engine.priors.library import priors
from engine.runs.job import environment, measure
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec

__all__ = ["baseline", "bits"]


def baseline(spec: RunSpec, source: str, training: str, offset: int, limit: int | None) -> dict:
    """The spec's algorithm beside the Bussgang-LMMSE estimate from the same codes, image by image.

    ``training``: a folder of pictures whose mean and power spectrum the linear estimate is given; empty takes the exact
    Gaussian of natural pictures.
    """
    given = priors().parse(f"gaussian model=spectrum images='{training}'" if training else "gaussian")
    rows = []
    evaluation = evaluate(spec, source, offset, limit)
    for number, (pixels, result) in enumerate(zip(Pictures(source, offset, limit), evaluation.results, strict=True)):
        shape = spec.shape_for((plain_channels(pixels), *pixels.shape[1:]))
        seen = measure(spec, torch.from_numpy(fit(pixels, shape))[None], [offset + number])
        start = time.perf_counter()
        linear = bussgang_lmmse(seen, given.load("cpu", shape))[0].numpy()  # type: ignore[arg-type]
        seconds = time.perf_counter() - start
        assert result.truth is not None
        row = {
            "index": offset + number, "psnr_mean": psnr(result.mean, result.truth),
            "psnr_lmmse": psnr(linear, result.truth), "predicted_rmse": result.predicted_rmse,
            "rmse_mean": math.sqrt(float(np.square(result.mean - result.truth).mean())),
            "seconds": result.seconds, "seconds_lmmse": seconds,
        }  # fmt: skip
        rows.append(row)
    return {"rows": rows, "mean": _means(rows), "recipe": spec.as_dict(), **environment(spec.device)}


def _means(rows: list[dict]) -> dict:
    keys = [k for k, v in rows[0].items() if isinstance(v, float)]
    return {k: float(np.mean([r[k] for r in rows])) for k in keys}


def bits(
    spec: RunSpec, source: str, offset: int, limit: int | None, tell: Callable[[dict], None] = lambda row: None
) -> dict:
    """PSNR, SSIM and cosine similarity with 1, 2, 3 bits and without a quantizer: the layout of the QCS-SGM paper's
    Figure 4."""
    rows = []
    for name, written in (
        ("1 bit", "one-bit"),
        ("2 bits", "uniform bits=2"),
        ("3 bits", "uniform bits=3"),
        ("no quantizer", "none"),
    ):
        summary = evaluate(replace(spec, quantizer=written), source, offset, limit).summary()["mean"]  # type: ignore[arg-type]
        keys = ("psnr_mean", "ssim_mean", "cosine_mean", "psnr_sample", "rmse_mean", "predicted_rmse", "seconds")
        rows.append({"quantizer": name} | {k: summary.get(k) for k in keys if summary.get(k) is not None})
        tell(rows[-1])
    return {"rows": rows, "recipe": spec.as_dict() | {"quantizer": "all"}, **environment(spec.device)}


def check_source(source: str) -> str:
    """The folder or file of images, or InputError where none was given."""
    if not source:
        raise InputError("This benchmark needs images: give --images FOLDER_OR_IDX.")
    return source
