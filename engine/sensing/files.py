"""Measurements on disk: files that this program or anybody's ten-line script writes, in NumPy's or MATLAB's format.

Entries: ``y`` (signs, codes 0 .. cells - 1, or real values without ``thresholds``) or ``lower`` and ``upper`` (cell
edges); ``A`` (rows, pixels) or ``operator`` (JSON: {"recipe": "gaussian measurements=200", "seed": 0}), or what
``operators/from_arrays.py`` reads: ``kernel`` (with ``sensor``), a sparse matrix, rows of a fast ``transform``, or the ``angles``
of a scan (degrees; with the ``spacing`` of detectors, ``source`` and ``behind``, in pixels); optional ``shape`` ([channels,]
height, width), ``noise`` (one number or one per row; estimated where it is missing), ``offset``,
``gain`` and ``dark`` (one number or one per row): real values are y = gain A (x - offset) + dark + n, n with the deviation
``noise``;
``unit`` (text) names what y counts; ``thresholds`` (common to all rows, or one line per row), all of them ``shift`` higher, and
``flip``, the probability of a wrong bit; the text "auto" in the place of gain, dark, shift or flip has them inferred with the
picture, and so has width=auto in the recipe of a blur; ``dither`` with ``dither_width`` (thresholds that were not recorded); or
``photons`` (JSON: {"kind": "clicks", "frames": 16, "typical": 1.5}, or "kind": "counts" with "read" or "full") with ``gain`` and
``dark``, one number or one per row: y counts photons of the rate gain z + dark, in all frames together.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import InputError
from engine.foreign.arrays import read_arrays, read_vector, save_arrays
from engine.images import SUFFIXES, is_stack, load_image, plain_channels, read_stack
from engine.images.bundled import MEASUREMENT, sample_path
from engine.sensing.entries import assemble
from engine.sensing.measurement import Measurement
from engine.sensing.operators import Operator, OperatorChoice
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.operators.from_arrays import ENTRIES
from engine.sensing.quantizers.dithered import UnknownDither
from engine.sensing.quantizers.photons import PhotonDetector
from engine.sensing.structs import from_structs

__all__ = [
    "KEYS",
    "STACKS",
    "load_measurement",
    "pieces_of",
    "read_pieces",
    "save_measurement",
    "save_pieces",
]

STACKS = ("auto", "clicks", "counts", "sum", "mean")
"""What the frames of a TIFF file of several are: single-photon clicks or photon counts, added up; or pictures, of which the
sum of their numbers is taken, or the mean, black 0 to white 1. ``auto`` takes frames of two numbers for clicks."""
KEYS = (
    "y", "lower", "upper", *ENTRIES, "operator", "noise", "shape", "offset", "thresholds", "shift", "flip", "dither",
    "dither_width", "photons", "gain", "dark", "unit",
)  # fmt: skip


# -- writing -----------------------------------------------------------------------------------------------------------


def save_measurement(path: Path | str, measurement: Measurement, choice: OperatorChoice, seed: int) -> Path:
    """Writes the first image's measurement with its operator, atomically. The truth is not in it."""
    return save_pieces(path, pieces_of(measurement, choice, seed))


def pieces_of(
    measurement: Measurement, choice: OperatorChoice, seed: int, largest_matrix: int = 1 << 31
) -> dict[str, Any]:
    """The entries of the first image's measurement: the operator as its recipe (``choice`` built with ``seed``), or as the
    matrix where the recipe names a file, unless that has more than ``largest_matrix`` entries."""
    seen = measurement.values if measurement.values is not None else measurement.codes
    quantizer = measurement.quantizer
    assert seen is not None and quantizer is not None
    arrays: dict[str, Any] = {
        "y": seen[0].cpu().numpy(),
        "noise": np.array(measurement.noise),
        "shape": np.array(measurement.operator.image_shape),
        "offset": np.array(measurement.offset),
    }
    if any(setting.files and getattr(choice, key) for key, setting in choice.settings().items()):
        # a recipe that names a file is worth nothing elsewhere
        if measurement.operator.rows * measurement.operator.pixels <= largest_matrix:
            arrays["A"] = _numbers_of(measurement.operator)
    else:
        arrays["operator"] = np.array(json.dumps({"recipe": str(choice), "seed": seed}))
    if isinstance(quantizer, UnknownDither):
        centre = quantizer.centre.numpy().reshape(-1)
        arrays |= {"dither": np.array(quantizer.kind), "dither_width": np.array(quantizer.width)}
        arrays["thresholds"] = centre[:, None] if len(centre) > 1 else centre
    elif isinstance(quantizer, PhotonDetector):
        facts = {
            "kind": "clicks" if quantizer.clicks else "counts",
            "frames": quantizer.frames,
            "typical": quantizer.typical,
        }
        facts |= {"read": quantizer.read} if quantizer.read else {}
        facts |= {"full": int(quantizer.full)} if math.isfinite(quantizer.full) else {}
        arrays |= {
            "photons": np.array(json.dumps(facts)),
            "gain": quantizer.gain.numpy(),
            "dark": quantizer.dark.numpy(),
        }
    elif quantizer.thresholds is not None:
        arrays["thresholds"] = quantizer.thresholds.numpy()
    if quantizer.flip:
        arrays["flip"] = np.array(quantizer.flip)
    return arrays


