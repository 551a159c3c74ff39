"""A place for one frame: the newest wins, the engine never waits for the screen."""

from __future__ import annotations

import threading
import time
from typing import Generic, TypeVar

__all__ = ["Mailbox"]

F = TypeVar("F")


class Mailbox(Generic[F]):
    """``due`` tells the engine whether a frame is wanted now, ``put`` overwrites, ``take`` empties."""

    def __init__(self, most_per_second: float = 30.0) -> None:
        self.shortest = self.interval = 1.0 / most_per_second
        self.wanted = True
        self.dropped = 0
        self._frame: F | None = None
        self._last = 0.0
        self._lock = threading.Lock()

    def due(self) -> bool:
        """Whether enough time has passed since the last frame and anybody is looking."""
        return self.wanted and time.monotonic() - self._last >= self.interval

    def pace(self, seconds_per_frame: float, share: float = 0.1, longest: float = 0.25) -> None:
        """Spaces frames so that showing them takes at most ``share`` of the time: painting holds the interpreter lock,
        which the engine needs between two operations."""
        self.interval = min(max(seconds_per_frame / share, self.shortest), longest)

    def put(self, frame: F) -> None:
        with self._lock:
            self.dropped += self._frame is not None
            self._frame = frame
            self._last = time.monotonic()

    def take(self) -> F | None:
        with self._lock:
            frame, self._frame = self._frame, None
            return frame
