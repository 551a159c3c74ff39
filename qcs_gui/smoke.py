"""The default job in the very window a user gets, by its own buttons: for machines without a screen and for builds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from qcs_gui.driving import wait_until
from qcs_gui.model import State
from qcs_gui.studio import Studio

__all__ = ["smoke_test"]

LIMIT = 300.0


def smoke_test(studio: Studio, started: float, screenshot: str = "") -> dict[str, Any]:
    """Clicks Run with the default settings and waits; the report has an ``error`` key if anything went wrong."""
    window, panels, session = studio.window, studio.panels, studio.session
    studio.app.processEvents()
    to_window = time.monotonic() - started

    def wait(condition: Callable[[], bool]) -> None:
        wait_until(lambda: condition() or window.problem.isVisible(), LIMIT)

    wait(lambda: session.pixels is not None and bool(session.device))
    clicked = time.monotonic()
    _click(studio, window.run_button)
    wait(lambda: panels.frames_shown > 0)
    to_frame = time.monotonic() - clicked
    wait(lambda: session.state == State.IDLE and session.result is not None)
    result = session.result
    report: dict[str, Any] = {"seconds_to_window": round(to_window, 3), "seconds_to_first_frame": round(to_frame, 3)}
    if result is None:
        report["error"] = window.problem.sentence.text() or "the run did not end in time"
    else:
        metrics = result.metrics()
        report |= {
            "psnr_mean": metrics.get("psnr_mean"), "cosine_mean": metrics.get("cosine_mean"),
            "frames_shown": panels.frames_shown, "steps": panels.newest.steps if panels.newest else 0,
            "samples": len(result.samples), "seconds": round(result.seconds, 3),
            "device": session.device, "threads": studio.context.threads,
        }  # fmt: skip
    studio.app.processEvents()
    if screenshot and not window.grab().save(screenshot):
        report["error"] = f"could not write {screenshot}"
    if not studio.close():
        report["error"] = "the engine thread did not end"
    window.close()
    return report


def _click(studio: Studio, button: QWidget) -> None:
    """What a press of the left button in the middle of it sends."""
    middle = QPointF(button.rect().center())
    at = QPointF(button.mapToGlobal(button.rect().center()))
    for kind, held in (
        (QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton), (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton),
    ):  # fmt: skip
        event = QMouseEvent(kind, middle, at, Qt.MouseButton.LeftButton, held, Qt.KeyboardModifier.NoModifier)
        studio.app.sendEvent(button, event)
