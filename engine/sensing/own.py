"""What a measurement file does not say, said by its owner: the matrix, the shape, the noise, the meaning of y."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import InputError
from engine.foreign.arrays import read_matrix
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.base import LARGEST_EIGENBASIS, OperatorChoice
from engine.sensing.operators.blur import Blur
from engine.sensing.operators.neighbours import holds_neighbours
from engine.sensing.quantizers.base import QuantizerChoice
from engine.sensing.quantizers.thresholds import Thresholds
from engine.settings import flag, integer

if TYPE_CHECKING:
    from engine.sensing.measurement import Measurement

__all__ = ["MEANINGS", "UNITS", "Completion", "Instrument", "describe_measurement", "instrument_of"]

UNITS = ("gain", "dark", "shift", "flip")
"""Entries of which each takes a number, or auto to be inferred."""
MEANINGS = ("as the file says", "signs", "real values", "codes")


@dataclass(frozen=True)
class Instrument:
    """What pictures are measured by, as far as it decides which methods go together with it."""

    operator: OperatorChoice
    quantizer: QuantizerChoice
    noise: float | None = None
    offset: float | None = None
    photons: bool = False
    """Whether a file counts them; a quantizer that was chosen says so itself."""


@dataclass(frozen=True)
class OwnMatrix(OperatorChoice):
    """A sensing matrix, kernel or transform that a measurement file holds."""

    name = "matrix"
    label = "Matrix in the file"

    rows: int = integer(1, "Rows", "Measurements.", low=1, high=1 << 31)
    dense: bool = flag(
        True, "Matrix", "Whether it is a matrix of numbers, which can be decomposed where it is not too large."
    )
    orthogonal: bool = flag(False, "Orthogonal rows", "Whether no row overlaps another, as with rows of a transform.")
    mixes: bool = flag(
        True, "Mixes pixels", "Whether its rows have both signs, as random ones do; masks and light have not."
    )

    neighbours: bool = flag(False, "Neighbours", "Whether each row sees neighbouring pixels alone.")

    @property
    def random_like(self) -> bool:
        return self.mixes

    @property
    def sees_neighbours(self) -> bool:
        return self.neighbours

    @property
    def has_eigenbasis(self) -> bool:
        return self.orthogonal or (self.dense and self.rows <= LARGEST_EIGENBASIS)

    @property
    def orthogonal_rows(self) -> bool:
        return self.orthogonal

    @property
    def offset_helps(self) -> bool:
        return self.mixes

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return self.rows

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        if not self.dense:
            return 64 * (math.prod(image_shape) + self.rows)
        return self.rows * (12 * math.prod(image_shape) + 24 * self.rows)


@dataclass(frozen=True)
class AsReported(QuantizerChoice):
    """What a measurement file holds of each measurement: real values, or cells that it knows itself."""

    name = "as-reported"
    label = "As the file says"

    bits: int | None = integer(
        None, "Bits", "Bits of one measurement; auto for real values.", unit="bit", low=1, high=64
    )

    @property
    def bits_per_measurement(self) -> int | None:
        return self.bits


def instrument_of(pieces: dict[str, np.ndarray]) -> Instrument:
    """What the entries of a measurement file say about the instrument; InputError where the recipe is none."""
    from engine.sensing.entries import holds_bits, number_of, pictured, recipe_of
    from engine.sensing.operators.from_arrays import kind_of

    offset = number_of("offset", pieces, None)
    each = np.asarray(pieces["noise"]) if "noise" in pieces else np.zeros(1)
    noise = float(np.median(each)) if each.size > 1 and each.dtype.kind in "iuf" else number_of("noise", pieces, None)
    if "y" in pieces:
        bits = 1 if holds_bits(pieces["y"]) or "thresholds" in pieces else None
        if "thresholds" in pieces and not holds_bits(pieces["y"]):
            bits = max(1, math.ceil(math.log2(max(2, np.asarray(pieces["y"]).max(initial=0) + 1))))
    else:
        bits = 1
    if "photons" in pieces and bits is None:
        bits = max(1, math.ceil(math.log2(max(2, np.asarray(pieces["y"]).max(initial=0) + 1))))
    kind = kind_of(pieces)
    if not kind and "operator" in pieces:
        return Instrument(recipe_of(pieces["operator"])[0], AsReported(bits), noise, offset, "photons" in pieces)
    matrix = pieces.get("A")
    seen = next((pieces[key] for key in ("y", "lower") if key in pieces), np.zeros(1))
    rows = len(matrix) if matrix is not None and matrix.ndim == 2 else seen.size
    light = matrix is not None and matrix.dtype.kind in "biuf" and bool((matrix >= 0).all())
    mixes = kind in ("", "A") and not light
    near = False
    if kind:
        with suppress(InputError):  # who assembles the measurement says what is wrong
            near = holds_neighbours(kind, pieces, pictured(pieces))
    own = OwnMatrix(max(1, rows), dense=kind in ("", "A"), orthogonal=kind == "transform", mixes=mixes, neighbours=near)
    return Instrument(own, AsReported(bits), noise, offset, "photons" in pieces)


@dataclass(frozen=True)
class Completion:
    """Additions to the entries of a measurement file; empty fields leave what the file says.

    ``matrix`` names a file with A, ``recipe`` an operator with its ``seed``; ``shape`` is (channels, height, width) or
    (height, width); ``meaning`` of y is one of MEANINGS, ``thresholds`` go with codes; ``noise`` is a number, or None to
    keep the file's; ``estimate_noise`` throws the file's away; ``gain``, ``dark``, ``shift`` and
    ``flip`` are numbers or auto, as text; ``stack`` says what the
    frames of a TIFF file are (STACKS in ``files.py``).
    """

    matrix: str = ""
    recipe: str = ""
    seed: int = 0
    shape: tuple[int, ...] = ()
    meaning: str = MEANINGS[0]
    thresholds: str = ""
    noise: float | None = None
    estimate_noise: bool = False
    offset: float | None = None
    gain: str = ""
    dark: str = ""
    shift: str = ""
    flip: str = ""
    stack: str = "auto"

    @property
    def is_empty(self) -> bool:
        return self == Completion()

    def _entries(self, choice: OperatorChoice, pieces: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a recipe adds to the entries: itself, or the kernel of a camera, since a file that it names may move."""
        from engine.sensing.operators.from_arrays import picture_seen

        seen = picture_seen(pieces)
        names_file = any(setting.files and getattr(choice, key) for key, setting in choice.settings().items())
        is_open = isinstance(choice, Blur) and choice.is_open
        if not isinstance(choice, Blur) or is_open or (choice.border == "periodic" and not names_file):
            known = seen is not None and "shape" not in pieces and not self.shape
            shape = {"shape": np.array(seen)} if known and not is_open else {}
            return shape | {"operator": np.array(json.dumps({"recipe": self.recipe, "seed": self.seed}))}
        if choice.border == "periodic":
            raise InputError(
                "A camera's picture does not repeat itself at the border; add border=cropped, where the scene goes on beyond the "
                "frame, or border=dark, where nothing lies beyond it."
            )
        kernel = choice.small_kernel()
        return {"kernel": kernel} | ({"sensor": np.array(seen[1:])} if choice.border == "dark" and seen else {})

    def apply(self, pieces: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The completed entries, which ``assemble`` then checks."""
        out: dict[str, Any] = dict(pieces)
        if self.matrix:
            out["A"] = read_matrix(self.matrix)
            out.pop("operator", None)
        elif self.recipe:
            for key in ("A", "kernel", "sensor"):
                out.pop(key, None)
            out |= self._entries(OPERATORS.parse(self.recipe), out)
        if self.shape:
            out["shape"] = np.array(self.shape)
        if self.meaning == "real values":
            out.pop("thresholds", None)
            # exact bits would be taken for bits; the smallest change of one value says that they are values
            if "y" in out and out["y"].dtype.kind in "biuf" and np.isin(np.abs(out["y"]), (0, 1)).all():
                out["y"] = out["y"].astype(np.float64) * (1 + 1e-12)
        elif self.meaning == "signs" and "y" in out:
            if out["y"].dtype.kind not in "biuf":
                raise InputError(f"'y' must hold numbers, not {out['y'].dtype}.")
            out["y"] = np.where(np.asarray(out["y"], float) > 0, 1, -1)
            out.pop("thresholds", None)
        elif self.meaning == "codes":
            out["thresholds"] = np.array(Thresholds(values=self.thresholds).numbers())
        if self.estimate_noise:
            out.pop("noise", None)
        elif self.noise is not None:
            out["noise"] = np.array(self.noise)
        if self.offset is not None:
            out["offset"] = np.array(self.offset)
        for key in UNITS:
            written = str(getattr(self, key)).strip()
            if written == "auto":
                out[key] = np.array("auto")
            elif written:
                try:
                    out[key] = np.array(float(written))
                except ValueError:
                    raise InputError(f"{key}={written[:20]} is not valid: give a number, or auto.") from None
        return out


def describe_measurement(measurement: Measurement) -> str:
    """One line for the window: rows, bits, shape, noise."""
    operator, quantizer = measurement.operator, measurement.quantizer
    channels, height, width = operator.image_shape
    kind = "real values" if measurement.is_linear else "cells of their own" if quantizer is None else quantizer.words
    noise = f"noise {measurement.noise:.3g}" if measurement.noise_known else "noise to be estimated"
    colour = "colour" if channels == 3 else "grey" if channels == 1 else f"{channels} channels"
    return f"{operator.rows:,} measurements, {kind}, of a {width} x {height} {colour} picture; {noise}"
