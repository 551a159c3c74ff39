"""Atomic writes: a file is either the old one or the whole new one, also when the disk is full."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from engine.errors import InputError

__all__ = ["all_or_none", "make_folder", "refuse_no_file", "write_atomically", "write_json"]

_waiting: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("waiting", default=None)
"""Finished temporary files and the names that they get at the end of :func:`all_or_none`."""


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """Files that :func:`write_atomically` writes in the block get their names at its end, all of them; where one cannot
    be written, none does, and what was there before is untouched."""
    waiting: list[tuple[Path, Path]] = []
    token = _waiting.set(waiting)
    try:
        yield
        for temporary, path in waiting:
            try:
                temporary.replace(path)
            except OSError as error:
                raise _refused(path, error) from None
    finally:
        _waiting.reset(token)
        for temporary, _ in waiting:
            _remove(temporary)


def make_folder(folder: Path | str) -> Path:
    """Creates the folder and checks that it can be written to; raises InputError before any work is done."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".qcs-"):
            pass
    except OSError as error:
        raise InputError(
            f"Cannot write to the folder '{folder}' ({error.strerror or error}); choose another one."
        ) from None
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
    path, waiting = Path(path), _waiting.get()
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if waiting is None:
            temporary.replace(path)
        else:
            waiting.append((temporary, path))
            temporary = None
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        if temporary is not None:
            _remove(temporary)
    return path


def _refused(path: Path, error: OSError) -> InputError:
    return InputError(f"Cannot write '{path}' ({error.strerror or error}); free space or choose another place.")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def write_json(path: Path | str, value: Any) -> Path:
    """Writes readable JSON atomically; not-a-number is refused rather than written."""
    content = json.dumps(value, indent=2, allow_nan=False) + "\n"
    return write_atomically(path, lambda p: p.write_text(content, encoding="utf-8"))
