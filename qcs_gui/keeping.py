"""The session kept between starts, also after a crash: set-up, view, the run that was open. Plain JSON, written atomically."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import make_folder, refuse_no_file, write_json
from engine.priors.library import user_folder
from engine.runs.spec import RunSpec

__all__ = ["KeptSession", "SessionFile", "guarded", "read_run_file"]

LARGEST = 1 << 20


class KeptSession:
    """What was kept: ``spec`` (None where it cannot be read any more), ``run`` (the path of a document, or empty) and the
    state of the ``view``."""

    def __init__(self, spec: RunSpec | None, run: str, view: dict[str, Any]) -> None:
        self.spec, self.run, self.view = spec, run, view


class SessionFile:
    """``session.json`` in the user's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or user_folder().parent) / "session.json"

    def write(self, spec: RunSpec, run: str, view: dict[str, Any]) -> None:
        """InputError where the file system refuses."""
        make_folder(self.path.parent)
        write_json(self.path, {"recipe": spec.as_dict(), "run": run, "view": view})

    def read(self) -> KeptSession | None:
        """None where there is none; a damaged one is set aside, so that it never blocks a start."""
        try:
            if self.path.stat().st_size > LARGEST:
                raise ValueError
            values = json.loads(self.path.read_text(encoding="utf-8"))
            view, run = values["view"], values["run"]
            if not isinstance(view, dict) or not isinstance(run, str):
                raise ValueError
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._set_aside()
            return None
        try:
            spec = RunSpec.from_dict(values.get("recipe"))
        except InputError:  # a prior that was deleted, a setting of a newer version
            spec = None
        return KeptSession(spec, run if run and Path(run).is_file() else "", view)

    def _set_aside(self) -> None:
        with contextlib.suppress(OSError):
            self.path.replace(self.path.with_suffix(".damaged.json"))


def read_run_file(path: Path) -> RunSpec:
    """The set-up in a run file; an :class:`InputError` says what is wrong with one that is none."""
    refuse_no_file(path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"'{path.name}' is larger than 1 MB; that is not a run file.")
        return RunSpec.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"'{path.name}' cannot be read ({error}).") from None


def guarded(work: Callable[[], None], report: Callable[[str, str], None]) -> None:
    """Does what may fail for want of disk, and says so once."""
    try:
        work()
    except InputError as error:
        report(str(error), "")
