"""The width of a Gaussian blur, found in the spectrum of what a camera saw."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize

from engine.errors import InputError
from engine.runs.inferred import Inferred
from engine.sensing.entries import holds_bits, pictured, recipe_of
from engine.sensing.operators.blur import Blur
from engine.sensing.operators.from_arrays import kind_of, picture_seen

__all__ = ["blur_width", "settle_blur"]

SPECTRUM = "spectrum of what was seen"

WIDTHS, FINER = np.geomspace(0.3, 12, 19), 17
"""Tried at first, and how many between the neighbours of the best then."""
DOUBT = 2.0
"""Factor of what rings differ from the model by, since they do so together. With it the truth lay within two standard errors in
26 of 28 trials (three photographs of 128 x 128 and a portrait of 64 x 64, widths of 1.5 and 3,
noise of 0.3 and 3 %, cropped or periodic), at 2.9 once."""
FALL, FALL_SPREAD = 2.7, 0.3
"""Exponent of the fall of natural pictures' power with frequency, and how far it differs between them."""
FEWEST, LOWEST, RINGS = 24, 3.0, 48
"""Pixels of a side; frequencies left out, in periods of a picture; rings of frequencies."""
UNSURE = 0.5
UNTOLD = (
    "The width of the blur cannot be inferred: it is too narrow, or noise hides what it took away; give width=NUMBER."
)


def blur_width(seen: np.ndarray, blur: Blur, noise: float | None) -> tuple[float, float]:
    """Standard deviation in pixels of the Gaussian kernel through which the picture ``seen`` (channels, height, width) was taken,
    and its standard error.

    The likeliest under a power law for the spectrum of the scene and white noise of the deviation ``noise``, or of any, of mean
    powers in rings of frequencies (Whittle, 1953), each of which the model is taken to miss by as much as it misses them on
    average. Raises InputError where the spectrum does not tell.
    """
    height, width = seen.shape[-2:]
    if min(height, width) < FEWEST:
        raise InputError(
            f"The width of a blur cannot be inferred from {width} x {height} pixels: {FEWEST} each way are needed; give a number."
        )
    power, radius, weight = _rings(seen, blur.border != "periodic")
    floor = None if noise is None else math.log(max(noise, 1e-6) ** 2)

    def misfit(at: np.ndarray, transfer: np.ndarray) -> float:
        level = floor if floor is not None else at[2]
        model = np.exp(np.clip(at[0] - at[1] * np.log(radius), -80, 80)) * transfer + math.exp(min(max(level, -80), 80))
        ratio = power / model
        fall = 0.5 * ((at[1] - FALL) / FALL_SPREAD) ** 2
        return float((weight * (ratio - np.log(ratio) - 1)).sum()) + fall

    start = np.array([math.log(power[0]) + FALL * math.log(radius[0]), FALL, math.log(power[-1] / 2)])
    start = start[: 2 if floor is not None else 3]

    def fitted(widths: np.ndarray, start: np.ndarray) -> list:
        found: list = []
        for w in widths:
            transfer = np.exp(-((2 * math.pi * radius * w) ** 2))
            tries = [start] + ([found[-1].x] if found else [])
            fits = (minimize(misfit, t, (transfer,), "Nelder-Mead", options={"maxiter": 300}) for t in tries)
            found.append(min(fits, key=lambda r: r.fun))
        return found

    found = fitted(WIDTHS, start)
    misfits = np.array([r.fun for r in found])
    k = int(misfits.argmin())
    # what is left of the best fit is what a power law does not say
    spread = DOUBT * max(1.0, 2 * float(misfits.min()) / max(len(radius) - 4, 1))
    if min(misfits[0], misfits[-1]) - misfits[k] < spread:
        raise InputError(UNTOLD)
    widths = np.geomspace(WIDTHS[max(k - 2, 0)], WIDTHS[min(k + 2, len(WIDTHS) - 1)], FINER)
    misfits = np.array([r.fun for r in fitted(widths, found[k].x)])
    chance = np.exp(-(misfits - misfits.min()) / spread)
    logs = np.log(widths)
    mean = float((chance * logs).sum() / chance.sum())
    error = float(np.sqrt((chance * (logs - mean) ** 2).sum() / chance.sum() + (logs[1] - logs[0]) ** 2 / 12))
    if error > UNSURE:
        raise InputError(UNTOLD)
    return math.exp(mean), math.exp(mean) * error


def _rings(seen: np.ndarray, windowed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each ring: mean power in units of a pixel's variance, frequency (1 / pixels), half the number of independent values."""
    height, width = seen.shape[-2:]
    picture = seen.reshape(-1, height, width).astype(np.float64)
    window = (
        np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]) if windowed else np.ones((height, width))
    )
    window /= math.sqrt(float(np.square(window).mean()))
    centred = (picture - (picture * window).mean((1, 2), keepdims=True) / window.mean()) * window
    power = np.square(np.abs(np.fft.fft2(centred))).mean(0) / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    edges = np.geomspace(LOWEST / min(height, width), 0.5, RINGS)
    ring = np.digitize(radius, edges) - 1
    keep = [k for k in range(RINGS - 1) if (ring == k).any()]
    counts = np.array([(ring == k).sum() for k in keep])
    means = np.array([power[ring == k].mean() for k in keep])
    middle = np.array([np.exp(np.log(radius[ring == k]).mean()) for k in keep])
    share = 1 / 2.25 if windowed else 1.0
    return means, middle, counts / 2 * share


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
