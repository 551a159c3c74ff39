"""What a measurement file leaves to be inferred beside the picture: gain, dark level and noise, with their errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.sparse.convex_concave import likeliest_gain
from engine.doctor.case import Case, Scored
from engine.errors import EngineError, InputError
from engine.priors.base import DenoiserPrior
from engine.priors.library import priors
from engine.runs.noise import estimate_noise
from engine.sensing.entries import assemble, is_auto
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import Measurement
from engine.sensing.own import instrument_of

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice

__all__ = ["Inferred", "infer", "table"]

WHITE = 0.999
"""Share of the pixels that lie below white: the gain is such that the brightest are."""
METHOD, TURNS, HALF = "plug-and-play steps=10", 3, 0.5
SETTLED = 0.01
"""Share by which another turn has to change the gain."""
LARGEST, SLOW = 512 * 512, 256 * 256
TWO_VALUED = "two-valued"
UNSURE = 0.5
"""Relative error from which a noise level is not known."""
FACTORS = np.geomspace(1 / 64, 4, 13)
"""Noise levels tried for what is no real value, as shares of the deviation of z."""


@dataclass(frozen=True)
class Inferred:
    """A number that was inferred, with its standard error where that is known; ``unit`` is what it counts."""

    name: str
    value: float
    error: float | None
    unit: str = ""

    @property
    def words(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        error = "" if self.error is None else f" +- {self.error:.2g}"
        return f"{self.name} {self.value:.4g}{error}{unit}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table(found: tuple[Inferred, ...]) -> str:
    """All of them in one sentence."""
    return f"Inferred from what was measured: {'; '.join(each.words for each in found)}."


def infer(
    pieces: Mapping[str, np.ndarray], prior: PriorChoice, seed: int
) -> tuple[dict[str, np.ndarray], tuple[Inferred, ...]]:
    """The entries with a number for every ``gain`` and ``dark`` that is auto and for a noise that is not there; and these.

    Noise and dark level of real values are the likeliest under a Gaussian model of pictures; the gain is such that the brightest
    pixels of the picture that ``prior`` finds are white. Raises InputError where one cannot be inferred.
    """
    made, found = dict(pieces), []
    auto = [key for key in ("gain", "dark") if key in pieces and is_auto(pieces[key])]
    if "noise" in pieces and not auto:
        return made, ()
    measurement = assemble(made)
    if measurement.values is None:
        if auto:
            raise InputError(f"'{auto[0]}' is inferred for real values alone; give a number.")
        level, spread = _noise_of_reports(made, measurement, prior, seed)
        made["noise"] = np.array(level)
        return made, (Inferred("noise", level, spread),)
    if not measurement.operator.is_linear:
        raise InputError("Gain, dark level and noise are inferred for linear operators alone; give numbers.")
    unit = str(np.asarray(pieces.get("unit", "")).reshape(-1)[0]) if "unit" in pieces else ""
    case = Case.of(made)
    scored = case.score(infer_noise="noise" not in pieces, dark="dark" in auto)
    gain_given = (
        float(np.abs(np.asarray(made["gain"], np.float64)).mean()) if "gain" in made and "gain" not in auto else 1.0
    )
    if "dark" in auto:
        level, error = (gain_given * n for n in scored.prediction.dark)
        made["dark"] = np.array(level)
        found.append(Inferred("dark level", level, error, unit))
    if "noise" not in pieces:
        told = scored.prediction
        level, error = told.noise, told.noise_error
        if error > UNSURE * level:  # next to nothing is known but that it is not large: then it is taken for that
            level, error = told.most_noise, told.most_noise
        # what errors of a kernel add is at the edges, which a Gaussian model of pictures takes for the scene's
        level, error = gain_given * math.hypot(level, case.model_error), gain_given * error
        made["noise"] = np.array(level)
        found.append(Inferred("noise", level, error, unit))
    if "gain" in auto:
        gain, error = _gain(made, scored, prior, seed)
        made["gain"] = np.array(gain)
        found.append(Inferred("gain", gain, error, unit))
    return made, tuple(found)


def _gain(pieces: dict[str, np.ndarray], scored: Scored, choice: PriorChoice, seed: int) -> tuple[float, float]:
    """In turns, what was measured is reconstructed in the units that the last picture suggests. Its error is found from two
    independent halves of what was measured."""
    seen = assemble(pieces)
    if "offset" in pieces and seen.offset:
        raise InputError("The gain is inferred where A x itself was measured, with no offset; give the gain.")
    gain = float(np.quantile(scored.picture.numpy(), WHITE))
    if not gain > 0:
        raise InputError("The gain cannot be inferred: no bright picture explains the measurements; try 'qcs check'.")
    if choice.name == TWO_VALUED:
        factor, error = likeliest_gain(_in_units(seen, gain))
        return gain * factor, gain * error
    shape = seen.operator.image_shape
    choice = choice if choice.kind == "denoiser" else priors().parse("natural")
    if not choice.takes(shape) or shape[1] * shape[2] > LARGEST:
        return gain, abs(gain - float(scored.picture.max()))
    loaded = choice.load("cpu", shape)
    assert isinstance(loaded, DenoiserPrior)
    change = 1.0
    for _ in range(TURNS):
        change = _brightest(_in_units(seen, gain), loaded, seed)
        gain *= change
        if abs(change - 1) < SETTLED:
            break
    if shape[1] * shape[2] > SLOW:  # two more looks would take longer than the reconstruction
        return gain, gain * max(abs(change - 1), SETTLED)
    held = hold_out(_in_units(seen, gain), HALF, seed)
    halves = [_brightest(part, loaded, seed) for part in (held.fitted, held.judge)]
    return gain, gain * abs(halves[0] - halves[1]) / 2


def _in_units(seen: Measurement, gain: float) -> Measurement:
    assert seen.values is not None
    return replace(seen, values=seen.values / gain, noise=seen.noise / gain)


def _brightest(seen: Measurement, prior: DenoiserPrior, seed: int) -> float:
    last = None
    for last in ALGORITHMS.parse(METHOD).iterates(seen, prior, Draws(seed, (0,), (0,))):
        pass
    assert last is not None and last.mean is not None
    found = float(torch.quantile(last.mean.flatten(), WHITE))
    if not found > 0:
        raise EngineError("The gain cannot be inferred: the picture that was found is black; give the gain.")
    return found


def _noise_of_reports(
    pieces: dict[str, np.ndarray], measurement: Measurement, prior: PriorChoice, seed: int
) -> tuple[float, float | None]:
    """Of cells, clicks and counts: between rounds of message passing where the matrix mixes, else the level with
    which the reports predict each other best."""
    operator = measurement.operator
    if instrument_of(pieces).operator.random_like or not operator.is_linear:
        denoiser = prior if prior.kind == "denoiser" else priors().parse("gaussian")
        level = estimate_noise(measurement, denoiser.load("cpu", operator.image_shape), seed)  # type: ignore[arg-type]
        return level, None
    case = Case.of(pieces)
    deviation = float(case.responses.of(case.pieces, measurement, 64).gram.diagonal().mean()) ** 0.5
    levels = deviation * FACTORS
    totals = np.array([case.score(noise=float(level)).prediction.log_prob.sum() for level in levels])
    weights = np.exp(totals - totals.max())
    logs = np.log(levels)
    mean = float((weights * logs).sum() / weights.sum())
    spread = float(np.sqrt((weights * (logs - mean) ** 2).sum() / weights.sum() + (logs[1] - logs[0]) ** 2 / 12))
    return float(np.exp(mean)), float(np.exp(mean)) * spread
