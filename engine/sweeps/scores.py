"""Small scores: columns of a sweep's table beside the metrics of each run. One class and its name in SCORES is all it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.settings import Choice, Family, text

if TYPE_CHECKING:
    from engine.runs.job import Job
    from engine.runs.reconstruction import Reconstruction

__all__ = ["SCORES", "ScoreChoice", "Trivial"]


class ScoreChoice(Choice):
    """A score, in its written form ``NAME key=value ...``; :meth:`of` gives its columns."""

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        """Columns for the picture at ``place`` in a finished job, whose ``result`` is at hand."""
        raise NotImplementedError


@dataclass(frozen=True)
class Trivial(ScoreChoice):
    """PSNR of the better picture that needs no method: what was seen, interpolated, or the prior's mean."""

    name = "trivial"
    label = "No method"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        return self.beside(job, place)

    @staticmethod
    def beside(job: Job, place: int) -> dict[str, Any]:
        """The same for a job that may have no result."""
        import numpy as np

        from engine.runs.metrics import psnr

        one = job.measurement.select([place])
        assert one.truth is not None
        truth, seen = one.truth[0].cpu().numpy(), one.simple_estimate()[0].clamp(0, 1).cpu().numpy()
        flat = np.full_like(seen, float(job.spec.prior.facts["mean"]))
        return {"psnr_seen": psnr(seen, truth), "psnr_trivial": max(psnr(p, truth) for p in (seen, flat))}


@dataclass(frozen=True)
class Predicted(ScoreChoice):
    """PSNR of turbo's posterior mean that state evolution predicts, and that with the measured shortfall taken off."""

    name = "predicted"
    label = "Prediction"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        from engine.runs.expectation import expect, predicted

        shape = job.measurement.operator.image_shape
        evolved, expected = predicted(job.spec, shape), expect(job.spec, shape)
        return {
            "psnr_predicted": None if evolved is None else evolved.psnr,
            "psnr_expected": None if expected is None else expected.psnr,
        }


@dataclass(frozen=True)
class Linear(ScoreChoice):
    """PSNR of the linear estimate from the same codes (Bussgang), which needs no learned prior."""

    name = "linear"
    label = "Linear estimate"

    images: str = text("", "Pictures", "A folder whose power spectrum it is given; empty takes natural pictures.")

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        import shlex

        import torch

        from engine.experiments.bussgang import bussgang_lmmse
        from engine.priors.library import priors
        from engine.runs.metrics import psnr

        assert result.truth is not None
        seen, start = job.measurement.select([place]), time.perf_counter()
        fitted = f"gaussian model=spectrum images={shlex.quote(self.images)}" if self.images else "gaussian"
        prior = priors().parse(fitted).load("cpu", seen.operator.image_shape)
        with torch.no_grad():
            estimate = bussgang_lmmse(seen, prior)[0].numpy()  # type: ignore[arg-type]
        return {
            "psnr_linear": psnr(estimate, result.truth),
            "seconds_linear": round(time.perf_counter() - start, 4),
        }


@dataclass(frozen=True)
class ToMean(ScoreChoice):
    """Seconds and network calls to the posterior mean, where a method has it before it draws samples; else those of the run."""

    name = "to-mean"
    label = "Time to the mean"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        seconds, calls = job.own_mean_after or (job.seconds, result.network_calls)
        return {"seconds_to_mean": round(seconds / job.measurement.images, 4), "calls_to_mean": calls}


@dataclass(frozen=True)
class Unseen(ScoreChoice):
    """Whether a result that is worth nothing was known to be, without a look at the truth."""

    name = "unseen"
    label = "Flagged without the truth"

    def of(self, job: Job, place: int, result: Reconstruction) -> dict[str, Any]:
        return {"unseen_failure": bool(result.unseen_failure)}


SCORES: Family[ScoreChoice] = Family("score", [Trivial, Predicted, Linear, ToMean, Unseen])
