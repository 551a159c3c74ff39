"""A progress bar with the time left, for commands in a terminal."""

from __future__ import annotations

import sys
import time

__all__ = ["Bar"]


class Bar:
    """A progress bar with the time left, on a terminal only."""

    def __init__(self, label: str) -> None:
        self.label, self.start, self.shown = label, time.monotonic(), 0.0
        self.live = sys.stderr.isatty()

    def __call__(self, share: float, text: str = "", left: float | None = None) -> None:
        """``left`` are the seconds that are left, where that is known better than by the share of the work."""
        now = time.monotonic()
        if not self.live or (now - self.shown < 0.1 and share < 1):
            return
        self.shown = now
        if left is None:
            left = (now - self.start) * (1 - share) / share if share > 0 else 0.0
        filled = round(30 * share)
        line = f"\r{self.label} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {left:5.1f} s left {text}"
        sys.stderr.write(line[:110].ljust(110))
        if share >= 1:
            sys.stderr.write("\n")
        sys.stderr.flush()
