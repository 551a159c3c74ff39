"""Tables of reconstructions: against the linear estimate that needs no learned prior, and by the number of bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError
from engine.experiments.evaluation import evaluate
from engine.images import fit, plain_channels
from engine.images.datasets import Pictures
from engine.priors.exact.gaussian import GaussianPrior
from engine.priors.library import priors
from engine.runs.job import environment, measure
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec
from engine.sensing.channels.cell import EdgedChannel
from engine.sensing.measurement import Measurement

__all__ = ["baseline", "bits", "bussgang_lmmse"]


def bussgang_lmmse(measurement: Measurement, prior: GaussianPrior, iterations: int = 200) -> Tensor:
    """The linear minimum-mean-squared-error estimate from the codes, (images, c, h, w), under a Gaussian prior.

    Bussgang's theorem: the quantizer's answer v = E[z + n | cell] is g (z + n) plus an error that is uncorrelated with z;
    g = Var v / Var(z + n), and the error, taken as white, has variance g (1 - g) Var(z + n). The system is solved by
    conjugate gradients with A as it is (Bussgang 1952; Mezghani and Nossek 2012).
    """
    operator, noise = measurement.operator, measurement.noise
    centre = prior.mean_image().float()

    def covariance(x: Tensor) -> Tensor:
        return prior.synthesise(prior.values * prior.analyse(x.double())).float()

    norms = operator.row_norms_squared()
    mean_z = operator.forward(centre[None] - measurement.offset).double()
    total = prior.variance * norms + noise**2  # a matrix that mixes all pixels sees the mean variance
    gain: Tensor | float
    if measurement.channel is None:
        assert measurement.values is not None
        gain, answer = torch.ones_like(total), measurement.values.double() - mean_z
    else:
        moments = measurement.channel.moments(mean_z, total[None].expand(measurement.images, -1))
        answer = total * moments.score
        gain = _bussgang_gain(measurement, float(total.mean()))
    error = gain**2 * noise**2 + gain * (1 - gain) * total

    def apply(w: Tensor) -> Tensor:
        return gain**2 * operator.forward(covariance(operator.adjoint(w.float()))).double() + error * w

    w = torch.zeros_like(answer)
    r, p = answer.clone(), answer.clone()
    rho = (r * r).sum(1, keepdim=True)
    for _ in range(iterations):
        q = apply(p)
        step = rho / (p * q).sum(1, keepdim=True).clamp_min(1e-300)
        w, r = w + step * p, r - step * q
        new = (r * r).sum(1, keepdim=True)
        if float((new / (answer**2).sum(1, keepdim=True).clamp_min(1e-300)).max()) < 1e-8:
            break
        p, rho = r + new / rho * p, new
    return centre + covariance(operator.adjoint((gain * w).float()))


def _bussgang_gain(measurement: Measurement, variance: float) -> float:
    """Var E[t | cell] / variance for t ~ N(0, variance), with the cells that the measurement has."""
    assert isinstance(measurement.channel, EdgedChannel), "only cells have a Bussgang gain"
    edges = torch.unique(torch.cat([measurement.channel.lower.flatten(), measurement.channel.upper.flatten()]))
    edges = edges[edges.isfinite()]
    if len(edges) > 512:  # thresholds of their own for every row: one cut of each
        edges = edges[:: len(edges) // 256]
    infinite = torch.tensor([torch.inf], dtype=torch.float64)
    lower, upper = torch.cat([-infinite, edges])[None], torch.cat([edges, infinite])[None]
    cells = replace(measurement.channel, lower=lower, upper=upper)
    moments = cells.moments(torch.zeros_like(lower), torch.full_like(lower, variance))
    return float((moments.log_prob.exp() * variance * moments.score**2).sum())


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
