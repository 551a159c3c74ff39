"""Many images, one table: what ``qcs evaluate`` does."""

from __future__ import annotations

import base64
import math
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.control import Control
from engine.errors import EngineError, InputError
from engine.files import all_or_none, json_text, make_folder, remove_file, write_atomically, write_json
from engine.foreign.json_text import parsed_json
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
UNFINISHED = "unfinished.jsonl"
"""What is done of an evaluation that has not ended, in the folder of its results: the recipe, then a line for each image."""


@dataclass(frozen=True)
class _Record:
    """What is kept of one image: a ``row`` of the table, the settled ``recipe``, what the result depended on (``facts``), and of
    the first images the ``column`` of pictures, (4, c, h, w): truth, first sample, mean, std."""

    row: dict[str, Any]
    recipe: dict[str, Any]
    facts: dict[str, Any]
    column: np.ndarray | None = None

    @classmethod
    def of(cls, result: Reconstruction, index: int, name: str, pictured: bool) -> _Record:
        costs = {"seconds": round(result.seconds, 4), "network_calls": result.network_calls}
        row = {"index": index, "name": name} | result.metrics() | costs | {"failed": result.failed}
        column = None
        if pictured:
            std = None if result.std is None else result.std / STD_FULL_SCALE
            sample = result.samples[0] if len(result.samples) else None
            blank = np.zeros_like(result.mean)
            column = np.stack([blank if p is None else p for p in (result.truth, sample, result.mean, std)])
        return cls(row, result.spec.as_dict(), result.facts, column)

    def line(self) -> str:
        column = None
        if self.column is not None:
            pixels = np.rint(255 * self.column.clip(0, 1)).astype(np.uint8)
            packed = base64.b64encode(zlib.compress(pixels.tobytes())).decode()
            column = {"shape": pixels.shape, "pixels": packed}
        return json_text({"row": self.row, "recipe": self.recipe, "facts": self.facts, "column": column}) + "\n"

    @classmethod
    def read(cls, line: str) -> _Record:
        """:meth:`line`, back; ValueError, KeyError, TypeError or zlib.error where it is cut short or damaged."""
        values = parsed_json(line)
        column = values["column"]
        if column is not None:
            size = math.prod(column["shape"])
            pixels = zlib.decompressobj().decompress(base64.b64decode(column["pixels"]), size + 1)
            column = np.frombuffer(pixels, np.uint8).reshape(column["shape"]).astype(np.float32) / 255
        return cls(dict(values["row"]), dict(values["recipe"]), dict(values["facts"]), column)


@dataclass
class Evaluation:
    """What was reconstructed so far and the summary of it; ``names`` are those of all pictures, one each. ``results`` are
    this session's, ``records`` also those of an earlier one that was stopped."""

    spec: RunSpec
    source: str
    offset: int
    results: list[Reconstruction]
    names: list[str] = field(default_factory=list)
    interrupted: bool = False
    failure: str = ""
    records: list[_Record] = field(default_factory=list)

    @property
    def taken_over(self) -> int:
        """Images that an earlier session had done."""
        return len(self.records) - len(self.results)

    def add(self, results: list[Reconstruction]) -> list[_Record]:
        """Takes the results of the next images; returns what is to be kept of them."""
        first = len(self.records)
        new = [_Record.of(r, self.offset + n, self.names[n], n < PICTURED) for n, r in enumerate(results, start=first)]
        self.results += results
        self.records += new
        return new

    def rows(self) -> list[dict]:
        """Per image: its absolute number and name, all metrics, seconds, network calls, and why it has failed if it has."""
        return [record.row for record in self.records]

    def summary(self) -> dict:
        """``images``, one entry each, and ``mean``, the averages; ``null`` where a metric does not exist."""
        rows = self.rows()
        means: dict[str, float | None] = {}
        for key in rows[0] if rows else []:
            values = [row[key] for row in rows if row.get(key) is not None]
            if key not in ("index", "name", "failed"):
                means[key] = float(np.mean(values)) if values else None
        facts = self.records[0].facts if self.records else environment("cpu")
        recipes = [record.recipe for record in self.records]  # pictures of several sizes settle in several ways
        alike = bool(recipes) and all(recipe == recipes[0] for recipe in recipes)
        recipe = (recipes[0] if alike else self.spec.as_dict()) | {"image": self.source}
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
        columns = [record.column for record in self.records if record.column is not None]
        shown = [column for column in columns if column.shape == columns[0].shape]
        return tile(np.stack(shown, axis=1).reshape(-1, *shown[0].shape[1:]), columns=len(shown))

    def write(self, folder: Path | str) -> None:
        """summary.json, and reconstructions.png: truths, first samples, means and stds of the first images."""
        folder = make_folder(folder)
        with all_or_none():
            write_json(folder / "summary.json", self.summary())
            if self.records:
                save_png(folder / "reconstructions.png", self.picture(), self.spec.as_json())
            if len(self.records) == len(self.names):
                remove_file(folder / UNFINISHED)


