"""MATLAB files up to v7, read by SciPy behind a wall: its reader crashes on some damaged ones."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io.matlab import MatReadError, loadmat, whosmat

from engine.errors import InputError
from engine.foreign.arrays import most_unpacked
from engine.foreign.wall import Answer

__all__ = ["read_mat"]

ODD = ("cell", "object", "function", "opaque", "unknown")
DEEPEST, MOST_FIELDS = 8, 4096


def read_mat(path: Path) -> Answer:
    """The named arrays of a file, those of structs as "struct.field"; what else structs hold than numbers and text, such as
    lists of cells, is left out. Runs behind the wall, so that what goes wrong unforeseen may end the process."""
    try:
        listed = whosmat(str(path), verify_compressed_data_integrity=False)  # that would unpack all of it
        total = sum(8 * math.prod(shape) for _, shape, _ in listed)
        if total > most_unpacked(path.stat().st_size):
            raise InputError(
                f"'{path.name}' unpacks to {total / 1e6:,.0f} MB from far less; that is not a measurement."
            )
        kinds = {name: kind for name, _, kind in listed}
        odd = next((name for name, kind in kinds.items() if kind in ODD), None)
        if odd is not None:
            raise InputError(f"'{path.name}': '{odd[:40]}' is a {kinds[odd]}; save plain arrays of numbers.")
        loaded = loadmat(str(path), variable_names=list(kinds))
    except InputError:
        raise
    except (MatReadError, NotImplementedError, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError,
            RuntimeError, AttributeError, EOFError, MemoryError, zlib.error):  # fmt: skip
        raise InputError(f"'{path.name}' cannot be read: it is not a MATLAB file or is damaged.") from None
    arrays: dict[str, np.ndarray] = {}
    for name, value in loaded.items():
        if not name.startswith("__"):
            value = value.astype(bool) if kinds[name] == "logical" else value
            _flatten(name, value, arrays, DEEPEST)
    if not arrays and loaded:
        raise InputError(f"'{path.name}' holds no numbers that can be read; save plain arrays.")
    if sum(a.nbytes for a in arrays.values()) > most_unpacked(path.stat().st_size):
        raise InputError(f"'{path.name}' unpacks to far more than it is; that is not a measurement.")
    return Answer(arrays=arrays)


def _flatten(name: str, value: Any, found: dict[str, np.ndarray], deepest: int) -> None:
    """Puts the numbers and text of a variable into ``found``, with fields of single structs under dotted names."""
    value = value.toarray() if hasattr(value, "toarray") else value  # a sparse matrix
    if not isinstance(value, np.ndarray) or len(found) >= MOST_FIELDS:
        return
    if value.dtype.names:
        if value.size == 1 and deepest:
            for field in value.dtype.names:
                _flatten(f"{name}.{field}", value[field].reshape(-1)[0], found, deepest - 1)
    elif value.dtype.kind == "U":
        found[name] = np.array(str(value.reshape(-1)[0])) if value.size == 1 else value
    elif value.dtype.kind in "biufc":
        found[name] = value
