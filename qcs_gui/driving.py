"""Driving the window from a program, by a real event loop: for screenshots, smoke tests and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer

if TYPE_CHECKING:
    from qcs_gui.studio import Studio

__all__ = ["settle", "started", "wait_until"]


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Runs events until the condition holds, at most so long. QTest.qWait keeps the interpreter lock and starves the engine."""
    end, loop, timer = time.monotonic() + seconds, QEventLoop(), QTimer(interval=5)
    timer.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > end else None)
    timer.start()
    loop.exec()
    timer.stop()
    return condition()


def settle(seconds: float = 0.25) -> None:
    """Lets the window paint."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, seconds + 1)


def started(studio: Studio) -> None:
    """Starts the studio and waits until its picture and its engine are there."""
    studio.start()
    wait_until(lambda: studio.session.pixels is not None and bool(studio.session.device))
