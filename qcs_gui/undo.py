"""Undo and redo of the set-up: what was before each change, newest last. No Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from engine.runs.spec import RunSpec

__all__ = ["SetupState", "UndoStack"]

MOST = 200
TOGETHER = 0.8
"""Seconds within which changes of the same settings are one: a slider that is dragged."""


@dataclass(frozen=True)
class SetupState:
    """A set-up and its picture as it was loaded, (c, h, w)."""

    spec: RunSpec
    picture: np.ndarray | None


class UndoStack:
    """:meth:`changed` is told every new state; :meth:`undo` and :meth:`redo` say which to go to."""

    def __init__(self) -> None:
        self.states: list[SetupState] = []
        self.at = -1
        self._when = 0.0
        self._which: tuple[str, ...] = ()

    def changed(self, state: SetupState) -> None:
        now = time.monotonic()
        current = self.states[self.at] if self.at >= 0 else None
        if current is not None and state.spec == current.spec and state.picture is current.picture:
            return
        which = _differing(current, state)
        merged = current is not None and which == self._which and now - self._when < TOGETHER and self.at > 0
        del self.states[self.at + (0 if merged else 1) :]
        self.states.append(state)
        del self.states[:-MOST]
        self.at, self._when, self._which = len(self.states) - 1, now, which

    @property
    def can_undo(self) -> bool:
        return self.at > 0

    @property
    def can_redo(self) -> bool:
        return self.at < len(self.states) - 1

    def undo(self) -> SetupState | None:
        return self._go(self.at - 1) if self.can_undo else None

    def redo(self) -> SetupState | None:
        return self._go(self.at + 1) if self.can_redo else None

    def _go(self, at: int) -> SetupState:
        self.at, self._which = at, ()
        return self.states[at]


def _differing(one: SetupState | None, other: SetupState) -> tuple[str, ...]:
    if one is None:
        return ()
    before, after = one.spec.as_dict(), other.spec.as_dict()
    keys = tuple(sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k)))
    return keys if one.picture is other.picture else (*keys, "picture")
