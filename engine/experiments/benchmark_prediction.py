"""The PSNR that state evolution predicts beside what turbo's posterior mean reaches, over measurements and bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engine.errors import InputError
from engine.images import fit, plain_channels
from engine.images.datasets import Pictures
from engine.runs.expectation import expect, predicted
from engine.runs.job import Job, environment, measure
from engine.runs.spec import RunSpec

__all__ = ["measured_psnr", "prediction"]

SHARES = (0.1, 0.25, 0.5, 1.0)
QUANTIZERS = ("one-bit", "uniform bits=2", "uniform bits=3", "none")
FEW = 10


def measured_psnr(spec: RunSpec, pictures: np.ndarray, indices: list[int]) -> np.ndarray:
    """PSNR in dB of turbo's posterior mean for each of the pictures (n, c, h, w); no samples are drawn."""
    truth = torch.from_numpy(pictures)
    job = Job(spec.replace(samples=1), measure(spec, truth, indices), indices)
    for iterate in job.stream():
        if iterate.phase != "message passing":
            break
        mean = iterate.mean
    error = (mean.cpu().clamp(0, 1) - truth).square().flatten(1).mean(1)  # type: ignore[union-attr]
    return (-10 * error.log10()).numpy()


def prediction(
    spec: RunSpec, source: str, offset: int, limit: int | None, tell: Callable[[dict], Any] = lambda row: None
) -> dict:
    """A row for each share of rows M / N and quantizer: mean PSNR in dB over the pictures as state evolution predicts it,
    as it is expected (with the measured shortfall taken off), as it is measured, and how far the last two are apart. The
    operator of the spec takes the rows; noise, prior, seed and size are the spec's."""
    if spec.algorithm.name != "turbo" or "measurements" not in spec.operator.settings():
        raise InputError("What is predicted is turbo with a random-like operator; give --operator dct, or gaussian.")
    found = [*Pictures(source, offset, limit or FEW)]
    shape = spec.shape_for((plain_channels(found[0]), *found[0].shape[1:]))
    pictures = np.stack([fit(p, shape) for p in found])
    pixels, rows = int(np.prod(shape)), []
    for share in SHARES:
        for written in QUANTIZERS:
            measurements = max(1, round(share * pixels))
            operator = spec.operator.replace(measurements=measurements)
            one = spec.replace(operator=operator, quantizer=written)
            evolved, expected = predicted(one, shape), expect(one, shape)
            if expected is None or evolved is None:
                raise InputError(
                    f"Nothing can be predicted for the prior '{spec.prior.name}' with '{operator.name}': it takes a "
                    "random-like operator and a prior whose card tells the errors of single pictures."
                )
            measured = measured_psnr(one, pictures, list(range(offset, offset + len(pictures))))
            row = {
                "rows": measurements, "share": share, "quantizer": written,
                "bits": one.quantizer.bits_per_measurement, "predicted": round(evolved.psnr, 2),
                "expected": round(expected.psnr, 2), "measured": round(float(measured.mean()), 2),
                "apart": round(expected.psnr - float(measured.mean()), 2),
            }  # fmt: skip
            tell(row)
            rows.append(row)
    return {
        "rows": rows,
        "prior": spec.prior.name,
        "channels": shape[0],
        "noise": spec.noise,
        "pictures": len(pictures),
        **environment("cpu"),
    }
