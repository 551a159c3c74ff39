"""From the entries of a measurement file to a measurement: what each has to be, and what goes together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from engine.errors import InputError
from engine.foreign.arrays import checked_matrix
from engine.foreign.json_text import parsed_json
from engine.sensing.measurement import Measurement
from engine.sensing.operators import OPERATORS, Operator, OperatorChoice
from engine.sensing.operators.from_arrays import kind_of, operator_from, picture_seen, scene_of
from engine.sensing.operators.weighted_rows import weighted
from engine.sensing.quantizers import Quantizer
from engine.sensing.quantizers.dithered import KINDS, UnknownDither
from engine.sensing.quantizers.photons import PhotonDetector
from engine.settings import NOISE, SEED, whole

__all__ = [
    "assemble",
    "holds_bits",
    "is_auto",
    "number_of",
    "pictured",
    "recipe_of",
    "units_of",
]

LARGEST_PIXELS = 1e8


def holds_bits(y: np.ndarray) -> bool:
    """Whether y is one bit each, as it stands: true and false, -1 and 1, or 0 and 1."""
    if y.dtype.kind == "b":
        return True
    return y.dtype.kind in "iuf" and (bool((np.abs(y) == 1).all()) or bool(np.isin(y, (0, 1)).all() and y.any()))


def _refuse_contradictions(pieces: dict[str, np.ndarray]) -> None:
    """InputError where two entries say the same thing, of which one would have to be believed."""
    edges = [key for key in ("lower", "upper") if key in pieces]
    others = [key for key in ("y", "thresholds", "flip", "dither") if key in pieces]
    if edges and others:
        raise InputError(
            f"There are both '{others[0]}' and '{edges[0]}': cells are given by their edges 'lower' and 'upper' alone, or as "
            "'y'; leave one out."
        )
    if "A" in pieces and "operator" in pieces:
        raise InputError("There are both 'A' and 'operator', two sensing matrices; leave one out.")


def assemble(pieces: dict[str, np.ndarray]) -> Measurement:
    """A measurement from the entries of a file; every fault is an InputError that names the entry."""
    _refuse_contradictions(pieces)
    shape = pictured(pieces)
    operator = _operator(pieces, shape)
    more: dict[str, Any] = {"offset": number_of("offset", pieces, 0.0)}
    noise, each = 0.0, None
    if "noise" in pieces:
        noise, each = _noise(pieces["noise"], operator.rows)
    else:
        more["noise_known"] = False
    if "y" in pieces:
        y = _row("y", pieces["y"], operator.rows)
        of_cells = next((k for k in ("flip", "shift") if k in pieces and (k == "shift" or is_auto(pieces[k]))), None)
        if "photons" in pieces:
            _refuse_cells(of_cells, "photons")
            _refuse_each(each)
            return Measurement.from_codes(operator, noise, *_photons(pieces, operator.rows, y), **more)
        signs = holds_bits(pieces["y"])
        if "thresholds" not in pieces and not signs:
            _refuse_cells(of_cells, "real values")
            gain, dark = units_of(pieces, operator.rows)
            with np.errstate(over="ignore"):
                values = torch.from_numpy(((y - dark) / gain).astype(np.float32))
            if not torch.isfinite(values).all():
                raise InputError("'y' has entries beyond 3e38; measure in other units.")
            if each is None and len(gain) > 1 and "noise" in pieces:
                each = np.full(operator.rows, noise)
            if each is not None:
                noise, operator, weights = _evened(operator, each / np.abs(gain))
                values = values * weights.to(values)
            else:
                noise = noise / abs(float(gain[0]))
            more["unit"] = float(np.abs(gain).mean())
            return Measurement(operator, noise, values=values, quantizer=Quantizer(None), **more)
        if "gain" in pieces or "dark" in pieces:
            raise InputError(
                "'gain' and 'dark' are of real values or photons; of cells, give the thresholds in units of A x."
            )
        _refuse_each(each)
        quantizer = _quantizer(pieces, operator.rows, y)
        if signs and (quantizer.cells == 2 or "thresholds" not in pieces):
            y = (y > 0).astype(np.float64)
        if (y != np.rint(y)).any() or y.min() < 0 or y.max() >= quantizer.cells:
            cells = quantizer.cells
            raise InputError(f"'y' must hold codes from 0 to {cells - 1} for {cells - 1} thresholds.")
        return Measurement.from_codes(operator, noise, quantizer, torch.from_numpy(y.astype(np.int64)), **more)
    if "lower" in pieces and "upper" in pieces:
        shift = _shift(pieces)
        lower, upper = (_row(k, pieces[k], operator.rows, infinite=True) + shift for k in ("lower", "upper"))
        if not (lower < upper).all():
            raise InputError("Every 'lower' edge must be below its 'upper' edge.")
        if each is not None:
            noise, operator, weights = _evened(operator, each)
            lower, upper = lower * weights.numpy(), upper * weights.numpy()
        return Measurement.from_cells(operator, noise, torch.from_numpy(lower), torch.from_numpy(upper), **more)
    raise InputError("There is neither 'y' nor 'lower' and 'upper'; add what was measured.")


def units_of(pieces: dict[str, np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Gain and dark level of real values or photons, each (1,) or (rows,): 1 and 0 where they are missing or yet to be
    inferred."""
    found = []
    for key, default in (("gain", 1.0), ("dark", 0.0)):
        numbers = (
            np.full(1, default) if key not in pieces or is_auto(pieces[key]) else _numbers(key, pieces[key]).reshape(-1)
        )
        if len(numbers) not in (1, rows):
            raise InputError(f"'gain' and 'dark' must be one number, or one for each of the {rows} rows.")
        found.append(numbers)
    if (found[0] == 0).any():
        raise InputError("'gain' is 0, which measures nothing; give another, or auto.")
    return found[0], found[1]


