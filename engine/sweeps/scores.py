"""Small scores: columns of a sweep's table beside the metrics of each run. One class and its name in SCORES is all it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from engine.errors import InputError
from engine.runs.metrics import psnr
from engine.settings import suggest

if TYPE_CHECKING:
    from engine.runs.job import Job
    from engine.runs.reconstruction import Reconstruction

__all__ = ["SCORES", "refuse_unknown"]


class Score(Protocol):
    """``summary`` says what it tells; :meth:`of` gives its columns for the picture at ``place`` in a finished job."""

    summary: str

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]: ...


class Trivial:
    summary = "PSNR of the better picture that needs no method: what was seen, interpolated, or the prior's mean"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        assert result.truth is not None
        seen = job.measurement.select([place]).simple_estimate()[0].clamp(0, 1).cpu().numpy()
        flat = np.full_like(seen, float(result.spec.prior.facts["mean"]))
        return {"psnr_seen": psnr(seen, result.truth), "psnr_trivial": max(psnr(p, result.truth) for p in (seen, flat))}


class Predicted:
    summary = (
        "PSNR of the posterior mean that state evolution predicts, and that with turbo's measured shortfall taken off"
    )

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        from engine.runs.expectation import expect, predicted

        shape = job.measurement.operator.image_shape
        evolved, expected = predicted(job.spec, shape), expect(job.spec, shape)
        return {
            "psnr_predicted": None if evolved is None else evolved.psnr,
            "psnr_expected": None if expected is None else expected.psnr,
        }


class Linear:
    summary = "PSNR of the linear estimate from the same codes (Bussgang) under the exact Gaussian of natural pictures"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        from engine.experiments.bussgang import bussgang_lmmse
        from engine.priors.library import priors

        assert result.truth is not None
        seen = job.measurement.select([place])
        prior = priors().parse("gaussian").load("cpu", seen.operator.image_shape)
        with torch.no_grad():
            estimate = bussgang_lmmse(seen, prior)[0].numpy()  # type: ignore[arg-type]
        return {"psnr_linear": psnr(estimate, result.truth)}


SCORES: dict[str, Score] = {"trivial": Trivial(), "predicted": Predicted(), "linear": Linear()}


def refuse_unknown(names: tuple[str, ...]) -> None:
    """InputError where a name is none of SCORES."""
    for name in names:
        if name not in SCORES:
            raise InputError(f"There is no score '{name}'{suggest(name, list(SCORES))} (known: {', '.join(SCORES)}).")
