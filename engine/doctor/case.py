"""A measurement file as the doctor sees it: its entries, and how well each measurement is predicted by the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.doctor.leave_one_out import Prediction, predict_channel, predict_values
from engine.doctor.response import EXPONENTS, MEAN, Response, some_rows
from engine.errors import InputError
from engine.sensing.channels import CellChannel, Channel
from engine.sensing.entries import assemble
from engine.sensing.measurement import Measurement
from engine.sensing.operators.from_arrays import ENTRIES

__all__ = ["Case", "Responses", "Scored"]

MOST_VALUES, MOST_REPORTS = 800, 320
"""Rows that are looked at: of real values, and of anything else, where each look takes many turns."""
WINDOW = 28
"""Side of the part of a camera's picture that is looked at where the kernel is small."""
MOST_KEPT = 3
"""Responses that are kept: they are large."""
BEYOND = 4.0
"""Deviations of the noise beyond which a report is impossible."""
INSTRUMENT = (*ENTRIES, "operator", "shape")


class Responses:
    """The responses of instruments that were met, by their entries, with the ``exponent`` of the spectrum in force."""

    def __init__(self) -> None:
        self.exponent = EXPONENTS[0]
        self._kept: dict[tuple, tuple[Any, Response]] = {}

    def of(self, pieces: Mapping[str, Any], measurement: Measurement, most: int) -> Response:
        entries = [pieces.get(key) for key in INSTRUMENT]
        key = (*map(id, entries), most, measurement.operator.rows, self.exponent)
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)  # the newest is last
        else:
            self._kept = dict(list(self._kept.items())[1 - MOST_KEPT :])
            rows = some_rows(measurement.operator, most)
            self._kept[key] = entries, Response(measurement.operator, rows, self.exponent)
        return self._kept[key][1]


@dataclass(frozen=True)
class Scored:
    """How well the rows are predicted, with the numbers (rows,) of the file's entries that they are."""

    prediction: Prediction
    places: Tensor
    response: Response

    @property
    def bits(self) -> float:
        """Mean gain over chance."""
        return float((self.prediction.log_prob - self.prediction.chance).mean()) / np.log(2)

    @property
    def total(self) -> float:
        """Mean log density of what was seen, in bits."""
        return float(self.prediction.log_prob.mean()) / np.log(2)

    def gain_over(self, other: Scored) -> tuple[float, float]:
        """Mean of the log densities above another's, in bits of a measurement, and its standard error."""
        mine, theirs = self.prediction.log_prob, other.prediction.log_prob
        orders = [s.places.argsort() for s in (self, other)]
        if len(mine) == len(theirs) and torch.equal(self.places[orders[0]], other.places[orders[1]]):
            difference = mine[orders[0]] - theirs[orders[1]]
            return _bits(difference.mean(), difference.std() / len(difference) ** 0.5)
        error = (mine.var() / len(mine) + theirs.var() / len(theirs)) ** 0.5
        return _bits(mine.mean() - theirs.mean(), error)

    @cached_property
    def picture(self) -> Tensor:
        """The mean picture about 0, (channels, height, width) of blocks of pixels, in the units of the file."""
        return self.response.picture(self.prediction.weights)


def _bits(gain: Tensor, error: Tensor) -> tuple[float, float]:
    return float(gain) / np.log(2), float(error) / np.log(2)


KERNEL_ERROR = 0.02
"""Share of what a camera saw that errors of its measured kernel are taken for. Where the noise is inferred, they are part of it:
eight photographs with measured kernels are the sharpest, within 0.3 dB, at 1.5 to 3 %, and ring at a tenth of it."""


