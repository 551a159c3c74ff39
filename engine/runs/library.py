"""The library: a folder of run documents, with an index beside it that can be thrown away.

The folder is the truth: a run's name is the name of its file, and a pinned run lies in the folder ``pinned``. Both change by
one rename, so that whatever moment a program dies at, a run is in one place, whole. The index, an SQLite file, only saves
opening every document for a list; each call brings it up to date with the folder, and a damaged one is made anew.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.files import make_folder, remove_file, sweep
from engine.images.bundled import name_without
from engine.priors.library import user_folder
from engine.runs.document import SUFFIX, open_run, read_facts, save_run
from engine.settings import suggest

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["COLUMNS", "Entry", "Library", "is_made_up", "new_name"]

BUDGET = 2 << 30
"""Bytes of unpinned runs; the variable QCS_STUDIO_LIBRARY_BYTES sets another number."""
PINNED, INDEX, LAYOUT = "pinned", "index.sqlite", 1
NAME = re.compile(r"[^\W_][\w .,+=()-]{0,119}")
TEXTS = ("name", "image", "operator", "quantizer", "prior", "algorithm", "rows", "status", "failed")
NUMBERS = (
    "created", "bytes", "pinned", "noise", "samples", "seed", "seconds", "network_calls",
    "psnr_mean", "psnr_sample", "cosine_mean", "ssim_mean", "consistency", "predicted_rmse", "rmse_mean",
)  # fmt: skip
COLUMNS = (*TEXTS, *NUMBERS)
"""What a list can be filtered and sorted by."""


@dataclass(frozen=True)
class Entry:
    """One run in a list: ``path`` of its document and ``values``, one per name in COLUMNS (None where it has none)."""

    path: Path
    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in COLUMNS:
            return self.values[name]
        raise AttributeError(name)


class Library:
    """The run documents of a folder, which is the user's own where none is given."""

    def __init__(self, folder: Path | str | None = None, budget: int | None = None) -> None:
        told_folder = os.environ.get("QCS_STUDIO_LIBRARY", "")
        self.folder = Path(folder or told_folder) if folder or told_folder else user_folder().parent / "runs"
        told = os.environ.get("QCS_STUDIO_LIBRARY_BYTES", "")
        self.budget = budget if budget is not None else int(told) if told.isdigit() else BUDGET

    def add(self, result: Reconstruction, name: str = "", pinned: bool = False) -> Entry:
        """Keeps a run under a name, or one made of what it is and when. Lets the oldest unpinned runs go beyond the budget."""
        name = name or new_name(result)
        self.refuse_taken(name)
        path = make_folder(self.folder / PINNED if pinned else self.folder) / f"{name}{SUFFIX}"
        save_run(path, result)
        self._keep_to_budget(path)
        return self.entry(name)

    def list(
        self, search: str = "", sort: str = "created", descending: bool = True, where: dict[str, Any] | None = None,
        limit: int = -1,
    ) -> Sequence[Entry]:  # fmt: skip
        """Runs, newest first unless told otherwise. ``search`` words must all occur in a text column; ``where`` maps columns
        to the value they must have, for a text what it must begin with."""
        for column in (sort, *(where or {})):
            if column not in COLUMNS:
                raise InputError(f"Runs have no '{column}'{suggest(column, COLUMNS)} (known: {', '.join(COLUMNS)}).")
        conditions, values = ["1"], []
        for word in search.split():
            conditions.append("(" + " OR ".join(f"instr(lower({c}), lower(?))" for c in TEXTS) + ")")
            values += [word] * len(TEXTS)
        for column, value in (where or {}).items():
            conditions.append(f"instr(lower({column}), lower(?)) = 1" if column in TEXTS else f"{column} = ?")
            values.append(value)
        order = f"{sort} IS NULL, {sort} {'DESC' if descending else 'ASC'}, name"
        query = f"SELECT path, {', '.join(COLUMNS)} FROM runs WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
        with self._index() as index:
            rows = index.execute(query, (*values, limit)).fetchall()
        return [Entry(self.folder / row[0], dict(zip(COLUMNS, row[1:], strict=True))) for row in rows]

    def refuse_taken(self, name: str) -> None:
        """InputError where a run cannot get that name."""
        if self._find(check_name(name)) is not None:
            raise InputError(f"There is a run named '{name}' already; delete it, or choose another name.")

    def entry(self, name: str) -> Entry:
        """The run of that name; InputError where there is none."""
        found = [e for e in self.list(where={"name": name}) if e.name == name]
        if not found:
            path = self._find(name)
            if path is not None:
                read_facts(path)  # says what is wrong with it
            names = [e.name for e in self.list()]
            raise InputError(f"There is no run named '{name}'{suggest(name, names)}; 'qcs runs list' shows them.")
        return found[0]

    def path_of(self, run: str) -> Path:
        """The document of a run's name, or the path itself where ``run`` is a file or a folder of results."""
        found = self._find(run) if NAME.fullmatch(run) else None
        if found is None and (Path(run).exists() or Path(run).suffix in (SUFFIX, ".npz", ".json")):
            return Path(run)
        return found or self.entry(run).path

    def open(self, run: str) -> Reconstruction:
        """The run of a name or in a file."""
        return open_run(self.path_of(run))

    def pin(self, name: str, pinned: bool = True) -> Entry:
        """Keeps the run for good, or no longer."""
        path = self.entry(name).path
        self._move(path, make_folder(self.folder / PINNED if pinned else self.folder) / path.name)
        return self.entry(name)

    def rename(self, name: str, new: str) -> Entry:
        """Gives the run another name."""
        path = self.entry(name).path
        self.refuse_taken(new)
        self._move(path, path.with_name(f"{new}{SUFFIX}"))
        return self.entry(new)

    def delete(self, name: str) -> None:
        path = self._find(name) or self.entry(name).path
        try:
            path.unlink()
        except OSError as error:
            raise InputError(f"Cannot delete '{path}' ({error.strerror or error}).") from None

    def rebuild(self) -> int:
        """Makes the index anew; how many runs it holds."""
        remove_file(make_folder(self.folder) / INDEX)
        return len(self.list())

    def _find(self, name: str) -> Path | None:
        places = (self.folder / PINNED / f"{name}{SUFFIX}", self.folder / f"{name}{SUFFIX}")
        return next((p for p in places if p.is_file()), None)

    def _move(self, path: Path, to: Path) -> None:
        try:
            path.rename(to)
        except OSError as error:
            raise InputError(f"Cannot move '{path}' ({error.strerror or error}).") from None

    def _keep_to_budget(self, newest: Path) -> None:
        for folder in (self.folder, self.folder / PINNED):
            sweep(folder, f".*{SUFFIX}")  # as the first versions named unfinished ones, too
        total = 0
        for path, facts in sorted(self._files(""), key=lambda file: file[1].st_mtime_ns, reverse=True):
            total += facts.st_size
            if total > self.budget and path != newest:
                with contextlib.suppress(OSError):  # gone already, or not to be removed: neither concerns the new run
                    path.unlink()

    def _files(self, part: str) -> Iterator[tuple[Path, os.stat_result]]:
        """The documents in the folder or in its ``part``, with size and time; a dangling link is none."""
        with contextlib.suppress(OSError), os.scandir(self.folder / part) as files:
            for file in files:
                if file.name.endswith(SUFFIX) and not file.name.startswith("."):
                    with contextlib.suppress(OSError):
                        if file.is_file():
                            yield Path(file.path), file.stat()

    @contextlib.contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """The index, brought up to date with the folder; made anew where it is damaged, in memory where it cannot be kept."""
        index = None
        for place in (self.folder / INDEX, self.folder / INDEX, ":memory:"):
            try:
                if place != ":memory:":
                    make_folder(self.folder)
                index = sqlite3.connect(place, timeout=10)
                self._bring_up_to_date(index)
                break
            except (sqlite3.Error, InputError):
                if index is not None:
                    index.close()
                with contextlib.suppress(OSError):
                    (self.folder / INDEX).unlink(missing_ok=True)
        assert index is not None
        try:
            yield index
        finally:
            index.close()

    def _bring_up_to_date(self, index: sqlite3.Connection) -> None:
        columns = [f"{c} TEXT" for c in TEXTS] + [f"{c} REAL" for c in NUMBERS]
        if index.execute("PRAGMA user_version").fetchone()[0] != LAYOUT:
            index.execute("DROP TABLE IF EXISTS runs")
        index.execute(f"CREATE TABLE IF NOT EXISTS runs (path TEXT PRIMARY KEY, stamp TEXT, {', '.join(columns)})")
        index.execute(f"PRAGMA user_version = {LAYOUT}")
        known = dict(index.execute("SELECT path, stamp FROM runs"))
        there: dict[str, tuple[str, os.stat_result]] = {}
        for part in ("", PINNED):
            for path, facts in self._files(part):
                stamp = f"{facts.st_mtime_ns}/{facts.st_size}"
                there[f"{part}/{path.name}" if part else path.name] = (stamp, facts)
        index.executemany("DELETE FROM runs WHERE path = ?", [(p,) for p in known if p not in there])
        marks = ", ".join("?" * (len(COLUMNS) + 2))
        for file, (stamp, facts) in there.items():
            if known.get(file) != stamp:
                row = self._row(file, facts)
                if row is None:
                    index.execute("DELETE FROM runs WHERE path = ?", (file,))
                else:
                    index.execute(f"INSERT OR REPLACE INTO runs VALUES ({marks})", (file, stamp, *row))
        index.commit()

    def _row(self, path: str, file: os.stat_result) -> Sequence[Any] | None:
        """What the index holds of a document, a value for each of COLUMNS; None for a damaged one, which is not listed."""
        try:
            facts = read_facts(self.folder / path)
        except InputError:
            return None
        recipe, pinned = facts["recipe"], path.startswith(f"{PINNED}/")
        values = recipe | facts["metrics"] | facts | {
            "name": Path(path).stem, "created": facts.get("created") or file.st_mtime, "bytes": file.st_size,
            "pinned": int(pinned), "image": recipe.get("image") or recipe.get("measurement"),
        }  # fmt: skip
        texts = [None if values.get(c) is None else str(values[c]) for c in TEXTS]
        return [*texts, *(_number(values.get(c)) for c in NUMBERS)]


def _number(value: Any) -> float | None:
    """What SQLite can hold of it."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e300 else None


def check_name(name: str) -> str:
    """A name that every file system takes, or InputError."""
    if not NAME.fullmatch(name) or name != name.strip() or name.endswith("."):
        raise InputError(
            f"'{name}' is not a name for a run: begin with a letter or digit, then letters, digits, spaces and _ . , + = ( ) -."
        )
    return name


MADE_UP = re.compile(r".+ \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d [0-9a-f]{4}")


def is_made_up(name: str) -> bool:
    """Whether a run's name is of :func:`new_name`'s making, so that nobody knows the run by it."""
    return MADE_UP.fullmatch(name) is not None


def new_name(result: Reconstruction) -> str:
    """A name from what the run is and when it was kept, unlike any other."""
    source = name_without(result.spec.measurement or result.spec.image)
    stem = re.sub(r"[^\w-]+", "-", Path(source).stem)[:40].strip("-_") or "picture"
    return f"{stem} {result.spec.algorithm.name} {time.strftime('%Y-%m-%d %H.%M.%S')} {secrets.token_hex(2)}"
