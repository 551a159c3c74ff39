"""What a measurement file leaves to be inferred beside the picture, with their errors: gain, dark level and noise, the shift of
thresholds, the probability of a wrong bit and the width of a blur."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.sparse.convex_concave import likeliest_gain
from engine.doctor.case import Case, Scored
from engine.doctor.response import MEAN
from engine.errors import EngineError, InputError
from engine.priors.base import DenoiserPrior
from engine.priors.library import priors
from engine.runs.blur_width import blur_width
from engine.runs.inferred import Inferred
from engine.runs.noise import estimate_noise
from engine.runs.reports import by_leaving_out, by_messages
from engine.sensing.channels import CellChannel
from engine.sensing.entries import assemble, holds_bits, is_auto, pictured, recipe_of
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import Measurement
from engine.sensing.operators.blur import Blur
from engine.sensing.operators.from_arrays import kind_of, picture_seen
from engine.sensing.own import UNITS, instrument_of
from engine.sensing.quantizers.photons import PhotonDetector

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice

__all__ = ["infer", "settle_blur"]

WHITE = 0.999
"""Share of the pixels that lie below white: the gain is such that the brightest are."""
METHOD, TURNS, PHOTON_TURNS, HALF = "plug-and-play steps=10", 3, 4, 0.5
SETTLED = 0.01
"""Share by which another turn has to change the gain."""
LARGEST, SLOW = 512 * 512, 256 * 256
TWO_VALUED = "two-valued"
UNSURE = 0.5
"""Relative error from which a noise level is not known."""
EVIDENCE = "likeliest under a Gaussian model of pictures"
BRIGHTEST = "brightest pixels of the picture are white"
PREDICTED = "measurements predict each other best"
MESSAGES = "likeliest in message passing with the prior"
SPECTRUM = "spectrum of what was seen"
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
    pixels of the picture that ``prior`` finds are white. Of bits and codes, see ``reports.py``; of blurs, :func:`settle_blur`.
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
            gain, error = _gain_of_photons(made, prior, seed)
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
        gain, error = _gain(made, scored, prior, seed)
        made["gain"] = np.array(gain)
        found.append(Inferred("gain", gain, error, unit, BRIGHTEST))
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


def _gain_of_photons(pieces: dict[str, np.ndarray], choice: PriorChoice, seed: int) -> tuple[float, float]:
    """The same for clicks and counts, which are not divided by it: photons of a white pixel in all frames."""
    seen = assemble(pieces)
    shape = seen.operator.image_shape
    choice = choice if choice.kind == "denoiser" else priors().parse("natural")
    if not choice.takes(shape) or shape[1] * shape[2] > LARGEST or seen.offset:
        raise InputError(
            "The gain of photons is inferred for pictures of up to 262,144 pixels that the prior takes; give the gain."
        )
    loaded = choice.load("cpu", shape)
    assert isinstance(loaded, DenoiserPrior)
    # at first the mean is taken for that of usual pictures
    white = float(seen.operator.forward(torch.ones(1, *shape)).mean())
    assert seen.channel is not None
    rate = float(seen.channel.decoded()[0].mean())
    if not white > 0 or not rate > 0:
        raise InputError(
            "The gain cannot be inferred: no light was seen, or the operator measures none; give the gain."
        )
    gain = rate / (MEAN * white)

    def brightest(gain: float, part: int | None = None) -> float:
        measured = assemble(pieces | {"gain": np.array(gain)})
        if part is not None:
            held = hold_out(measured, HALF, seed)
            measured = held.judge if part else held.fitted
        return _brightest(measured, loaded, seed)

    for _ in range(PHOTON_TURNS):
        gain *= brightest(gain)
    return gain, gain * abs(brightest(gain, 0) - brightest(gain, 1)) / 2


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


def settle_blur(pieces: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[Inferred, ...]]:
    """The entries with the kernel in the place of a blur whose width is auto, found in the spectrum of what a camera saw."""
    made = dict(pieces)
    choice, seed = recipe_of(made["operator"]) if "operator" in made and not kind_of(made) else (None, 0)
    if not isinstance(choice, Blur) or not choice.is_open:
        return made, ()
    if "y" not in made or "thresholds" in made or "photons" in made or holds_bits(made["y"]):
        raise InputError("The width of a blur is inferred for real values alone; give width=NUMBER.")
    seen = _as_picture(made, choice)
    noise = float(np.median(np.asarray(made["noise"], np.float64))) if "noise" in made else None
    width, error = blur_width(seen, choice, noise)
    choice = choice.replace(width=width)
    if choice.border == "periodic":
        made["operator"] = np.array(json.dumps({"recipe": str(choice), "seed": seed}))
    else:
        del made["operator"]
        made["kernel"] = choice.small_kernel()
        made["y"] = seen if len(seen) > 1 else seen[0]
        if choice.border == "dark":
            made["sensor"] = np.array(seen.shape[1:])
        else:
            made.pop("shape", None)  # as large as the kernel has it
    return made, (Inferred("width of the blur", width, error, "px", SPECTRUM),)


def _as_picture(pieces: Mapping[str, np.ndarray], blur: Blur) -> np.ndarray:
    """What was seen, (channels, height, width)."""
    y = np.asarray(pieces["y"])
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        raise InputError("'y' must hold finite numbers.")
    sheet = picture_seen(pieces)
    if sheet is None and "shape" in pieces:
        channels, height, width = pictured(dict(pieces))
        beyond = range(0, min(height, width), 2) if blur.border == "cropped" else (0,)
        sheet = next(
            ((channels, height - b, width - b) for b in beyond if channels * (height - b) * (width - b) == y.size), None
        )
    if sheet is None:
        raise InputError(
            "The width of a blur is inferred from a picture: 'y' must be (height, width) or (3, height, width)."
        )
    return y.astype(np.float64).reshape(sheet)


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