@dataclass(frozen=True)
class Case:
    """Entries of a measurement file; ``places`` (as y) are the numbers of the original file's measurements, which a mend may
    have put in another order."""

    pieces: dict[str, np.ndarray]
    places: np.ndarray
    responses: Responses
    window: int = WINDOW

    @classmethod
    def of(cls, pieces: Mapping[str, np.ndarray]) -> Case:
        """A file, or the part of it that is looked at: of a camera with a small kernel, the middle of its picture."""
        seen = pieces.get("y", pieces.get("lower"))
        if seen is None:
            raise InputError("There is neither 'y' nor 'lower' and 'upper'; add what was measured.")
        return cls(dict(pieces), np.arange(seen.size).reshape(seen.shape), Responses())

    def with_entries(self, order: np.ndarray | None = None, **entries: Any) -> Case:
        """The same with other entries (None takes one out), then with what was seen in another order: an array of numbers of its
        entries in the shape that it then has."""
        pieces = {k: v for k, v in (self.pieces | entries).items() if v is not None}
        if order is None:
            return replace(self, pieces=pieces)
        for key in ("y", "lower", "upper"):
            if key in pieces:
                pieces[key] = pieces[key].reshape(-1)[order]
        return replace(self, pieces=pieces, places=self.places.reshape(-1)[order])

    @cached_property
    def measurement(self) -> Measurement:
        """What the entries say; InputError where they do not fit together."""
        return assemble(self._looked_at[0])

    @cached_property
    def _looked_at(self) -> tuple[dict[str, Any], np.ndarray]:
        """Entries and places of the part that is looked at."""
        pieces, places = dict(self.pieces), self.places
        kernel, y = pieces.get("kernel"), pieces.get("y")
        if kernel is None or y is None or y.ndim != 2 or "sensor" in pieces or max(kernel.shape) > WINDOW:
            return pieces, places
        part = tuple(slice((n - min(n, self.window)) // 2, (n + min(n, self.window)) // 2) for n in y.shape)
        for key in ("noise", "gain", "dark"):
            if key in pieces and pieces[key].size == y.size > 1:
                pieces[key] = pieces[key].reshape(y.shape)[part]
        pieces["y"] = y[part]
        pieces.pop("shape", None)
        if pieces["y"].size == y.size:
            pieces |= {k: v for k, v in self.pieces.items() if k == "shape"}
        return pieces, places[part]

    @property
    def rows(self) -> int:
        """Measurements of the file."""
        return self.places.size

    @property
    def model_error(self) -> float:
        """Deviation of real values from what the operator says of the scene, in the units of A x: a kernel was measured too."""
        values = self.measurement.values
        return (
            0.0
            if "kernel" not in self.pieces or values is None
            else KERNEL_ERROR * float(values.square().mean().sqrt())
        )

    @cached_property
    def impossible(self) -> float | None:
        """Share of the reports that no picture between black and white gives, whatever the others are; None where there are no
        cells, where rows have entries of both signs, or where some reports are known to be swapped."""
        measurement = self.measurement
        channel, operator = measurement.channel, measurement.operator
        if not isinstance(channel, CellChannel) or channel.flip or not operator.non_negative:
            return None
        white = operator.forward(torch.ones(1, *operator.image_shape))
        darkest, brightest = (white * (pixel - measurement.offset) for pixel in (0.0, 1.0))
        slack = BEYOND * measurement.noise
        beyond = (channel.lower > brightest + slack) | (channel.upper < darkest - slack)
        return float(beyond.double().mean())

    @property
    def is_part(self) -> bool:
        return self._looked_at[1].size < self.places.size

    def choose_exponent(self) -> None:
        """Takes the fall of the spectrum that suits the file best, for it and all that is derived from it."""
        found = {}
        for exponent in EXPONENTS:
            self.responses.exponent = exponent
            found[exponent] = self.score().total
        self.responses.exponent = max(found, key=lambda e: found[e])

    @cached_property
    def scored(self) -> Scored:
        return self.score()

    def score(
        self, noise: float | None = None, infer_noise: bool = False, dark: bool = False, channel: Channel | None = None
    ) -> Scored:
        """How well each measurement is predicted by the others, with the noise of the file, another one, or one inferred; with
        ``dark``, a constant of any size in all real values is inferred; with a ``channel``, reports are taken as that says."""
        measurement = self.measurement
        values = measurement.values
        most = MOST_REPORTS if values is None else MOST_VALUES
        response = self.responses.of(self.pieces, measurement, most)
        rows = response.rows
        places = torch.from_numpy(self._looked_at[1].reshape(-1).copy())[rows]
        level = measurement.noise if noise is None else noise
        if values is not None:
            known = None if infer_noise or not (measurement.noise_known or noise) else level
            return Scored(predict_values(response, values[0, rows].double(), known, None, dark), places, response)
        return Scored(self._reports(response, level, channel=channel), places, response)

    def _reports(
        self, response: Response, noise: float, contrast: float = 1.0, channel: Channel | None = None
    ) -> Prediction:
        measurement, rows = self.measurement, response.rows
        channel = channel or measurement.channel
        assert channel is not None
        count = measurement.operator.rows
        some = channel.take(lambda t: t[..., rows] if t.shape[-1:] == (count,) else t)
        mean = response.white * (MEAN - measurement.offset)
        return predict_channel(response, some, noise, mean, contrast)
