"""Many images under one recipe, one table: what ``qcs evaluate`` does. It is a sweep in which nothing varies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.control import Control
from engine.errors import EngineError, InputError
from engine.files import all_or_none, make_folder, write_json
from engine.images import save_png
from engine.runs.document import open_run
from engine.runs.estimates import refuse_beyond_memory
from engine.runs.job import environment
from engine.runs.reconstruction import STD_FULL_SCALE, tile
from engine.runs.spec import RunSpec
from engine.sweeps.definition import Sweep
from engine.sweeps.plan import Plan
from engine.sweeps.records import Record, Store
from engine.sweeps.runner import Progress, run_sweep
from engine.sweeps.workers import InProcess

__all__ = ["UNFINISHED", "Evaluation", "evaluate"]

ROWS_AT_ONCE = 128
PICTURED = 16
UNFINISHED = "unfinished"
"""The folder, in that of the results, of what is done of an evaluation that has not ended: the records of its sweep."""


@dataclass
class Evaluation:
    """``records`` of the images that are done and the summary of them; ``columns``, (4, c, h, w) each, are the pictures of the
    first ones: truth, first sample, mean, std. ``taken_over`` of the images were done by an earlier session that was stopped."""

    spec: RunSpec
    source: str
    offset: int
    records: list[Record]
    errors: list[Record]
    columns: list[np.ndarray]
    taken_over: int = 0
    interrupted: bool = False

    @property
    def failure(self) -> str:
        """Why images have no result, in one sentence: that of the first of them."""
        return self.errors[0].error if self.errors else ""

    @property
    def complete(self) -> bool:
        return not self.errors and not self.interrupted

    def rows(self) -> list[dict]:
        """Per image: its absolute number and name, all metrics, seconds, network calls, and why it has failed if it has."""
        last = ("seconds", "network_calls")
        return [
            {"index": r.index, "name": r.image}
            | {key: value for key, value in r.values.items() if key not in last}
            | {key: r.values[key] for key in last}
            | {"failed": r.failed}
            for r in self.records
        ]

    def summary(self) -> dict:
        """``images``, one entry each, and ``mean``, the averages; ``null`` where a metric does not exist."""
        rows = self.rows()
        means: dict[str, float | None] = {}
        for key in rows[0] if rows else []:
            values = [row[key] for row in rows if row.get(key) is not None]
            if key not in ("index", "name", "failed"):
                means[key] = float(np.mean(values)) if values else None
        facts = self.records[0].facts if self.records else environment("cpu")
        recipes = [
            r.recipe | {"image": self.source} for r in self.records
        ]  # pictures of several sizes settle in several ways
        alike = bool(recipes) and all(recipe == recipes[0] for recipe in recipes)
        recipe = recipes[0] if alike else self.spec.as_dict() | {"image": self.source}
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
        shown = [column for column in self.columns if column.shape == self.columns[0].shape]
        return tile(np.stack(shown, axis=1).reshape(-1, *shown[0].shape[1:]), columns=len(shown))

    def write(self, folder: Path | str) -> None:
        """summary.json, and reconstructions.png: truths, first samples, means and stds of the first images. What was kept to go
        on from goes where nothing is left to be done."""
        folder = make_folder(folder)
        with all_or_none():
            write_json(folder / "summary.json", self.summary())
            if self.columns:
                save_png(folder / "reconstructions.png", self.picture(), self.spec.as_json())
        if self.complete:
            shutil.rmtree(folder / UNFINISHED, ignore_errors=True)


def evaluate(
    spec: RunSpec, source: Path | str, offset: int = 0, limit: int | None = None,
    control: Control | None = None, progress: Callable[[int, int, float], None] | None = None,
    folder: Path | None = None,
) -> Evaluation:  # fmt: skip
    """Measures and reconstructs images ``offset`` to ``offset + limit`` of a folder or IDX file, in batches.

    ``progress(done, total, share)`` is told the images done and the share of all work. A KeyboardInterrupt keeps the batches that
    are done and is told in ``interrupted``; images that the engine fails on are left out, and told in ``errors``. Where nothing
    is done, either is raised. Each batch is kept in ``folder``, which must be there, as soon as it is done, and what the same
    evaluation had done there before it was stopped is not done again.
    """
    plan = Plan(_sweep(spec, str(source), offset, limit))
    for _, refusal in plan.refused[:1]:
        raise InputError(refusal)
    for batch in plan.batches:
        refuse_beyond_memory(spec, batch.shape)

    def hear(told: Progress) -> None:
        if progress:
            progress(told.done, told.total, told.share)

    with ExitStack() as stack:
        kept = stack.enter_context(tempfile.TemporaryDirectory()) if folder is None else folder / UNFINISHED
        result = run_sweep(plan.sweep, kept, InProcess(torch.get_num_threads()), control, hear, retry=True, plan=plan)
        done = [record for record in result.rows if not record.error]
        if not done:
            _raise(result.errors)
        columns = [column for record in done[:PICTURED] if (column := _column(result.store, record)) is not None]
    return Evaluation(spec, str(source), offset, done, result.errors, columns, result.found, result.cancelled)


def _sweep(spec: RunSpec, source: str, offset: int, limit: int | None) -> Sweep:
    fixed = {key: value for key, value in spec.as_dict().items() if key not in ("image", "measurement")}
    at_once = max(1, ROWS_AT_ONCE // spec.samples)
    return Sweep(source, offset=offset, limit=limit, batch=at_once, documents=PICTURED, fixed=fixed)


def _raise(errors: list[Record]) -> None:
    """Says why there is no result at all."""
    if not errors:
        raise KeyboardInterrupt
    raise (InputError if errors[0].bad_input else EngineError)(errors[0].error)


def _column(store: Store, record: Record) -> np.ndarray | None:
    """(4, c, h, w): truth, first sample, mean, std; black where there is none. None where its run was not kept."""
    if not (path := store.document(record.identity)).is_file():
        return None
    result = open_run(path)
    std = None if result.std is None else result.std / STD_FULL_SCALE
    sample = result.samples[0] if len(result.samples) else None
    blank = np.zeros_like(result.mean)
    return np.stack([blank if p is None else p for p in (result.truth, sample, result.mean, std)])
