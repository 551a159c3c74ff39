"""What a measurement file does not say, said by its owner: the matrix, the shape, the noise, the meaning of y."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import InputError
from engine.foreign.arrays import read_matrix
from engine.sensing.quantizers.thresholds import Thresholds

if TYPE_CHECKING:
    from engine.sensing.measurement import Measurement

__all__ = ["MEANINGS", "Completion", "describe_measurement"]

MEANINGS = ("as the file says", "signs", "real values", "codes")


@dataclass(frozen=True)
class Completion:
    """Additions to the entries of a measurement file; empty fields leave what the file says.

    ``matrix`` names a file with A, ``recipe`` an operator with its ``seed``; ``shape`` is (channels, height, width) or
    (height, width); ``meaning`` of y is one of MEANINGS, ``thresholds`` go with codes; ``noise`` is a number, or None to
    keep the file's; ``estimate_noise`` throws the file's away.
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

    @property
    def is_empty(self) -> bool:
        return self == Completion()

    def apply(self, pieces: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The completed entries, which ``assemble`` then checks."""
        out: dict[str, Any] = dict(pieces)
        if self.matrix:
            out["A"] = read_matrix(self.matrix)
        elif self.recipe:
            out.pop("A", None)
            out["operator"] = np.array(json.dumps({"recipe": self.recipe, "seed": self.seed}))
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
        return out


def describe_measurement(measurement: Measurement) -> str:
    """One line for the window: rows, bits, shape, noise."""
    operator, quantizer = measurement.operator, measurement.quantizer
    channels, height, width = operator.image_shape
    kind = "real values" if measurement.is_linear else "cells of their own" if quantizer is None else quantizer.words
    noise = f"noise {measurement.noise:.3g}" if measurement.noise_known else "noise to be estimated"
    colour = "colour" if channels == 3 else "grey" if channels == 1 else f"{channels} channels"
    return f"{operator.rows:,} measurements, {kind}, of a {width} x {height} {colour} picture; {noise}"
