"""Many images, one table: what ``qcs evaluate`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from engine.control import Control
from engine.errors import EngineError
from engine.files import all_or_none, make_folder, write_json
from engine.images import fit, plain_channels, save_png
from engine.images.datasets import Pictures
from engine.runs.estimates import refuse_beyond_memory
from engine.runs.job import Job, environment, measure
from engine.runs.reconstruction import STD_FULL_SCALE, Reconstruction, tile
from engine.runs.spec import RunSpec

__all__ = ["Evaluation", "evaluate"]

ROWS_AT_ONCE = 128
PIXELS_IN_BATCH = 1 << 22
PICTURED = 16


@dataclass
class Evaluation:
    """The reconstructions so far and the summary of them; ``names`` are those of all pictures, one each."""

    spec: RunSpec
    source: str
    offset: int
    results: list[Reconstruction]
    names: list[str] = field(default_factory=list)
    interrupted: bool = False
    failure: str = ""

    def rows(self) -> list[dict]:
        """Per image: its absolute number and name, all metrics, seconds, network calls, and why it has failed if it has."""
        table = []
        for count, result in enumerate(self.results):
            which = {"index": self.offset + count, "name": self.names[count] if self.names else ""}
            costs = {"seconds": round(result.seconds, 4), "network_calls": result.network_calls}
            table.append(which | result.metrics() | costs | {"failed": result.failed})
        return table

    def summary(self) -> dict:
        """``images``, one entry each, and ``mean``, the averages; ``null`` where a metric does not exist."""
        rows = self.rows()
        means: dict[str, float | None] = {}
        for key in rows[0] if rows else []:
            values = [row[key] for row in rows if row[key] is not None]
            if key not in ("index", "name", "failed"):
                means[key] = float(np.mean(values)) if values else None
        facts = self.results[0].facts if self.results else environment("cpu")
        specs = {result.spec for result in self.results}  # pictures of several sizes settle in several ways
        recipe = (specs.pop() if len(specs) == 1 else self.spec).as_dict() | {"image": self.source}
        told = {"rows": self.spec.algorithm.rows_are, "failed": sum(bool(row["failed"]) for row in rows)}
        return {
            "recipe": recipe,
            "offset": self.offset,
            "count": len(rows),
            **told,
            "mean": means,
            "images": rows,
            **facts,
        }

    def picture(self) -> np.ndarray:
        """Rows of truths, first samples, means and stds for the first images."""
        shown = [r for r in self.results if r.mean.shape == self.results[0].mean.shape][:PICTURED]
        blank = np.zeros_like(shown[0].mean)
        lines = [
            [r.truth if r.truth is not None else blank for r in shown],
            [r.samples[0] if len(r.samples) else blank for r in shown],
            [r.mean for r in shown],
            [r.std / STD_FULL_SCALE if r.std is not None else blank for r in shown],
        ]
        return tile(np.stack([image for line in lines for image in line]), columns=len(shown))

    def write(self, folder: Path | str) -> None:
        """summary.json, and reconstructions.png: truths, first samples, means and stds of the first images."""
        folder = make_folder(folder)
        with all_or_none():
            write_json(folder / "summary.json", self.summary())
            if self.results:
                save_png(folder / "reconstructions.png", self.picture(), self.spec.as_json())


def _batches(pictures: Pictures, spec: RunSpec) -> Iterator[np.ndarray]:
    """Pictures of one shape that follow one another, (n, c, h, w), as many as one batch holds."""
    batch: list[np.ndarray] = []
    for picture in pictures:
        picture = fit(picture, spec.shape_for((plain_channels(picture), *picture.shape[1:])))
        at_once = max(1, min(ROWS_AT_ONCE // spec.samples, PIXELS_IN_BATCH // (spec.samples * picture[0].size)))
        if batch and (len(batch) >= at_once or batch[0].shape != picture.shape):
            yield np.stack(batch)
            batch = []
        batch.append(picture)
    yield np.stack(batch)


def evaluate(
    spec: RunSpec, source: Path | str, offset: int = 0, limit: int | None = None,
    control: Control | None = None, progress: Callable[[int, int, float], None] | None = None,
) -> Evaluation:  # fmt: skip
    """Measures and reconstructs images ``offset`` to ``offset + limit`` of a folder or IDX file, in batches.

    ``progress(done, total, share)`` is told the images done and the share of all work. A KeyboardInterrupt or an engine
    failure keeps the batches that are done and is told in ``interrupted`` or ``failure``; before the first batch is
    done it is raised.
    """
    pictures = Pictures(source, offset, limit)
    evaluation = Evaluation(spec, str(source), offset, [], pictures.labels)
    try:
        for images in _batches(pictures, spec):
            start, truth = len(evaluation.results), torch.from_numpy(images)
            indices = range(offset + start, offset + start + len(truth))
            refuse_beyond_memory(spec, images.shape[1:])
            job = Job(spec, measure(spec, truth, indices), indices)
            for iterate in job.stream(control):
                if progress:
                    done = start + len(truth) * iterate.step / iterate.steps
                    progress(start, len(pictures), done / len(pictures))
            evaluation.results += job.reconstructions()
    except (KeyboardInterrupt, EngineError) as error:
        if not evaluation.results:
            raise
        evaluation.interrupted, evaluation.failure = isinstance(error, KeyboardInterrupt), str(error)
    return evaluation
