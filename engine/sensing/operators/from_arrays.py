"""Operators that a measurement file holds as arrays: a matrix, dense or sparse, a kernel, rows of a fast transform, or a scan."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from engine.errors import InputError
from engine.foreign.arrays import checked_matrix
from engine.sensing.operators.base import Operator
from engine.sensing.operators.convolution import ConvolutionOperator
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.operators.scan import make_scan
from engine.sensing.operators.sparse import SparseOperator
from engine.sensing.operators.transform_rows import TransformRows

__all__ = ["ENTRIES", "KINDS", "kind_of", "operator_from", "picture_seen", "scene_of"]

KINDS = {
    "A": "a matrix",
    "kernel": "a kernel",
    "indptr": "a sparse matrix",
    "transform": "rows of a transform",
    "angles": "a scan",
}
"""The entry that each kind of operator is known by."""
ENTRIES = (*KINDS, "sensor", "indices", "data", "index", "levels", "rising", "scale", "spacing", "source", "behind")
TRANSFORMS = ("hadamard", "walsh", "dct", "haar")


def kind_of(pieces: Mapping[str, np.ndarray]) -> str:
    """The entry that holds the operator, empty where none does; InputError where two do."""
    found = [key for key in KINDS if key in pieces]
    if len(found) > 1:
        raise InputError(f"There are both '{found[0]}' and '{found[1]}'; leave the one in that was used.")
    return found[0] if found else ""


def scene_of(pieces: Mapping[str, np.ndarray]) -> tuple[int, int, int] | None:
    """The picture that a cropped camera saw a part of, where y is that part, (height, width) or (3, height, width); None where
    that is not known. Of a scan, the square that is as wide as its detector at the middle."""
    if "angles" in pieces:  # a square with one pixel for each detector
        side = _detectors(pieces)
        return 1, side, side
    kernel, seen = pieces.get("kernel"), picture_seen(pieces)
    if kernel is None or seen is None or kernel.ndim != 2:
        return None
    beyond = (0, 0) if "sensor" in pieces else (kernel.shape[0] - 1, kernel.shape[1] - 1)
    return seen[0], seen[1] + beyond[0], seen[2] + beyond[1]


def picture_seen(pieces: Mapping[str, np.ndarray]) -> tuple[int, int, int] | None:
    """Channels, height and width of y, where what was seen is a picture; None where it is a row of numbers."""
    y = pieces.get("y")
    if y is None or y.ndim not in (2, 3) or min(y.shape[-2:]) < 2 or (y.ndim == 3 and y.shape[0] not in (1, 3)):
        return None
    return (y.shape[0] if y.ndim == 3 else 1), y.shape[-2], y.shape[-1]


def operator_from(pieces: Mapping[str, np.ndarray], shape: tuple[int, int, int]) -> Operator:
    """The operator that the entries hold, for pictures of ``shape``; every fault is an InputError that names the entry."""
    kind, pixels = kind_of(pieces), math.prod(shape)
    if kind == "A":
        matrix = checked_matrix("A", pieces["A"])
        if matrix.shape[1] != pixels:
            raise InputError(
                f"'A' has shape {matrix.shape}; for images of shape {shape} it must have {pixels} columns."
            )
        return DenseOperator(torch.from_numpy(matrix), shape)
    if kind == "kernel":
        kernel = checked_matrix("kernel", pieces["kernel"])
        sensor = _whole("sensor", pieces["sensor"]) if "sensor" in pieces else None
        if sensor is not None and len(sensor) != 2:
            raise InputError("'sensor' must be its height and width in pixels.")
        return ConvolutionOperator(torch.from_numpy(kernel), shape, None if sensor is None else (sensor[0], sensor[1]))
    if kind == "indptr":
        for key in ("indices", "data"):
            if key not in pieces:
                raise InputError(f"A sparse matrix needs 'indptr', 'indices' and 'data'; '{key}' is missing.")
        starts, columns = (np.array(_whole(key, pieces[key])) for key in ("indptr", "indices"))
        if pieces["data"].dtype.kind not in "biuf":
            raise InputError(f"'data' must hold numbers, not {pieces['data'].dtype}.")
        return SparseOperator(starts, columns, pieces["data"].reshape(-1), shape)
    if kind == "angles":
        return _scan(pieces, shape)
    name = str(pieces["transform"].reshape(-1)[0]) if pieces["transform"].size else ""
    if name not in TRANSFORMS:
        raise InputError(f"transform={name[:20]} is not known; give one of {', '.join(TRANSFORMS)}.")
    index = torch.tensor(_whole("index", pieces["index"])) if "index" in pieces else torch.arange(pixels)
    levels, rising = (
        _whole(key, pieces[key])[0] if key in pieces else least for key, least in (("levels", 1), ("rising", 0))
    )
    scale = pieces.get("scale", np.array(1.0)).reshape(-1)
    if scale.dtype.kind not in "iuf" or len(scale) != 1 or not 0 < abs(float(scale[0])) < math.inf:
        raise InputError("'scale' must be one number other than 0.")
    return TransformRows(name, index, shape, float(scale[0]), levels, bool(rising))


def _scan(pieces: Mapping[str, np.ndarray], shape: tuple[int, int, int]) -> Operator:
    angles = pieces["angles"].reshape(-1)
    if angles.dtype.kind not in "iuf" or not np.isfinite(angles).all():
        raise InputError("'angles' must hold numbers, in degrees.")
    lengths = {}
    for key in ("spacing", "source", "behind"):
        value = pieces.get(key, np.array({"spacing": 1.0, "source": math.inf}.get(key, 0.0))).reshape(-1)
        lengths[key] = float(value[0]) if value.size == 1 and value.dtype.kind in "iuf" else math.nan
    spacing, source, behind = lengths.values()
    if not (0 < spacing < math.inf and source > 0 and 0 <= behind < math.inf) or ("source" in pieces) != bool(behind):
        raise InputError(
            "A scan's 'spacing' of detectors must be one number above 0, in pixels; of a fan, so must 'source' and 'behind', how "
            "far source and detector are from the middle."
        )
    return make_scan(np.radians(angles), _detectors(pieces), spacing, shape, source, behind)


def _detectors(pieces: Mapping[str, np.ndarray]) -> int:
    """Rays of one angle, as many as what was seen says."""
    seen, angles = pieces.get("y", pieces.get("lower")), pieces["angles"].size
    if seen is None or not angles or not seen.size or seen.size % angles:
        raise InputError("What was seen of a scan is as many numbers for each of its 'angles'; see to both.")
    return seen.size // angles


def _whole(key: str, array: np.ndarray) -> list[int]:
    """An entry's whole numbers of at least 0."""
    if not array.size or array.dtype.kind not in "biuf" or (array != np.rint(array)).any() or array.min() < 0:
        raise InputError(f"'{key}' must hold whole numbers of at least 0.")
    return [int(n) for n in array.reshape(-1)]