def save_pieces(path: Path | str, arrays: dict[str, Any]) -> Path:
    """Writes the entries of a measurement file as .npz, atomically."""
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"'{path}': a measurement file must end in .npz.")
    if not path.parent.is_dir():
        raise InputError(f"The folder '{path.parent}' does not exist; create it or choose another place.")
    return save_arrays(path, arrays)


def _numbers_of(operator: Operator) -> np.ndarray:
    """The operator's matrix, (rows, pixels), from what it does to single measurements."""
    if isinstance(operator, DenseOperator):
        return operator.matrix.cpu().numpy()
    if operator.rows * operator.pixels > 1 << 28:
        raise InputError(
            "This operator is too large to be written as a matrix; choose one without a file in its settings."
        )
    rows = [operator.adjoint(part).flatten(1) for part in torch.eye(operator.rows).split(256)]
    return torch.cat(rows).numpy()


# -- reading -----------------------------------------------------------------------------------------------------------


def read_pieces(path: Path | str, stack: str = STACKS[0]) -> dict[str, np.ndarray]:
    """The entries of a measurement file (.npz or .mat), or y alone from .npy or .csv, or from a picture that a camera took, as
    (height, width) or (3, height, width) of black 0 to white 1; unknown entries are refused. ``stack`` is one of STACKS and says
    what the frames of a TIFF file of several are. A path may be the name of a sample, ``sample:NAME``."""
    path = sample_path(str(path), MEASUREMENT) or path
    if is_stack(path, asked=stack != STACKS[0]):
        return _of_stack(Path(path), stack)
    if stack != STACKS[0]:
        raise InputError(f"'{Path(path).name}' is no TIFF file of several frames; leave out what its frames are.")
    ending = Path(path).suffix.lower()
    if ending in (".npy", ".csv", ".txt"):
        return {"y": read_vector(path)}
    if ending in SUFFIXES:
        seen = load_image(path).pixels
        return {"y": (seen if plain_channels(seen) == 3 else seen.mean(0)).astype(np.float64)}
    arrays = from_structs(read_arrays(path))
    unknown = [n for n in arrays if n not in KEYS]
    if unknown and "." in unknown[0]:
        struct = unknown[0].split(".")[0][:40]
        raise InputError(
            f"'{Path(path).name}': '{struct}' is a struct that says nothing known; save plain arrays of numbers."
        )
    if unknown:
        raise InputError(f"'{Path(path).name}' has an unknown entry '{unknown[0][:40]}' (known: {', '.join(KEYS)}).")
    return arrays


def _of_stack(path: Path, stack: str) -> dict[str, np.ndarray]:
    if stack not in STACKS:
        raise InputError(f"stack={stack[:20]} is not valid: give one of {', '.join(STACKS)}.")
    found = read_stack(path)
    if stack == "auto":
        if not found.clicks:
            raise InputError(
                f"'{path.name}' holds {found.frames} frames; say whether they are single-photon clicks, photon counts to be "
                "added, or pictures of which the sum or the mean is taken: stack=clicks, counts, sum or mean."
            )
        stack = "clicks"
    # nothing is known of the light, and photons bring their own noise
    light = {"gain": np.array("auto"), "noise": np.array(0.0)}
    if stack == "clicks":
        if not found.clicks:
            raise InputError(f"'{path.name}' is no stack of clicks: its frames hold more than 0 and one other number.")
        facts = {"kind": "clicks", "frames": found.frames}
        return {"y": np.rint(found.total / found.largest), "photons": np.array(json.dumps(facts))} | light
    if stack == "counts":
        return {"y": found.total, "photons": np.array(json.dumps({"kind": "counts", "frames": found.frames}))} | light
    if stack == "sum":
        return {"y": found.total, "unit": np.array("counts")}
    return {"y": found.total / (found.frames * found.full)}


def load_measurement(path: Path | str) -> Measurement:
    """Reads and checks a measurement file; every fault is an InputError that names the entry."""
    return assemble(read_pieces(path))