def _shift(pieces: dict[str, np.ndarray]) -> float:
    """How much higher all thresholds lie than the entries say; 0 where that is yet to be inferred."""
    return 0.0 if "shift" in pieces and is_auto(pieces["shift"]) else number_of("shift", pieces, 0.0)


def is_auto(entry: Any) -> bool:
    """Whether an entry is the text auto: to be inferred."""
    entry = np.asarray(entry)
    return entry.dtype.kind in "US" and entry.size == 1 and str(entry.reshape(-1)[0]).strip() == "auto"


def _noise(entry: np.ndarray, rows: int) -> tuple[float, np.ndarray | None]:
    """The noise of all measurements, or that of each (rows,)."""
    numbers = _numbers("noise", entry).reshape(-1)
    if len(numbers) == 1:
        return NOISE.check("noise", float(numbers[0])), None
    if len(numbers) != rows:
        raise InputError(f"'noise' must be one number, or one for each of the {rows} rows, not {len(numbers)}.")
    if not (numbers > 0).all():
        raise InputError("'noise' of each measurement must be above 0.")
    return float(np.exp(np.log(numbers).mean())), numbers


def _evened(operator: Operator, noise: np.ndarray) -> tuple[float, Operator, torch.Tensor]:
    """The noise that all measurements have once each is multiplied by a weight, the operator that does so, and the weights:
    w y = w A x + w n says the same as y = A x + n."""
    typical = float(np.exp(np.log(noise).mean()))
    weights = torch.from_numpy(typical / noise)
    return typical, weighted(operator, weights), weights


def _refuse_cells(key: str | None, seen: str) -> None:
    if key is not None:
        what = "probability of a wrong bit" if key == "flip" else "threshold that could be shifted"
        raise InputError(f"'{key}' is of bits and codes, but y holds {seen}, which have no {what}; leave it out.")


def _refuse_each(each: np.ndarray | None) -> None:
    if each is not None:
        raise InputError(
            "'noise' of each measurement goes with real values or with 'lower' and 'upper'; give one number."
        )


def _quantizer(pieces: dict[str, np.ndarray], rows: int, y: np.ndarray) -> Quantizer:
    """Thresholds common to all rows, or one line of them per row; zero where only signs were given."""
    thresholds = _numbers("thresholds", pieces.get("thresholds", np.zeros(1)))
    per_row = thresholds.ndim == 2 and thresholds.shape[0] == rows and rows > 1
    if not per_row and thresholds.size == rows > 1 and y.max() <= 1:
        thresholds, per_row = thresholds.reshape(rows, 1), True
    thresholds = thresholds + _shift(pieces)
    made = torch.from_numpy(np.ascontiguousarray(thresholds if per_row else thresholds.reshape(-1)))
    if "dither" in pieces:
        kind = str(pieces["dither"]).strip("[]'\" ")
        if kind not in KINDS:
            raise InputError(f"dither={kind[:20]} is not known; give one of {', '.join(KINDS)}.")
        width = number_of("dither_width", pieces, math.nan)
        if not width > 0 or made.shape[-1] != 1:
            raise InputError("'dither' needs one bit and a 'dither_width' above 0.")
        return UnknownDither(made, kind, width, made[..., 0])
    flip = 0.0 if "flip" in pieces and is_auto(pieces["flip"]) else number_of("flip", pieces, 0.0)
    if not 0 <= flip < 0.5:
        raise InputError(f"flip={flip:g} is not valid: a bit-flip probability is at least 0 and below 0.5.")
    return Quantizer(made, flip=flip)


