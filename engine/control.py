"""How a running job is paused, finished early or cancelled from another thread, within one step."""

from __future__ import annotations

import threading

__all__ = ["Cancelled", "Control"]


class Cancelled(Exception):
    """The user cancelled the run; nothing of it is kept."""


class Control:
    """Shared by the engine, which calls :meth:`proceed` after each step, and whoever steers it."""

    def __init__(self) -> None:
        self._may_run = threading.Event()
        self._may_run.set()
        self._ended = threading.Event()
        self._finish = False
        self._cancel = False

    def pause(self) -> None:
        self._may_run.clear()

    def resume(self) -> None:
        self._may_run.set()

    def finish(self) -> None:
        """End after this step and keep the current estimate."""
        self._finish = True
        self._ended.set()
        self._may_run.set()

    def cancel(self) -> None:
        """End after this step and discard the run."""
        self._cancel = True
        self._ended.set()
        self._may_run.set()

    @property
    def paused(self) -> bool:
        return not self._may_run.is_set()

    @property
    def cancelled(self) -> bool:
        return self._cancel

    def linger(self, seconds: float) -> None:
        """Waits for an audience, but no longer than until the run is to end."""
        self._ended.wait(max(seconds, 0.0))

    def proceed(self) -> bool:
        """Waits while paused. False means finish now; raises :class:`Cancelled` on cancel."""
        self._may_run.wait()
        if self._cancel:
            raise Cancelled
        return not self._finish
