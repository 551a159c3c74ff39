"""MATLAB files up to v7, read by SciPy behind a wall: its reader crashes on some damaged ones."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
from scipy.io.matlab import MatReadError, loadmat, whosmat

from engine.errors import InputError
from engine.foreign.arrays import most_unpacked
from engine.foreign.wall import Answer

__all__ = ["read_mat"]

ODD = ("cell", "struct", "object", "function", "opaque", "unknown")


def read_mat(path: Path) -> Answer:
    """The named arrays of a file; runs behind the wall, so that what goes wrong unforeseen may end the process."""
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
    arrays = {}
    for name, value in loaded.items():
        if not name.startswith("__"):
            value = value.toarray() if hasattr(value, "toarray") else value  # a sparse matrix
            value = value.astype(bool) if kinds[name] == "logical" else value
            arrays[name] = np.array(str(value[0])) if value.dtype.kind == "U" and value.size == 1 else value
    return Answer(arrays=arrays)