def _photons(pieces: dict[str, np.ndarray], rows: int, y: np.ndarray) -> tuple[Quantizer, torch.Tensor]:
    """The detector of photons that a file describes, and its reports."""
    facts = parsed_json(str(pieces["photons"].reshape(-1)[0]))
    if not isinstance(facts, dict) or set(facts) - {"kind", "frames", "typical", "read", "full"}:
        raise InputError("'photons' must be JSON with 'kind', 'frames', 'typical', 'read' or 'full'.")
    kind, frames = facts.get("kind"), whole("frames", facts.get("frames", 1), 1, 2**31)
    numbers = {key: facts.get(key, default) for key, default in (("read", 0.0), ("full", math.inf), ("typical", 0.0))}
    if kind not in ("clicks", "counts") or not all(isinstance(v, int | float) for v in numbers.values()):
        raise InputError("'photons' needs kind 'clicks' or 'counts', and numbers for all else.")
    clicks, read, full = kind == "clicks", float(numbers["read"]), float(numbers["full"])
    if read < 0 or not full > 0 or (clicks and (read or full < math.inf)) or (read and full < math.inf):
        raise InputError("'photons' of kind counts has 'read' or 'full', above 0; clicks have neither.")
    gain, dark = units_of(pieces, rows)
    if not read and ((y != np.rint(y)).any() or y.min() < 0):
        raise InputError("'y' must hold whole numbers of photons; give 'read' where reading them out added noise.")
    if clicks and y.max() > frames:
        raise InputError(f"'y' counts {y.max():g} clicks in {frames} frames; give the number of frames.")
    typical = numbers["typical"] or max(float(y.mean()), 0.5 / y.size)
    gains, darks = (torch.from_numpy(t) if len(t) > 1 else float(t[0]) for t in (gain, dark))
    made = PhotonDetector(gains, darks, typical, frames, clicks, read, full)
    return made, torch.from_numpy(y if read else y.astype(np.int64))


def recipe_of(entry: np.ndarray) -> tuple[OperatorChoice, int]:
    """The operator's choice and seed in the entry ``operator``."""
    try:
        facts = parsed_json(str(entry.reshape(-1)[0]))
        recipe, seed = str(facts["recipe"]), SEED.check("seed", facts["seed"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError("'operator' must be JSON with 'recipe' and 'seed'.") from None
    choice = OPERATORS.parse(recipe)
    if any(setting.files and getattr(choice, key) for key, setting in choice.settings().items()):
        raise InputError(
            "The recipe of a measurement file must not name another file; put the matrix itself in as 'A'."
        )
    return choice, seed


def _operator(pieces: dict[str, np.ndarray], shape: tuple[int, int, int]) -> Operator:
    if kind_of(pieces):
        return operator_from(pieces, shape)
    if "operator" not in pieces:
        raise InputError("There is neither 'A' nor 'operator' nor 'kernel'; add the sensing matrix or its recipe.")
    choice, seed = recipe_of(pieces["operator"])
    return choice.build(shape, seed)


def _numbers(key: str, array: np.ndarray, infinite: bool = False) -> np.ndarray:
    if array.size == 0:
        raise InputError(f"'{key}' is empty; give its numbers.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"'{key}' must hold numbers, not {array.dtype}.")
    array = array.astype(np.float64)
    if np.isnan(array).any() or (not infinite and np.isinf(array).any()):
        raise InputError(f"'{key}' has entries that are not finite numbers; remove them.")
    return array


def number_of(key: str, pieces: dict[str, np.ndarray], default: Any) -> Any:
    """The one number of an entry, or the default where it is missing."""
    if key not in pieces:
        return default
    numbers = _numbers(key, pieces[key]).reshape(-1)
    if len(numbers) != 1:
        raise InputError(f"'{key}' must be one number, not {len(numbers)}.")
    return float(numbers[0])


def _row(key: str, array: np.ndarray, rows: int, infinite: bool = False) -> np.ndarray:
    numbers = _numbers(key, array, infinite).reshape(1, -1)
    if numbers.shape[1] != rows:
        raise InputError(f"'{key}' has {numbers.shape[1]} entries but the operator has {rows} rows.")
    return numbers


def pictured(pieces: dict[str, np.ndarray]) -> tuple[int, int, int]:
    """The shape (channels, height, width) of the picture that was measured; a square grey one where only the number of
    columns of A tells."""
    if "shape" not in pieces:
        scene = scene_of(pieces)
        if scene is not None:
            return scene
        columns = checked_matrix("A", pieces["A"]).shape[1] if "A" in pieces else 0
        side = math.isqrt(columns)
        if picture_seen(pieces) is not None and not kind_of(pieces) and "operator" not in pieces:
            raise InputError(
                "What was seen is a picture, but not what the camera did; add an operator, such as a blur with the picture of "
                "its kernel: 'blur kernel=image file=kernel.png border=cropped'."
            )
        if not columns or side * side != columns:
            raise InputError("There is no 'shape'; add (height, width) or (channels, height, width) of the image.")
        return 1, side, side
    numbers = _numbers("shape", pieces["shape"]).reshape(-1)
    if len(numbers) == 2:
        numbers = np.concatenate([[1], numbers])
    if (
        len(numbers) != 3
        or (numbers != np.rint(numbers)).any()
        or (numbers < 1).any()
        or numbers.prod() > LARGEST_PIXELS
    ):
        raise InputError("'shape' must be (channels, height, width) of the image, whole numbers of at least 1.")
    return tuple(int(n) for n in numbers)  # type: ignore[return-value]
