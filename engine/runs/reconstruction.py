"""What a run leaves: samples, mean, std, metrics, the recipe; and how it is written to disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.algorithms.base import RESTARTS, SAMPLES
from engine.errors import InputError
from engine.files import (
    all_or_none,
    is_finite,
    make_folder,
    remove_file,
    without_infinities,
    write_json,
)
from engine.foreign.arrays import save_arrays
from engine.images import read_recipe, save_png, save_tiff
from engine.runs.calibration import calibration
from engine.runs.keyframes import Keyframe
from engine.runs.metrics import image_metrics, rmse
from engine.runs.posterior import RunningMoments
from engine.runs.score import Score
from engine.runs.spec import RunSpec

__all__ = ["STD_FULL_SCALE", "Reconstruction", "tile"]

STD_FULL_SCALE = 0.5
"""A standard deviation of this size is white in std.png."""
EXPORTS = (".png", ".tif", ".tiff", ".npz")
OVERFLOW = "Some numbers of this run grew beyond what can be computed with; they are written as null."


@dataclass(frozen=True)
class Reconstruction:
    """The result for one image. Arrays are float32, (channels, height, width); ``samples`` (n, c, h, w).

    ``mean`` is the method's own posterior mean or estimate where it computes one, else the mean of the samples; ``std`` is
    None for fewer than two samples and for methods whose rows are no posterior samples (:attr:`rows_are`); of one estimate
    there are no ``samples``. ``status`` is ``done`` or ``finished early``: then ``samples`` are the denoised estimates of
    the moment (none while message passing had not reached its samples yet).
    """

    spec: RunSpec
    samples: np.ndarray
    mean: np.ndarray
    std: np.ndarray | None
    own_mean: bool
    truth: np.ndarray | None
    consistency: float | None
    consistency_truth: float | None
    predicted_rmse: float | None
    network_calls: int
    seconds: float
    status: str = "done"
    history: dict[str, list] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failed: str = ""
    """Why the result is worth less than a trivial one, in one sentence; empty where it is not."""
    score: Score | None = None
    """How well it predicts measurements: those that were left out, where there were any."""
    unseen_failure: str = ""
    """Why it cannot be right as far as is seen without the truth, in one sentence; empty where nothing speaks against it."""
    measured: dict[str, np.ndarray] = field(default_factory=dict)
    """What was measured, as the entries of a measurement file; a large matrix of one's own is left out."""
    keyframes: tuple[Keyframe, ...] = ()

    def metrics(self) -> dict[str, float | None]:
        """Metrics against the truth (absent without one), consistency, predicted and actual RMSE."""
        return dict(self._metrics)

    @cached_property
    def _metrics(self) -> dict[str, float | None]:
        values: dict[str, float | None] = {}
        if self.truth is not None:
            values |= image_metrics(self.mean, self.samples, self.truth)
            values["rmse_mean"] = rmse(self.mean, self.truth)
            values |= calibration(self.posterior_samples, self.mean, self.truth)
            values["consistency_truth"] = self.consistency_truth
        values["consistency"] = self.consistency
        if self.score is not None:
            values |= {
                "score": self.score.result, "score_trivial": self.score.trivial, "score_inside": self.score.inside,
                "score_rows": self.score.rows if self.score.held_out else 0,
            }  # fmt: skip
        if self.predicted_rmse is not None:
            values["predicted_rmse"] = self.predicted_rmse
        return values

    @property
    def unit(self) -> float:
        """What white is in the units of the measurement file: the gain of its real values, 1 where it has none."""
        gain = self.measured.get("gain")
        if gain is None or "photons" in self.measured or np.asarray(gain).dtype.kind not in "iuf":
            return 1.0
        return float(np.mean(gain))

    @property
    def rows_are(self) -> str:
        """What the method's rows are: posterior samples, restarts or one estimate."""
        return self.spec.algorithm.rows_are

    @property
    def posterior_samples(self) -> np.ndarray:
        """``samples`` where they are samples of the posterior, else none: restarts say nothing of uncertainty."""
        return self.samples if self.rows_are == SAMPLES else self.samples[:0]

    @property
    def spread(self) -> np.ndarray | None:
        """Standard deviation over restarts, which is no posterior std; None for other methods."""
        return self.samples.std(0, ddof=1) if self.rows_are == RESTARTS and len(self.samples) > 1 else None

    def with_more(self, other: Reconstruction) -> Reconstruction:
        """This run with the samples of a second one added, which continued its sample numbers; consistency, ``failed`` and notes
        are still this run's (:meth:`engine.runs.job.Job.added_to` judges anew). A second run that was finished early has no
        samples to give, only estimates: then this run stays as it is."""
        if other.status != "done":
            return replace(
                self, notes=(*self.notes, "The added samples were stopped before they were samples; none was kept.")
            )
        moments = RunningMoments()
        moments.add(self.samples)
        moments.add(other.samples)
        mean = self.mean if self.own_mean or moments.mean is None else moments.mean
        return Reconstruction(
            spec=self.spec.replace(samples=len(self.samples) + len(other.samples)),
            samples=np.concatenate([self.samples, other.samples]), mean=mean, std=moments.std, own_mean=self.own_mean,
            truth=self.truth, consistency=self.consistency, consistency_truth=self.consistency_truth,
            predicted_rmse=self.predicted_rmse, network_calls=self.network_calls + other.network_calls,
            seconds=self.seconds + other.seconds, status=other.status, history=self.history, facts=self.facts,
            notes=self.notes, failed=self.failed, measured=self.measured, keyframes=self.keyframes, score=self.score,
            unseen_failure=self.unseen_failure,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """What ``result.json`` holds; None in the place of numbers that are not finite, which the notes then tell."""
        values = {
            "recipe": self.spec.as_dict(), "command": self.spec.as_command(), "status": self.status,
            "rows": self.rows_are, "failed": self.failed, "unseen_failure": self.unseen_failure,
            "score": None if self.score is None else self.score.as_dict(), "metrics": self.metrics(),
            "samples": len(self.samples), "network_calls": self.network_calls,
            "seconds": round(self.seconds, 4), "std_png_full_scale": STD_FULL_SCALE, "notes": list(self.notes),
            "history": self.history, **self.facts,
        }  # fmt: skip
        if is_finite(values):
            return values
        return without_infinities(values | {"notes": [*(n for n in self.notes if n != OVERFLOW), OVERFLOW]})

    def write(self, folder: Path | str) -> Path:
        """Writes result.json, result.npz, mean.png, std.png, samples.png into a folder, all or none; raises InputError if
        it cannot. Pictures of an earlier result that this one does not have are removed."""
        folder = make_folder(folder)
        recipe = self.spec.as_json()
        pictures = {
            "mean.png": self.mean,
            "std.png": None if self.std is None else self.std / STD_FULL_SCALE,
            "samples.png": tile(self.samples) if len(self.samples) else None,
        }
        with all_or_none():
            for name, pixels in pictures.items():
                if pixels is not None:
                    save_png(folder / name, pixels, recipe)
                elif read_recipe(folder / name) is not None:  # no picture of the user's own
                    remove_file(folder / name)
            self.write_npz(folder / "result.npz")
            write_json(folder / "result.json", self.as_dict())
        return folder

    def write_npz(self, path: Path | str) -> Path:
        """Samples, mean, std, truth as they are, with the recipe as JSON text."""
        arrays: dict[str, Any] = {"samples": self.samples, "mean": self.mean, "recipe": np.array(self.spec.as_json())}
        arrays |= {n: a for n, a in (("std", self.std), ("truth", self.truth)) if a is not None}
        if self.unit != 1:  # the picture in the units of the file, such as counts
            arrays |= {"gain": np.array(self.unit), "mean_in_units": self.unit * self.mean}
        return save_arrays(path, arrays)

    def export(self, path: Path | str, what: str) -> Path:
        """One picture or file: ``what`` is mean, std or samples; the suffix says PNG, 16-bit TIFF or NPZ."""
        path = Path(path)
        if path.suffix.lower() == ".npz":
            return self.write_npz(path)
        pixels = {"mean": self.mean, "std": self.std, "samples": tile(self.samples) if len(self.samples) else None}[
            what
        ]
        if pixels is None:
            if self.rows_are != SAMPLES:
                raise InputError(f"{self.spec.algorithm.label} gives {self.rows_are} and no {what}; export the mean.")
            raise InputError(f"This run has no {what} yet: it needs {'two samples' if what == 'std' else 'samples'}.")
        pixels = pixels / STD_FULL_SCALE if what == "std" else pixels
        if path.suffix.lower() not in EXPORTS:
            raise InputError(
                f"'{path.name}': a picture is exported as {', '.join(EXPORTS)}; give one of these endings."
            )
        save = save_tiff if path.suffix.lower() in (".tif", ".tiff") else save_png
        return save(path, pixels, self.spec.as_json())


def tile(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Images (n, c, h, w) side by side on white, (c, height, width)."""
    n, c, h, w = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.ones((c, rows * (h + gap) - gap, columns * (w + gap) - gap), np.float32)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[:, top : top + h, left : left + w] = image
    return sheet
