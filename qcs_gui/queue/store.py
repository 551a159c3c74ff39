"""The queue as it lies on disk: what waits, and what of a group of runs is done. Plain JSON, written whole at every change, so
that whatever moment a program dies at, no run is lost. No Qt."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import make_folder, write_json
from engine.priors.choice import PriorChoice
from engine.priors.library import priors
from engine.runs.spec import RunSpec

__all__ = ["Queued", "Store"]

MOST_TRIES = 5
"""So often a run may be begun without coming to an end: one that takes the program with it must not do so at every start."""
LARGEST = 16 << 20
BROKE_OFF = f"It was begun {MOST_TRIES} times and never ended: it may be too large for this machine."


@dataclass(frozen=True)
class Queued:
    """A run that waits: its ``recipe``, the prior that settles what it leaves open (written form, empty for its own), the
    ``group`` that it was queued with, how often it was begun, and why it is held back, if it is."""

    number: str
    recipe: dict[str, Any]
    adviser: str = ""
    group: str = ""
    tries: int = 0
    problem: str = ""

    def spec(self) -> RunSpec:
        """InputError where this version or this machine has not what it asks for."""
        return RunSpec.from_dict(self.recipe)

    def prior(self) -> PriorChoice | None:
        return priors().parse(self.adviser) if self.adviser else None


class Store:
    """``path`` None keeps nothing on disk."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.waiting: list[Queued] = []
        self.trouble = ""
        self.done: dict[str, list[str]] = {}
        """By group, the documents of its runs that have ended."""
        if path is not None:
            self._read(path)

    def add(self, specs: Sequence[RunSpec], adviser: PriorChoice | None) -> None:
        """Queues runs, as one group where they are several."""
        group = secrets.token_hex(4) if len(specs) > 1 else ""
        written = "" if adviser is None else str(adviser)
        self.waiting += [Queued(secrets.token_hex(6), s.as_dict(), written, group) for s in specs]
        self._write()

    def next(self) -> Queued | None:
        """The first that is not held back; what broke off goes behind what did not, so that it cannot stop the others."""
        return min((q for q in self.waiting if not q.problem), key=lambda q: q.tries, default=None)

    def begin(self, number: str) -> None:
        """Notes that a run is begun, before it is."""
        self._change(number, tries=self._of(number).tries + 1)

    def put_back(self, number: str) -> None:
        """It was interrupted by the end of the program, which is not its fault."""
        if any(q.number == number for q in self.waiting):
            self._change(number, tries=max(0, self._of(number).tries - 1))

    def ended(self, number: str, document: str) -> list[str]:
        """It is done and kept as a document. The documents of its group where it was the last of that, else none."""
        group = self._of(number).group
        if group and document:
            self.done.setdefault(group, []).append(document)
        self.waiting = [q for q in self.waiting if q.number != number]
        self._write()
        left = any(q.group == group and not q.problem for q in self.waiting)
        return [] if not group or left else list(self.done.get(group, []))

    def failed(self, number: str, sentence: str) -> None:
        """Held back, with the reason."""
        self._change(number, problem=sentence)

    def retry(self) -> None:
        """What was held back is tried again."""
        self.waiting = [replace(q, tries=0, problem="") for q in self.waiting]
        self._write()

    def remove(self, numbers: Sequence[str]) -> None:
        self.waiting = [q for q in self.waiting if q.number not in numbers]
        self._write()

    def forget(self, group: str) -> None:
        """The runs of a group were looked at."""
        self.done.pop(group, None)
        self._write()

    def offers(self) -> dict[str, list[str]]:
        """Groups that are done and were not looked at yet, as far as their documents are still there."""
        open_ones = {q.group for q in self.waiting if not q.problem}
        found = {g: [d for d in docs if Path(d).is_file()] for g, docs in self.done.items() if g not in open_ones}
        return {g: docs for g, docs in found.items() if len(docs) > 1}

    def _of(self, number: str) -> Queued:
        return next(q for q in self.waiting if q.number == number)

    def _change(self, number: str, **changes: Any) -> None:
        self.waiting = [replace(q, **changes) if q.number == number else q for q in self.waiting]
        self._write()

    def _write(self) -> None:
        """What cannot be written is said in ``trouble``; the queue goes on in memory."""
        self.trouble = ""
        if self.path is not None:
            try:
                make_folder(self.path.parent)
                write_json(self.path, {"waiting": [asdict(q) for q in self.waiting], "done": self.done})
            except InputError as error:
                self.trouble = f"The queue will not outlive this start: {error}"

    def _read(self, path: Path) -> None:
        """A damaged file is set aside, so that it never blocks a start."""
        try:
            if path.stat().st_size > LARGEST:
                raise ValueError
            values = json.loads(path.read_text(encoding="utf-8"))
            waiting = [Queued(**q) for q in values["waiting"]]
            done = {str(g): [str(d) for d in docs] for g, docs in values["done"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".damaged.json"))
            return
        self.waiting = [replace(q, problem=q.problem or BROKE_OFF) if q.tries >= MOST_TRIES else q for q in waiting]
        self.done = done
        for queued in self.waiting:
            try:
                queued.spec()
            except InputError as error:
                self.failed(queued.number, str(error))