class _Unfinished:
    """The records of an evaluation in the folder of its results, written as it goes: where it was killed, the same evaluation
    goes on."""

    def __init__(self, folder: Path, evaluation: Evaluation) -> None:
        self.path = folder / UNFINISHED
        told = {"recipe": evaluation.spec.as_dict(), "source": evaluation.source, "offset": evaluation.offset}
        self.head, self.begun = json_text(told) + "\n", False
        self.records = self._done(evaluation)
        evaluation.records += self.records

    def _done(self, evaluation: Evaluation) -> list[_Record]:
        try:
            first, *lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (OSError, ValueError):
            return []
        found: list[_Record] = []
        for line, name in zip(lines if first == self.head else [], evaluation.names, strict=False):
            try:
                record = _Record.read(line)
            except (ValueError, KeyError, TypeError, zlib.error):
                break
            if record.row.get("name") != name:  # the folder of pictures has changed
                return []
            found.append(record)
        return found

    def add(self, records: list[_Record]) -> None:
        if not self.begun:  # written anew, for the last line may have been cut short
            content = self.head + "".join(record.line() for record in self.records)
            write_atomically(self.path, lambda p: p.write_text(content, encoding="utf-8"))
            self.begun = True
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(record.line() for record in records)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"Cannot write '{self.path}' ({error.strerror or error}); free space, and the same command goes on."
            ) from None


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
    folder: Path | None = None,
) -> Evaluation:  # fmt: skip
    """Measures and reconstructs images ``offset`` to ``offset + limit`` of a folder or IDX file, in batches.

    ``progress(done, total, share)`` is told the images done and the share of all work. A KeyboardInterrupt or an engine
    failure keeps the batches that are done and is told in ``interrupted`` or ``failure``; before the first batch is
    done it is raised. Into ``folder``, which must be there, what is kept of each batch is written as soon as it is done, and
    what the same evaluation had done there before it was stopped is not done again.
    """
    pictures = Pictures(source, offset, limit)
    total, evaluation = len(pictures), Evaluation(spec, str(source), offset, [], pictures.labels)
    unfinished = None if folder is None else _Unfinished(folder, evaluation)
    done = len(evaluation.records)
    if done == total:
        return evaluation
    try:
        for images in _batches(Pictures(source, offset + done, total - done), spec):
            start, truth = len(evaluation.records), torch.from_numpy(images)
            indices = range(offset + start, offset + start + len(truth))
            refuse_beyond_memory(spec, images.shape[1:])
            job = Job(spec, measure(spec, truth, indices), indices)
            for iterate in job.stream(control):
                if progress:
                    share = (start + len(truth) * iterate.step / iterate.steps) / total
                    progress(start, total, share)
            records = evaluation.add(job.reconstructions())
            if unfinished is not None:
                unfinished.add(records)
    except (KeyboardInterrupt, EngineError) as error:
        if not evaluation.records:
            raise
        evaluation.interrupted, evaluation.failure = isinstance(error, KeyboardInterrupt), str(error)
    return evaluation
