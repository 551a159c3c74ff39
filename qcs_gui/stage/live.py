"""Live mode: while its switch is on, every change is reconstructed at once, newest first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from PySide6.QtCore import QObject

from qcs_gui.background.live import LiveRequest, LiveSource, serve_live, suits_live
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.stage.stage_controller import Before, StageController

__all__ = ["LiveController"]


class LiveController(QObject):
    """Asks the engine thread, one request at a time; what was asked meanwhile waits, and only the newest of it."""

    def __init__(self, session: Session, window: MainWindow, panels: StageController, worker: Worker,
                 problem: Callable[[], str], say_result: Callable[[], None]) -> None:  # fmt: skip
        super().__init__(window)
        self.session, self.window, self.panels, self.worker = session, window, panels, worker
        self.problem, self.say_result = problem, say_result
        self._before: Before | None = None
        self.source = LiveSource()
        self.on = self.fast = False
        self.latencies: list[float] = []
        self._number = self._task = 0
        window.live_button.toggled.connect(self.switch)
        session.observe(self._changed)

    def switch(self, on: bool) -> None:
        """On: what a run left is put by. Off: it is on the stage again."""
        self.on = self.session.live = on
        if on:
            self._before = None
            self.window.show_page(self.window.stage)
            self.window.show_view("mean")
            self.ask()
        else:
            self._put_back()
            self.window.statusBar().showMessage("Live mode is off; Run draws samples.", 4000)
        self.session.changed("live")

    def _put_back(self) -> None:
        if self._before is not None and self.session.state == State.IDLE:
            self.panels.restore(self._before, self.session.result)
            self.say_result()
        self._before = None

    def _changed(self, what: str) -> None:
        if self.on and what in ("spec", "image", "stroke"):
            self.ask()
        elif what == "result":
            self._before = None  # what was put by is no longer the last result

    def ask(self) -> None:
        """The present set-up, as soon as the engine is free."""
        session = self.session
        pixels = session.live_pixels()
        if session.state != State.IDLE or pixels is None:
            return
        reason = suits_live(session.spec) or self.problem()
        if reason:
            self.window.result_label.setText(reason)
            return
        self._number += 1
        self.source.put(LiveRequest(self._number, session.spec, pixels, time.monotonic(), session.adviser, self.fast))
        self._next()

    def _next(self) -> None:
        """Has the engine thread serve what is wanted, unless it does."""
        if not self._task and self.session.state == State.IDLE:
            source, threads = self.source, os.cpu_count() or 1
            self._task = self.worker.submit(lambda: serve_live(source, threads))

    def poll(self) -> None:
        """Shows the newest answer; called with the window's timer."""
        made = self.source.shown()
        if made is None or not self.on or self.session.state != State.IDLE:
            return
        request, frame = made
        if self._before is None:
            self._before = self.panels.begin()
        self.panels.show_live(frame)
        self.latencies.append(time.monotonic() - request.asked)
        del self.latencies[:-1000]
        psnr = [v for v in frame.history.get("psnr_mean", []) if v is not None]
        words = f"Live: PSNR {psnr[-1]:.1f} dB, " if psnr else "Live: "
        lowered = f", {frame.precision}" if frame.precision == "bfloat16" else ""
        self.window.result_label.setText(f"{words}{1e3 * self.latencies[-1]:.0f} ms from change to picture{lowered}")

    def handle(self, outcome: Outcome) -> bool:
        """Takes the end of serving; False if it belongs to somebody else."""
        if outcome.task != self._task:
            return False
        self._task = 0
        self.poll()
        if outcome.kind == "failed" and self.on:
            self.window.result_label.setText(outcome.sentence)
        elif self.source.wanted:  # asked for after the last look
            self._next()
        return True
