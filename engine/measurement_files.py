"""Measurements on disk: ``.npz`` files that this program or anybody's ten-line script writes.

Keys: ``y`` (codes 0 .. cells - 1, or real values without ``thresholds``) or ``lower`` and ``upper`` (cell edges);
``A`` (rows, pixels) or ``operator`` (JSON: {"recipe": "gaussian measurements=200", "seed": 0}); ``noise``, ``shape``
(channels, height, width); optional ``offset``, ``thresholds``.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import InputError
from engine.files import write_atomically
from engine.measurements import Measurement
from engine.operators import OPERATORS, Operator
from engine.operators.dense import DenseOperator
from engine.quantizers import Quantizer
from engine.spec import RunSpec, check_noise

__all__ = ["load_measurement", "read_arrays", "save_measurement"]

KEYS = ("y", "lower", "upper", "A", "operator", "noise", "shape", "offset", "thresholds")
LARGEST_ARRAYS = 1 << 30
LARGEST_RATIO = 200


def save_measurement(path: Path | str, measurement: Measurement, spec: RunSpec) -> Path:
    """Writes the first image's measurement with the recipe of its operator, atomically. The truth is not in it."""
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"'{path}': a measurement file must end in .npz.")
    seen = measurement.values if measurement.values is not None else measurement.codes
    assert seen is not None and measurement.quantizer is not None
    arrays: dict[str, Any] = {
        "y": seen[0].numpy(),
        "operator": np.array(json.dumps({"recipe": str(spec.operator), "seed": spec.seed})),
        "noise": np.array(measurement.noise),
        "shape": np.array(measurement.operator.image_shape),
        "offset": np.array(measurement.offset),
    }
    if measurement.quantizer.thresholds is not None:
        arrays["thresholds"] = measurement.quantizer.thresholds.numpy()
    if not path.parent.is_dir():
        raise InputError(f"The folder '{path.parent}' does not exist; create it or choose another place.")

    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    return write_atomically(path, save)


def read_arrays(path: Path | str) -> dict[str, np.ndarray]:
    """The arrays of an npz file, never unpickled and never larger than 1 GB; unknown keys are refused."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [e.filename.removesuffix(".npy") for e in entries]
            unknown = [n for n in names if n not in KEYS]
            if unknown:
                raise InputError(f"'{path.name}' has an unknown entry '{unknown[0][:40]}' (known: {', '.join(KEYS)}).")
            total = sum(e.file_size for e in entries)
            if total > LARGEST_ARRAYS or any(
                e.file_size > 1 << 20 and e.file_size > LARGEST_RATIO * e.compress_size for e in entries
            ):
                raise InputError(
                    f"'{path.name}' unpacks to {total / 1e6:,.0f} MB from far less; that is not a measurement."
                )
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
            if not all(isinstance(a, np.ndarray) for a in arrays.values()):
                raise ValueError("an entry is not an array")
            return arrays
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"'{path}' does not exist; check the name.") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError, RuntimeError) as error:
        hint = (
            "it holds Python objects, which are never opened"
            if "pickle" in str(error).lower()
            else "it is not an .npz file or is damaged"
        )
        raise InputError(f"'{path.name}' cannot be read: {hint}.") from None


def load_measurement(path: Path | str) -> Measurement:
    """Reads and checks a measurement file; every fault is an InputError that names the key."""
    arrays = read_arrays(path)
    for key in ("noise", "shape"):
        if key not in arrays:
            raise InputError(f"'{Path(path).name}' has no '{key}'; add it (see the README on own measurements).")
    shape = _shape(arrays["shape"])
    noise = check_noise(arrays["noise"].reshape(-1)[0] if arrays["noise"].size == 1 else math.nan)
    offset = float(_numbers("offset", arrays.get("offset", np.zeros(1))).reshape(-1)[0])
    operator = _operator(arrays, shape)

    if "y" in arrays:
        y = _row("y", arrays["y"], operator.rows)
        if "thresholds" not in arrays:
            return Measurement(
                operator, noise, values=torch.from_numpy(y.astype(np.float32)), quantizer=Quantizer(None), offset=offset
            )
        quantizer = Quantizer(torch.from_numpy(_numbers("thresholds", arrays["thresholds"]).reshape(-1)))
        cells = len(quantizer.thresholds) + 1  # type: ignore[arg-type]
        if (y != np.rint(y)).any() or y.min() < 0 or y.max() >= cells:
            raise InputError(f"'y' must hold codes from 0 to {cells - 1} for {cells - 1} thresholds.")
        codes = torch.from_numpy(y.astype(np.int64))
        lower, upper = quantizer.cells(codes)
        return Measurement(operator, noise, lower=lower, upper=upper, codes=codes, quantizer=quantizer, offset=offset)
    if "lower" in arrays and "upper" in arrays:
        lower_, upper_ = (_row(k, arrays[k], operator.rows, infinite=True) for k in ("lower", "upper"))
        if not (lower_ < upper_).all():
            raise InputError("Every 'lower' edge must be below its 'upper' edge.")
        return Measurement(
            operator, noise, lower=torch.from_numpy(lower_), upper=torch.from_numpy(upper_), offset=offset
        )
    raise InputError(f"'{Path(path).name}' has neither 'y' nor 'lower' and 'upper'; add what was measured.")


def _operator(arrays: dict[str, np.ndarray], shape: tuple[int, int, int]) -> Operator:
    if "A" in arrays:
        matrix = _numbers("A", arrays["A"])
        pixels = math.prod(shape)
        if matrix.ndim != 2 or matrix.shape[1] != pixels or matrix.shape[0] < 1:
            raise InputError(
                f"'A' has shape {matrix.shape}; for images of shape {shape} it must have {pixels} columns."
            )
        if not matrix.any():
            raise InputError("'A' is all zero: it measures nothing; give the sensing matrix.")
        return DenseOperator(torch.from_numpy(matrix.astype(np.float32)), shape)
    if "operator" not in arrays:
        raise InputError("The file has neither 'A' nor 'operator'; add the sensing matrix or its recipe.")
    try:
        facts = json.loads(str(arrays["operator"]))
        recipe, seed = str(facts["recipe"]), int(facts["seed"])
    except (ValueError, KeyError, TypeError):
        raise InputError("'operator' must be JSON with 'recipe' and 'seed'.") from None
    return OPERATORS.parse(recipe).build(shape, seed)


def _numbers(key: str, array: np.ndarray, infinite: bool = False) -> np.ndarray:
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise InputError(f"'{key}' must hold numbers, not {array.dtype}.")
    array = array.astype(np.float64)
    if np.isnan(array).any() or (not infinite and np.isinf(array).any()):
        raise InputError(f"'{key}' has entries that are not finite numbers; remove them.")
    return array


def _row(key: str, array: np.ndarray, rows: int, infinite: bool = False) -> np.ndarray:
    numbers = _numbers(key, array, infinite).reshape(1, -1)
    if numbers.shape[1] != rows:
        raise InputError(f"'{key}' has {numbers.shape[1]} entries but the operator has {rows} rows.")
    return numbers


def _shape(array: np.ndarray) -> tuple[int, int, int]:
    numbers = _numbers("shape", array).reshape(-1)
    if len(numbers) == 2:
        numbers = np.concatenate([[1], numbers])
    if len(numbers) != 3 or (numbers != np.rint(numbers)).any() or (numbers < 1).any() or numbers.prod() > 1e8:
        raise InputError("'shape' must be (channels, height, width) of the image, whole numbers of at least 1.")
    return tuple(int(n) for n in numbers)  # type: ignore[return-value]
