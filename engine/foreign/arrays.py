"""Arrays from files of other programs, never trusted: NumPy, MATLAB and CSV. Our own are written so that they can be read."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.files import refuse_no_file, write_atomically
from engine.foreign.wall import read_behind_wall

__all__ = [
    "ARRAY_FAULTS",
    "ARRAY_FILES",
    "checked_matrix",
    "most_unpacked",
    "read_arrays",
    "read_matrix",
    "read_vector",
    "save_arrays",
]

ARRAY_FAULTS = (
    OSError, ValueError, EOFError, MemoryError, RuntimeError, TypeError, OverflowError, SyntaxError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise at damaged files: the header of an array is a piece of Python text."""
ARRAY_FILES = "Arrays (*.npy *.npz *.mat *.csv)"
LARGEST = 1 << 30
LARGEST_RATIO = 200
ANY_UNPACKED = 1 << 27
LARGEST_ENTRY = 1e15
"""Of a matrix: sums of products of a few of them still are numbers of single precision."""


def read_arrays(path: Path | str) -> dict[str, np.ndarray]:
    """The named arrays of an .npz or .mat (up to v7) file, never unpickled and never larger than 1 GB."""
    path = Path(path)
    refuse_no_file(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(128)
        if size > LARGEST:
            raise InputError(f"'{path.name}' is larger than 1 GB; give a smaller file or a recipe of the operator.")
        if head.startswith((b"MATLAB 7.3", b"\x89HDF")):
            raise InputError(f"'{path.name}' is a MATLAB v7.3 file; save it again with save(..., '-v7').")
        if path.suffix.lower() == ".mat" or head.startswith(b"MATLAB 5.0"):
            return _read_mat(path, size)
        return _read_npz(path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"'{path}' does not exist; check the name.") from None
    except ARRAY_FAULTS as error:
        hint = (
            "it holds Python objects, which are never opened"
            if "pickle" in str(error).lower()
            else f"it is not {'a MATLAB' if path.suffix.lower() == '.mat' else 'an .npz'} file or is damaged"
        )
        raise InputError(f"'{path.name}' cannot be read: {hint}.") from None


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        total = sum(e.file_size for e in entries)
        if total > LARGEST or any(_blown_up(e) for e in entries):
            raise InputError(
                f"'{path.name}' unpacks to {total / 1e6:,.0f} MB from far less; that is not a measurement."
            )
    with np.load(path, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    if not all(isinstance(a, np.ndarray) for a in arrays.values()):
        raise ValueError("an entry is not an array")
    return arrays


def _blown_up(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > 1 << 20 and entry.file_size > LARGEST_RATIO * entry.compress_size


def save_arrays(path: Path | str, arrays: Mapping[str, Any]) -> Path:
    """Writes named arrays as an .npz file that :func:`read_arrays` takes, atomically: compressed, unless one shrinks to so
    little (a mask, an empty picture) that the file would be taken for a bomb. InputError where the file system refuses."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        with zipfile.ZipFile(temporary) as archive:
            blown_up = any(_blown_up(e) for e in archive.infolist())
        if blown_up:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)

    return write_atomically(path, write)


def most_unpacked(size: int) -> int:
    """Bytes that a MATLAB file of ``size`` bytes may unpack to: any file so many, larger ones by their size."""
    return min(LARGEST, max(ANY_UNPACKED, LARGEST_RATIO * size))


def _read_mat(path: Path, size: int) -> dict[str, np.ndarray]:
    memory = 2 * most_unpacked(size) + size + (64 << 20)
    seconds = 1.0 + most_unpacked(size) / 1e8  # disks and zlib are several times as fast
    return read_behind_wall("engine.foreign.matlab:read_mat", path, memory, seconds, LARGEST).arrays


def read_matrix(path: Path | str) -> np.ndarray:
    """A matrix (rows, columns), float32, from .npy, .npz or .mat (the entry A, or the only one) or .csv."""
    path = Path(path)
    if path.suffix.lower() in (".npz", ".mat"):
        arrays = read_arrays(path)
        if "A" not in arrays and len(arrays) != 1:
            known = ", ".join(list(arrays)[:6]) or "nothing"
            raise InputError(f"'{path.name}' holds {known}; name the sensing matrix A.")
        return checked_matrix(path.name, arrays["A"] if "A" in arrays else next(iter(arrays.values())))
    return checked_matrix(path.name, _read_table(path))


def read_vector(path: Path | str) -> np.ndarray:
    """One list of numbers, from .npy or .csv (one row or one column)."""
    table = _read_table(Path(path))
    if sum(n > 1 for n in table.shape) > 1:
        raise InputError(
            f"'{Path(path).name}' holds an array of shape {table.shape}; measurements are one row or column."
        )
    return table.reshape(-1)


def _read_table(path: Path) -> np.ndarray:
    """The array of a .npy or text file, at least two-dimensional for text."""
    suffix = path.suffix.lower()
    refuse_no_file(path)
    try:
        if suffix == ".npy":
            lazy = np.load(path, mmap_mode="r", allow_pickle=False)
            if lazy.nbytes > LARGEST * 4:
                raise InputError(f"'{path.name}' holds {lazy.nbytes / 1e9:,.1f} GB; give a smaller matrix.")
            return np.asarray(lazy)
        if suffix in (".csv", ".txt"):
            if path.stat().st_size > LARGEST:
                raise InputError(f"'{path.name}' is larger than 1 GB; save the matrix as .npy.")
            with path.open(encoding="utf-8") as file:
                first = file.readline()
            delimiter = "," if "," in first else ";" if ";" in first else None
            return np.loadtxt(path, delimiter=delimiter, ndmin=2, dtype=np.float64)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"'{path}' does not exist; check the name.") from None
    except ARRAY_FAULTS as error:
        hint = (
            "it holds Python objects, which are never opened"
            if "pickle" in str(error).lower()
            else "it is not a table of numbers or is damaged"
        )
        raise InputError(f"'{path.name}' cannot be read: {hint}.") from None
    raise InputError(f"'{path.name}' is not a matrix file; give .npy, .npz, .mat or .csv.")


def checked_matrix(name: str, array: np.ndarray) -> np.ndarray:
    """The array as a finite, real float32 matrix that is not all zero, or InputError."""
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"'{name}' holds an array of shape {array.shape}; a sensing matrix has two dimensions.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"'{name}' holds {array.dtype} entries; a sensing matrix holds real numbers.")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        matrix = np.ascontiguousarray(array, np.float32)
    largest = max(float(matrix.max()), -float(matrix.min()))
    if not largest <= LARGEST_ENTRY:  # also where it is no number
        if not np.isfinite(array).all():
            raise InputError(f"'{name}' has entries that are not finite numbers; remove them.")
        row, column = np.unravel_index(np.abs(array, dtype=np.float64).argmax(), array.shape)
        raise InputError(
            f"'{name}' has an entry of {float(array[row, column]):.3g} (row {row + 1}, column {column + 1}), too large to "
            "compute with; give matrix, measurements and noise in other units, so that entries are near 1."
        )
    if not matrix.any():
        raise InputError(f"'{name}' is all zero: it measures nothing; give the sensing matrix.")
    return matrix
