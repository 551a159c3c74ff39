"""Live mode: while its switch is on, every change is reconstructed at once, newest first."""

from __future__ import annotations

import os
import time
from functools import partial

from qcs_gui.background.live import LiveRequest, LiveSource, serve_live, suits_live
from qcs_gui.background.worker import Failure, Task
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.stage.stage_controller import Before, StageController

__all__ = ["LiveController"]


class LiveController(Feature):
    """Asks the engine thread, one request at a time; what was asked meanwhile waits, and only the newest of it."""

    def __init__(self, context: Context, panels: StageController) -> None:
        super().__init__(context)
        self.panels = panels
        self._before: Before | None = None
        self.source = LiveSource()
        self.on = False
        self.latencies: list[float] = []
        self._number, self._task = 0, Task()
        self.window.live_button.toggled.connect(self.switch)
        self.session.observe(self._changed)
        context.ticked.connect(self.poll)
        context.closing.connect(self._close)

    def _close(self) -> None:
        self.on = False

    def switch(self, on: bool) -> None:
        """On: what a run left is put by. Off: it is on the stage again."""
        self.on = self.session.live = on
        self.panels.say_live("")
        if on:
            self._before = None
            self.window.show_page(self.window.stage)
            self.window.stage.follow()
            self.ask()
        else:
            self._put_back()
            self.context.say("Live mode is off; Run draws samples.", 4000)
        self.session.changed("live")

    def _put_back(self) -> None:
        if self._before is not None and self.session.state == State.IDLE:
            self.panels.restore(self._before, self.session.result)
            self.panels.say_result()
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
        reason = suits_live(session.spec) or self.context.setup.problem
        if reason:
            self.panels.say_live(reason)
            return
        self._number += 1
        fast = bool(self.context.preferences["fast_previews"])
        now = time.monotonic()
        self.source.put(LiveRequest(self._number, session.spec, pixels, now, session.adviser, fast))
        self._next()

    def _next(self) -> None:
        """Has the engine thread serve what is wanted, unless it does."""
        if self._task.ended and self.session.state == State.IDLE:
            work = partial(serve_live, self.source, os.cpu_count() or 1)
            self._task = self.context.engine.submit(work, self._served, self._not_served)

    def poll(self) -> None:
        """Shows the newest answer; called with every tick."""
        made = self.source.shown()
        if made is None or not self.on or self.session.state != State.IDLE:
            return
        request, frame = made
        if self._before is None:
            self._before = self.panels.begin()
        self.panels.show_live(frame)
        self.latencies.append(time.monotonic() - request.asked)
        del self.latencies[:-1000]
        lowered = f", {frame.precision}" if frame.precision == "bfloat16" else ""
        self.panels.say_live(f"Live: {1e3 * self.latencies[-1]:.0f} ms from change to picture{lowered}")

    def _served(self, _: None) -> None:
        self.poll()
        if self.source.wanted:  # asked for after the last look
            self._next()

    def _not_served(self, failure: Failure) -> None:
        if self.on:
            self.panels.say_live(failure.sentence)
