"""The gain of an instrument, such that the brightest pixels of the picture that is found are white, and its error."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.sparse.convex_concave import likeliest_gain
from engine.doctor.case import Scored
from engine.doctor.response import MEAN
from engine.errors import EngineError, InputError
from engine.priors.base import DenoiserPrior
from engine.priors.library import priors
from engine.seeds import generator
from engine.sensing.entries import assemble
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import Measurement
from engine.sensing.quantizers.photons import PhotonDetector

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice

__all__ = ["TWO_VALUED", "gain_of_photons", "gain_of_values"]

WHITE = 0.999
"""Share of the pixels that lie below white: the gain is such that the brightest are."""
METHOD, TURNS, PHOTON_TURNS, HALF = "plug-and-play steps=10", 3, 4, 0.5
SETTLED = 0.01
"""Share by which another turn has to change the gain."""
TO_COME = 2.0
"""Of the last turn's change, what further ones would still bring."""
LOST = 0.1
"""Share of the gain of photons that highlights of a few pixels, which no reconstruction has, may be worth. On three photographs
of 96 x 96 pixels, one and 16 frames of clicks, the gain came out 1 to 20 % low, within 1.6 of the errors that are told."""
LARGEST, SLOW = 512 * 512, 256 * 256
TWO_VALUED = "two-valued"


def gain_of_values(
    pieces: dict[str, np.ndarray], scored: Scored, choice: PriorChoice, seed: int
) -> tuple[float, float]:
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


def gain_of_photons(pieces: dict[str, np.ndarray], choice: PriorChoice, seed: int) -> tuple[float, float]:
    """The same for clicks and counts, which are not divided by it: photons of a white pixel in all frames.

    A prior takes noise off, and with it some of the light of what is small and bright. How much is seen where the picture that
    was found is measured and found once more, and comes off the gain; its error has that, what further turns would still change,
    and LOST beside the difference of the halves.
    """
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

    change, picture = 1.0, torch.ones(1, *shape)
    for _ in range(PHOTON_TURNS):
        picture = _picture(assemble(pieces | {"gain": np.array(gain)}), loaded, seed)
        change = _white(picture)
        gain *= change
    measured = assemble(pieces | {"gain": np.array(gain)})
    held = hold_out(measured, HALF, seed)
    halves = [_brightest(part, loaded, seed) for part in (held.fitted, held.judge)]
    detector = measured.quantizer
    assert isinstance(detector, PhotonDetector)
    known = (picture / change).clamp(0, 1)
    again = detector.detect(measured.operator.forward(known)[0], generator(seed, "gain")).double().numpy()
    kept = _brightest(assemble(pieces | {"gain": np.array(gain), "y": again}), loaded, seed) / _white(known)
    gain /= kept
    systematic = abs(1 - kept) + TO_COME * abs(1 - change)
    return gain, gain * math.hypot(abs(halves[0] - halves[1]) / 2, systematic, LOST)


def _in_units(seen: Measurement, gain: float) -> Measurement:
    assert seen.values is not None
    return replace(seen, values=seen.values / gain, noise=seen.noise / gain)


def _brightest(seen: Measurement, prior: DenoiserPrior, seed: int) -> float:
    return _white(_picture(seen, prior, seed))


def _picture(seen: Measurement, prior: DenoiserPrior, seed: int) -> torch.Tensor:
    last = None
    for last in ALGORITHMS.parse(METHOD).iterates(seen, prior, Draws(seed, (0,), (0,))):
        pass
    assert last is not None and last.mean is not None
    return last.mean


def _white(picture: torch.Tensor) -> float:
    found = float(torch.quantile(picture.flatten(), WHITE))
    if not found > 0:
        raise EngineError("The gain cannot be inferred: the picture that was found is black; give the gain.")
    return found
