"""Live mode: while its switch is on, every change is reconstructed at once, newest first."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject

from qcs_gui.background.live import LiveRequest, LiveSource, reconstruct_live, suits_live
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.stage.panels import PanelController

__all__ = ["LiveController"]


class LiveController(QObject):
    """Asks the engine thread, one request at a time; what was asked meanwhile waits, and only the newest of it."""

    def __init__(self, session: Session, window: MainWindow, panels: PanelController, worker: Worker,
                 problem: Callable[[], str]) -> None:  # fmt: skip
        super().__init__(window)
        self.session, self.window, self.panels, self.worker = session, window, panels, worker
        self.problem = problem
        self.source = LiveSource()
        self.on = False
        self.latencies: list[float] = []
        self._number = self._task = 0
        self._asked: dict[int, float] = {}
        window.live_button.toggled.connect(self.switch)
        session.observe(self._changed)

    def switch(self, on: bool) -> None:
        self.on = on
        if on:
            self.window.show_page(self.window.stage)
            self.window.show_view("mean")
            self.ask()
        else:
            self.window.statusBar().showMessage("Live mode is off; Run draws samples.", 4000)

    def _changed(self, what: str) -> None:
        if self.on and what in ("spec", "image", "stroke"):
            self.ask()

    def ask(self) -> None:
        """The present set-up, as soon as the engine is free."""
        session = self.session
        if session.state != State.IDLE or session.pixels is None:
            return
        reason = suits_live(session.spec) or self.problem()
        if reason:
            self.window.result_label.setText(reason)
            return
        self._number += 1
        self.source.put(LiveRequest(self._number, session.spec, session.pixels, time.monotonic()))
        self._next()

    def _next(self) -> None:
        if self._task or self.session.state != State.IDLE:
            return
        request = self.source.take()
        if request is None:
            return
        source = self.source
        task = self.worker.submit(lambda: reconstruct_live(request, source))
        self._task, self._asked[task] = task, request.asked

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of a live reconstruction; False if it belongs to somebody else."""
        if outcome.task not in self._asked:
            return False
        asked = self._asked.pop(outcome.task)
        self._task = 0
        if outcome.kind == "done" and self.on and self.session.state == State.IDLE:
            frame = outcome.value
            self.panels.show_live(frame)
            self.latencies.append(time.monotonic() - asked)
            del self.latencies[:-1000]
            psnr = [v for v in frame.history.get("psnr_mean", []) if v is not None]
            words = f"Live: PSNR {psnr[-1]:.1f} dB, " if psnr else "Live: "
            self.window.result_label.setText(f"{words}{1e3 * self.latencies[-1]:.0f} ms from change to picture")
        elif outcome.kind == "failed" and self.on:
            self.window.result_label.setText(outcome.sentence)
        self._next()
        return True
