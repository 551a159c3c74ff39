"""A sweep laid out: every cell with an identity of its own, and the batches in which cells are computed."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.images import fit, load_image, plain_channels
from engine.images.bundled import PREFIX, sample_path
from engine.images.datasets import Pictures
from engine.runs.spec import RunSpec
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import Point

__all__ = ["Batch", "Cell", "Images", "Plan"]

PIXELS_IN_BATCH = 1 << 22
"""Pixels times samples of one batch: larger pictures are computed fewer at a time."""
BYTES_KEPT = 1 << 28
"""Of pictures that were read; beyond, the one read first is read again when it is wanted."""


class Images:
    """The pictures of a sweep: ``names`` for the table, ``sources`` as a recipe names them, and pixels read when they are asked
    for, (c, h, w) in [0, 1]. Raises InputError where there are none or one cannot be read."""

    def __init__(self, sweep: Sweep) -> None:
        self.offset = sweep.offset
        if isinstance(sweep.images, str):
            pictures = Pictures(sweep.images, sweep.offset, sweep.limit)
            self.names, self._stack = pictures.labels, pictures.stack
            self.sources = [str(path) for path in pictures.names] or [f"{sweep.images} {name}" for name in self.names]
        else:
            self.sources = list(sweep.images)[sweep.offset :][: sweep.limit]
            if not self.sources:
                raise InputError(f"The list of images ends before number {sweep.offset}; lower the offset.")
            self.names = [Path(source.removeprefix(PREFIX)).stem for source in self.sources]
            self._stack = None
        self._kept: dict[int, np.ndarray] = {}
        self._own: dict[int, tuple[int, int, int]] = {}
        self._digests: dict[tuple[int, tuple[int, ...]], str] = {}

    def __len__(self) -> int:
        return len(self.names)

    def pixels(self, number: int) -> np.ndarray:
        if self._stack is not None:
            return self._stack[number]
        if number not in self._kept:
            source = self.sources[number]
            pixels = load_image(sample_path(source) or Path(source)).pixels
            while self._kept and pixels.nbytes + sum(kept.nbytes for kept in self._kept.values()) > BYTES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = pixels
        return self._kept[number]

    def shape(self, number: int, spec: RunSpec) -> tuple[int, int, int]:
        """The shape in which ``spec`` measures the picture."""
        if number not in self._own:
            pixels = self.pixels(number)
            self._own[number] = (plain_channels(pixels), *pixels.shape[1:])
        return spec.shape_for(self._own[number])

    def fitted(self, number: int, shape: tuple[int, int, int]) -> np.ndarray:
        return fit(self.pixels(number), shape)

    def digest(self, number: int, shape: tuple[int, int, int]) -> str:
        """SHA-256 of the pixels as they are measured."""
        if (number, shape) not in self._digests:
            content = np.ascontiguousarray(self.fitted(number, shape), np.float32).tobytes()
            self._digests[number, shape] = hashlib.sha256(content).hexdigest()
        return self._digests[number, shape]


@dataclass(frozen=True)
class Cell:
    """One picture under one combination of settings. ``identity`` depends on the recipe, the picture's pixels and its
    number, and on nothing else: the same cell of another sweep, or of this one after more values were added, has the same."""

    identity: str
    point: Point
    number: int
    name: str
    index: int
    """The absolute number of the picture, which keys its noise and samples."""

    @property
    def columns(self) -> dict[str, Any]:
        """What the table says of it before it is computed."""
        return {**self.point.labels, "image": self.name, "index": self.index}


@dataclass(frozen=True)
class Batch:
    """Cells of one recipe that are computed together. ``shape`` (c, h, w) is that of their pictures."""

    point: Point
    cells: tuple[Cell, ...]
    shape: tuple[int, int, int]

    @property
    def spec(self) -> RunSpec:
        assert self.point.spec is not None, "a refused combination is not computed"
        return self.point.spec

    @property
    def recipe(self) -> dict[str, Any]:
        return _recipe(self.spec)


class Plan:
    """Every cell of a sweep, in the order of its table, and the batches that compute them."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep, self.images = sweep, Images(sweep)
        self.cells: list[Cell] = []
        self.batches: list[Batch] = []
        self.refused: list[tuple[Cell, str]] = []
        for point in sweep.points():
            self._lay_out(point)

    def _lay_out(self, point: Point) -> None:
        if point.spec is None:
            for number in range(len(self.images)):
                cell = self._cell(point, number, _digest({"refused": dict(point.labels), "number": number}))
                self.refused.append((cell, point.refusal))
            return
        recipe = _recipe(point.spec)
        together: list[Cell] = []
        shape: tuple[int, int, int] | None = None
        for number in range(len(self.images)):
            own = self.images.shape(number, point.spec)
            told = {
                "recipe": recipe, "index": self.images.offset + number, "pixels": self.images.digest(number, own),
                "scores": list(self.sweep.scores),
            }  # fmt: skip
            cell = self._cell(point, number, _digest(told))
            if together and (own != shape or len(together) >= self._at_once(point.spec, own)):
                assert shape is not None
                self.batches.append(Batch(point, tuple(together), shape))
                together = []
            together.append(cell)
            shape = own
        assert shape is not None
        self.batches.append(Batch(point, tuple(together), shape))

    def _at_once(self, spec: RunSpec, shape: tuple[int, int, int]) -> int:
        return max(1, min(self.sweep.batch, PIXELS_IN_BATCH // (spec.samples * math.prod(shape))))

    def _cell(self, point: Point, number: int, identity: str) -> Cell:
        cell = Cell(identity, point, number, self.images.names[number], self.images.offset + number)
        self.cells.append(cell)
        return cell

    @cached_property
    def by_identity(self) -> dict[str, Cell]:
        return {cell.identity: cell for cell in self.cells}

    def pixels(self, batch: Batch) -> np.ndarray:
        """The pictures of a batch, (n, c, h, w), float32."""
        return np.stack([self.images.fitted(cell.number, batch.shape) for cell in batch.cells]).astype(np.float32)

    def sources(self, batch: Batch) -> list[str]:
        return [self.images.sources[cell.number] for cell in batch.cells]


def _recipe(spec: RunSpec) -> dict[str, Any]:
    """The recipe without its picture."""
    return {key: value for key, value in spec.as_dict().items() if key not in ("image", "measurement")}


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]
