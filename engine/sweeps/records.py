"""What is kept of a sweep while it goes: a file for each cell that is done, written whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import json_text, make_folder, write_atomically
from engine.foreign.json_text import parsed_json
from engine.runs.document import SUFFIX
from engine.sweeps.definition import Sweep

__all__ = ["Record", "Store"]

CELLS, RUNS, SWEEP = "cells", "runs", "sweep.toml"
LARGEST = 1 << 20


@dataclass(frozen=True)
class Record:
    """One finished cell: its ``labels`` and picture, the settled ``recipe``, ``values`` (metrics, scores, seconds, calls),
    why it has ``failed`` (worth less than a trivial picture), or the ``error`` that kept it from a result, in one sentence.
    An error is ``lost`` where not the engine told it: the process that computed the cell ended, and it is tried again; it is
    ``bad_input`` where it says that what was asked for cannot be."""

    identity: str
    labels: dict[str, Any]
    image: str
    index: int
    recipe: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    failed: str = ""
    error: str = ""
    lost: bool = False
    bad_input: bool = False

    @classmethod
    def from_dict(cls, values: Any) -> Record:
        """Reads what :meth:`Store.add` wrote; ValueError where it is not that."""
        kinds = {
            "identity": str, "labels": dict, "image": str, "index": int, "recipe": dict, "values": dict, "facts": dict,
            "failed": str, "error": str, "lost": bool, "bad_input": bool,
        }  # fmt: skip
        if isinstance(values, dict):
            values = {"bad_input": False} | values  # records of earlier versions do not say
        if not isinstance(values, dict) or values.keys() != kinds.keys():
            raise ValueError("not a record")
        for key, kind in kinds.items():
            if not isinstance(values[key], kind):
                raise ValueError(f"'{key}' is not {kind.__name__}")
        return cls(**values)


class Store:
    """The folder of a sweep's results: ``sweep.toml``, what was asked for; ``cells``, a record of each; ``runs``, documents."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def prepare(self, sweep: Sweep) -> None:
        """Makes the folder and writes down the sweep; InputError where it cannot be written to."""
        make_folder(self.folder)
        make_folder(self.folder / CELLS)
        if sweep.documents is not False:
            make_folder(self.folder / RUNS)
        content = sweep.as_toml()
        write_atomically(self.folder / SWEEP, lambda path: path.write_text(content, encoding="utf-8"))

    def sweep(self) -> Sweep:
        """The sweep whose results lie here; InputError where the folder holds none."""
        if not (self.folder / SWEEP).is_file():
            raise InputError(f"'{self.folder}' holds no results of a sweep; give the folder that one was written to.")
        return Sweep.read(self.folder / SWEEP)

    def done(self, identities: Iterable[str]) -> dict[str, Record]:
        """The records of these cells that are there and whole."""
        found: dict[str, Record] = {}
        for identity in identities:
            with contextlib.suppress(OSError, ValueError):
                path = self._cell(identity)
                if path.stat().st_size > LARGEST:
                    continue
                record = Record.from_dict(parsed_json(path.read_text(encoding="utf-8")))
                if record.identity == identity:
                    found[identity] = record
        return found

    def add(self, record: Record, document: bytes | None = None) -> None:
        """Keeps one cell; its document first, so that a record that is there has one."""
        if document is not None:
            self.add_document(record.identity, document)
        content = json_text(vars(record)) + "\n"
        write_atomically(self._cell(record.identity), lambda path: path.write_text(content, encoding="utf-8"))

    def add_document(self, identity: str, document: bytes) -> None:
        """Keeps the run of a cell."""
        path = self.document(identity)
        if not path.parent.is_dir():
            make_folder(path.parent)
        write_atomically(path, lambda temporary: temporary.write_bytes(document))

    def document(self, identity: str) -> Path:
        """Where the run of a cell lies, if it is kept."""
        return self.folder / RUNS / f"{identity}{SUFFIX}"

    def _cell(self, identity: str) -> Path:
        return self.folder / CELLS / f"{identity}.json"
