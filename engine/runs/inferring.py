"""What a measurement file leaves to be inferred beside the picture, with their errors: gain, dark level and noise, the shift of
thresholds, the probability of a wrong bit and the width of a blur."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.doctor.case import Case
from engine.errors import InputError
from engine.priors.base import DenoiserPrior
from engine.priors.library import priors
from engine.runs.blur_width import settle_blur
from engine.runs.gain import TWO_VALUED, gain_of_photons, gain_of_values
from engine.runs.inferred import Inferred
from engine.runs.noise import estimate_noise
from engine.runs.reports import by_leaving_out, by_messages
from engine.sensing.channels import CellChannel
from engine.sensing.entries import assemble, is_auto
from engine.sensing.measurement import Measurement
from engine.sensing.own import UNITS, instrument_of
from engine.sensing.quantizers.photons import PhotonDetector

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice

__all__ = ["infer"]

UNSURE = 0.5
"""Relative error from which a noise level is not known."""
EVIDENCE = "likeliest under a Gaussian model of pictures"
BRIGHTEST = "brightest pixels of the picture are white"
TWO_LEVELS = "two grey levels explain what was measured best"
PREDICTED = "measurements predict each other best"
MESSAGES = "likeliest in message passing with the prior"
NAMES = {"noise": "noise", "flip": "probability of a wrong bit", "shift": "shift of thresholds"}
MOST_UNSURE: dict[str, Callable[[float, float], float]] = {
    "noise": lambda value, scale: 2 * value + 0.1 * scale,
    "flip": lambda value, scale: 0.15,
    "shift": lambda value, scale: 0.5 * scale,
}
"""Standard errors from which a parameter of a quantizer is not known; ``scale`` is the deviation of A x."""
FACTORS = np.geomspace(1 / 64, 4, 13)
"""Noise levels tried for what is no real value, as shares of the deviation of z."""


def infer(
    pieces: Mapping[str, np.ndarray], prior: PriorChoice, seed: int
) -> tuple[dict[str, np.ndarray], tuple[Inferred, ...]]:
    """The entries with a number for all that is auto, and for a noise that is not there; and these numbers.

    Noise and dark level of real values are the likeliest under a Gaussian model of pictures; the gain is such that the brightest
    pixels of the picture that ``prior`` finds are white. Of bits and codes, see ``reports.py``; of blurs, ``blur_width.py``.
    Raises InputError where one cannot be inferred.
    """
    made, first = settle_blur(pieces)
    found = list(first)
    auto = [key for key in UNITS if key in made and is_auto(made[key])]
    if "noise" in made and not auto:
        return made, tuple(found)
    measurement = assemble(made)
    if measurement.values is None:
        if auto == ["gain"] and isinstance(measurement.quantizer, PhotonDetector):
            gain, error = gain_of_photons(made, prior, seed)
            made["gain"] = np.array(gain)
            found.append(Inferred("gain", gain, error, "photons", BRIGHTEST))
            auto = []
            if "noise" in made:
                return made, tuple(found)
            measurement = assemble(made)
        if auto and set(auto) & {"gain", "dark"}:
            raise InputError(f"'{auto[0]}' is inferred for real values alone; give a number.")
        found += _of_reports(made, measurement, tuple(auto), prior, seed)
        return made, tuple(found)
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
        found.append(Inferred("dark level", level, error, unit, EVIDENCE))
    if "noise" not in pieces:
        told = scored.prediction
        level, error = told.noise, told.noise_error
        if error > UNSURE * level:  # next to nothing is known but that it is not large: then it is taken for that
            level, error = told.most_noise, told.most_noise
        # what errors of a kernel add is at the edges, which a Gaussian model of pictures takes for the scene's
        level, error = gain_given * math.hypot(level, case.model_error), gain_given * error
        made["noise"] = np.array(level)
        found.append(Inferred("noise", level, error, unit, EVIDENCE))
    if "gain" in auto:
        gain, error = gain_of_values(made, scored, prior, seed)
        made["gain"] = np.array(gain)
        found.append(Inferred("gain", gain, error, unit, TWO_LEVELS if prior.name == TWO_VALUED else BRIGHTEST))
    return made, tuple(found)


def _of_reports(
    pieces: dict[str, np.ndarray], measurement: Measurement, auto: tuple[str, ...], prior: PriorChoice, seed: int
) -> list[Inferred]:
    """Of cells, clicks and counts: between rounds of message passing where the matrix mixes, else what makes the reports predict
    each other best. Puts the numbers into ``pieces``."""
    operator = measurement.operator
    unknown = (*(() if "noise" in pieces else ("noise",)), *auto)
    if auto:
        _refuse_untold(measurement, auto)
    mixes = instrument_of(pieces).operator.random_like or not operator.is_linear
    if mixes:
        denoiser = prior if prior.kind == "denoiser" else priors().parse("gaussian")
        loaded = denoiser.load("cpu", operator.image_shape)
        assert isinstance(loaded, DenoiserPrior)
        if not auto:
            level, spread = estimate_noise(measurement, loaded, seed), None
            pieces["noise"] = np.array(level)
            return [Inferred("noise", level, spread, "", f"{MESSAGES} {denoiser.name}")]
        if operator.gram_eigenbasis() is None:
            raise InputError(f"'{auto[0]}' cannot be inferred through this matrix, which is too large; give a number.")
        estimates, source = by_messages(measurement, loaded, unknown, seed), f"{MESSAGES} {denoiser.name}"
    elif not auto:
        level, spread = _noise_of_reports(pieces, measurement)
        pieces["noise"] = np.array(level)
        return [Inferred("noise", level, spread, "", PREDICTED)]
    else:
        estimates, source = by_leaving_out(pieces, measurement, unknown), PREDICTED
    found = []
    for key, estimate in estimates.items():
        if not estimate.error < MOST_UNSURE[key](estimate.value, estimate.scale):
            raise InputError(
                f"'{key}' cannot be inferred: other values explain what was measured as well; give a number."
            )
        pieces[key] = np.array(estimate.value)
        found.append(Inferred(NAMES[key], estimate.value, estimate.error, "", source))
    return found


def _refuse_untold(measurement: Measurement, auto: tuple[str, ...]) -> None:
    """InputError where a shift or a probability of wrong bits cannot be told from something else."""
    channel = measurement.channel
    if type(channel) is not CellChannel:
        raise InputError(f"'{auto[0]}' is inferred for bits and codes whose thresholds were recorded; give a number.")
    if "flip" in auto and (measurement.quantizer is None or measurement.quantizer.cells != 2):
        raise InputError("A probability of wrong bits goes with one bit only; leave 'flip' out.")
    if "shift" in auto and measurement.operator.non_negative:
        raise InputError(
            "A shift of all thresholds cannot be told from a darker picture where nothing but light is measured; give a number."
        )


def _noise_of_reports(pieces: dict[str, np.ndarray], measurement: Measurement) -> tuple[float, float]:
    """The level with which the reports predict each other best."""
    case = Case.of(pieces)
    deviation = float(case.responses.of(case.pieces, measurement, 64).gram.diagonal().mean()) ** 0.5
    levels = deviation * FACTORS
    totals = np.array([case.score(noise=float(level)).prediction.log_prob.sum() for level in levels])
    weights = np.exp(totals - totals.max())
    logs = np.log(levels)
    mean = float((weights * logs).sum() / weights.sum())
    spread = float(np.sqrt((weights * (logs - mean) ** 2).sum() / weights.sum() + (logs[1] - logs[0]) ** 2 / 12))
    return float(np.exp(mean)), float(np.exp(mean)) * spread
