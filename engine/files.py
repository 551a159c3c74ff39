"""Atomic writes: a file is either the old one or the whole new one, also when the disk is full."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from engine.errors import InputError

__all__ = [
    "all_or_none",
    "is_finite",
    "json_text",
    "make_folder",
    "refuse_no_file",
    "remove_file",
    "sweep",
    "without_infinities",
    "write_atomically",
    "write_json",
]

HIDDEN = ".qcs-"
"""What the names of unfinished files begin with."""
STALE_SECONDS = 3600
"""An unfinished file that nobody has written to for so long belongs to a program that was killed."""

_changes: ContextVar[list[tuple[Path | None, Path]] | None] = ContextVar("changes", default=None)
"""Finished temporary files and the names that they get at the end of :func:`all_or_none`; None for a file that goes."""
_swept: set[Path] = set()


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """What :func:`write_atomically` and :func:`remove_file` do in the block is done at its end, all of it; where one file cannot
    be changed, none is, and what was there before is there again. Only a program that is killed between two of the renames
    at the end leaves some files new and others old, each of them whole.
    """
    outer = _changes.get()
    if outer is not None:  # the end of the outer block is the end of this one
        yield
        return
    changes: list[tuple[Path | None, Path]] = []
    token = _changes.set(changes)
    try:
        yield
        _commit(changes)
    finally:
        _changes.reset(token)
        for temporary, _ in changes:
            if temporary is not None:
                _remove(temporary)


def _commit(changes: list[tuple[Path | None, Path]]) -> None:
    """Makes the changes, or undoes those made when one fails."""
    before: list[tuple[Path | None, Path]] = []
    try:
        for temporary, path in changes:
            try:
                before.append((_second_name(path), path))
                if temporary is not None:
                    temporary.replace(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise _refused(path, error) from None
    except BaseException:
        for kept, path in reversed(before):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True) if kept is None else kept.replace(path)
        raise
    finally:
        for kept, _ in before:
            if kept is not None:
                _remove(kept)


def _second_name(path: Path) -> Path | None:
    """Another, hidden name of the file as it is, under which it can be brought back; None where there is none."""
    if path.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    if not path.exists():
        return None
    kept = _hidden(path)
    kept.unlink()
    try:
        os.link(path, kept)
    except OSError:  # not every file system gives a file two names
        shutil.copy2(path, kept)
    return kept


def _hidden(path: Path) -> Path:
    """A new, empty, hidden file beside ``path``, of the same suffix."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{HIDDEN}{path.stem[:40]}-", suffix=path.suffix)
    os.close(handle)
    return Path(name)


def sweep(folder: Path, pattern: str = f"{HIDDEN}*") -> None:
    """Removes the unfinished files that a killed program left in the folder."""
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()


def make_folder(folder: Path | str) -> Path:
    """Creates the folder and checks that it can be written to; raises InputError before any work is done."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=HIDDEN):
            pass
    except OSError as error:
        raise InputError(
            f"Cannot write to the folder '{folder}' ({error.strerror or error}); choose another one."
        ) from None
    sweep(folder)
    return folder


def refuse_no_file(path: Path | str) -> None:
    """InputError for a pipe, a socket or a device: reading one may never end. What is not there at all passes."""
    if Path(path).exists() and not Path(path).is_file():
        raise InputError(f"'{path}' is not a file; give the name of one.")


def write_atomically(path: Path | str, write: Callable[[Path], Any]) -> Path:
    """Calls ``write(temporary_path)`` in the same folder, flushes to disk, then renames over ``path``.

    The temporary name keeps the suffix, for writers that choose the format by it. Raises InputError when the file
    system refuses (full disk, no permission); the old file is then untouched.
    """
    path, changes = Path(path), _changes.get()
    if path.parent not in _swept:  # once, for folders may hold many files
        _swept.add(path.parent)
        sweep(path.parent)
    temporary: Path | None = None
    try:
        temporary = _hidden(path)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if changes is None:
            temporary.replace(path)
        else:
            changes.append((temporary, path))
            temporary = None
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        if temporary is not None:
            _remove(temporary)
    return path


def remove_file(path: Path | str) -> None:
    """Removes the file if it is there, in :func:`all_or_none` at its end; raises InputError where it cannot."""
    path, changes = Path(path), _changes.get()
    if changes is not None:
        changes.append((None, path))
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"Cannot remove '{path}' ({error.strerror or error}).") from None


def _refused(path: Path, error: OSError) -> InputError:
    return InputError(f"Cannot write '{path}' ({error.strerror or error}); free space or choose another place.")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def is_finite(value: Any) -> bool:
    """Whether no number in it, in lists and dictionaries at any depth, is infinite or not a number."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (dict, list, tuple)):
        return all(is_finite(v) for v in (value.values() if isinstance(value, dict) else value))
    return True


def without_infinities(value: Any) -> Any:
    """The value with None in the place of every number that is not finite, in lists and dictionaries at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_infinities(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_infinities(v) for v in value]
    return value


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that every reader takes: what is not a finite number is written as null."""
    return json.dumps(without_infinities(value), indent=indent, allow_nan=False)


def write_json(path: Path | str, value: Any) -> Path:
    """Writes :func:`json_text`, readable, atomically."""
    content = json_text(value, indent=2) + "\n"
    return write_atomically(path, lambda p: p.write_text(content, encoding="utf-8"))
