"""Run, pause, finish, cancel, add samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QMessageBox

from engine.control import Control
from qcs_gui.background.frames import Frame, Kept, RunRequest, execute_and_keep, warm_up
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Failure, Task
from qcs_gui.context import Context, Feature
from qcs_gui.main_window import PACES
from qcs_gui.model import State
from qcs_gui.stage.stage_controller import Before, StageController
from qcs_gui.widgets.dialogs import show_once

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec

__all__ = ["RunController", "default_threads"]

FLUENT_SECONDS = 2.0
LONG_SECONDS = 30.0
"""After so long a run is not thrown away without a question."""

Ended = Callable[["Reconstruction", int], None]
"""Told of each result of a list, and how many runs are left."""


def default_threads() -> int:
    """Torch threads that leave one core to the window."""
    return max(1, (os.cpu_count() or 2) - 1)


class RunController(Feature):
    """One run at a time in the engine thread; its frames are looked for, so nothing crosses threads as a signal."""

    def __init__(self, context: Context, panels: StageController) -> None:
        super().__init__(context)
        self.panels, self.worker, self.threads = panels, context.engine, context.threads
        self.mailbox: Mailbox[Frame] = Mailbox()
        self.control = Control()
        self._run = 0
        self._measured = self.session.spec.prior
        self._warming = Task()
        self._then: Callable[[], None] | None = None
        self.pace_chosen = False
        self.question: QMessageBox | None = None
        w = self.window
        w.pace.activated.connect(self._choose_pace)
        self._buttons = {
            "run": w.run_button, "pause": w.pause_button, "finish": w.finish_button, "cancel": w.cancel_button,
            "more": w.more_button,
        }  # fmt: skip
        self.act(run=self.run, pause=self.pause, finish=self.finish, cancel=self.cancel, more=self.add_samples)
        for name, button in self._buttons.items():
            button.clicked.connect(w.actions_by_name[name].trigger)
        context.ticked.connect(self.poll)
        context.closing.connect(self._close)
        self.session.observe(self._changed)
        self._changed("state")

    def warm_up(self) -> None:
        """Imports torch and measures the prior's speed in the engine thread."""
        self._measured = self.session.spec.prior
        self._warming.forget()
        work = partial(warm_up, self.session.spec, self.threads)
        self._warming = self.worker.submit(work, self._warmed, self._not_warmed)

    def _warmed(self, found: tuple[str, Any]) -> None:
        self.session.device, self.session.speed = found
        self.window.device_label.setText(f"{self.session.device}, {self.threads} thread{'s' * (self.threads > 1)}")
        self.session.changed("speed")
        self._changed("spec")  # another prior may have been chosen meanwhile

    def _not_warmed(self, failure: Failure) -> None:
        self.window.device_label.setText("engine did not start")
        self.context.failed(failure)

    # -- commands ----------------------------------------------------------------------------------------------------

    def _choose_pace(self, _: int) -> None:
        self.pace_chosen = True

    @property
    def may_run(self) -> bool:
        return self.session.state == State.IDLE and self.session.ready and not self.context.setup.problem

    def run(self) -> None:
        if self.may_run:
            self.window.show_page(self.window.stage)
            self._start(self._request(self.session.spec, self.session.adviser))

    def _request(self, spec: RunSpec, adviser: PriorChoice | None, earlier: Reconstruction | None = None) -> RunRequest:
        pixels = self.session.pixels if earlier is None else earlier.truth
        pace = PACES[self.window.pace.currentText()]
        return RunRequest(self._run + 1, spec, pixels, self.threads, earlier, pace, adviser)

    def run_list(self, specs: list[RunSpec], ended: Ended, stopped: Callable[[], None]) -> None:
        """Runs the specs on the loaded picture, one after the other; ``ended`` gets each result and how many are left,
        ``stopped`` is called where one was cancelled or failed, which ends the list."""
        if self.session.state == State.IDLE and self.session.ready and specs:
            self.window.show_page(self.window.stage)
            self._start_list(specs, ended, stopped)

    def _start_list(self, specs: list[RunSpec], ended: Ended, stopped: Callable[[], None]) -> None:
        then = partial(self._one_ended, specs[1:], ended, stopped)
        # the same measurement for all of them that ask for the same
        same = specs[0].measured == self.session.spec.measured
        self._start(self._request(specs[0], self.session.adviser if same else None), then, stopped)

    def _one_ended(
        self, rest: list[RunSpec], ended: Ended, stopped: Callable[[], None], result: Reconstruction
    ) -> None:
        if self._then is not None:  # a cancel that came as the run ended
            rest = []
        ended(result, len(rest))
        if rest:
            self._start_list(rest, ended, stopped)

    def cancel_then(self, then: Callable[[], None]) -> None:
        """Cancels what runs, and goes on with ``then`` once it has ended."""
        self._then = then
        self._cancel()

    def add_samples(self) -> None:
        """As many samples again, with the settings of the finished run."""
        result = self.session.result
        if self.session.state == State.IDLE and result is not None and self.session.extends_result:
            # one run's seed and numbering goes on where its samples ended
            spec = result.spec.replace(first_sample=result.spec.first_sample + len(result.samples))
            self._start(self._request(spec.replace(samples=self.session.spec.samples), None, result))

    def _start(
        self, request: RunRequest, then: Callable[[Reconstruction], None] | None = None,
        stopped: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._run = request.run
        if self.session.device:
            self._warming.withdraw()  # nobody waits for an estimate who has pressed Run; it is made afterwards
        self.control = Control()
        self.mailbox.take()
        before = self.panels.begin()
        self.panels.running = request.spec.algorithm.label
        self.window.stage.follow()
        self.window.statusBar().clearMessage()
        self.window.stage.timeline.stop()
        self.worker.submit(
            partial(execute_and_keep, request, self.control, self.mailbox, self.context.keep),
            partial(self._done, request, then),
            partial(self._stopped, before, stopped),
        )
        self.session.set_state(State.RUNNING)

    def pause(self) -> None:
        if self.session.state == State.RUNNING:
            self.control.pause()
            self.session.set_state(State.PAUSED)
        elif self.session.state == State.PAUSED:
            self.control.resume()
            self.session.set_state(State.RUNNING)

    def finish(self) -> None:
        if self.session.state in (State.RUNNING, State.PAUSED):
            self.control.finish()
            self.session.set_state(State.STOPPING)

    def cancel(self) -> None:
        """Cancels; a run that took long asks, since nothing brings it back."""
        newest = self.panels.newest
        long = newest is not None and newest.run == self._run and newest.elapsed > LONG_SECONDS
        if self.session.state in (State.RUNNING, State.PAUSED) and long and newest is not None:
            self._ask_before_cancelling(newest)
        else:
            self._cancel()

    def _ask_before_cancelling(self, newest: Frame) -> None:
        self.question = box = QMessageBox(self.window)
        box.setWindowTitle("QCS Studio")
        box.setText(
            f"This run has taken {newest.elapsed:.0f} s (step {newest.step} of {newest.steps}). Keep nothing of it?"
        )
        keep = box.addButton("Keep the estimate so far", QMessageBox.ButtonRole.AcceptRole)
        drop = box.addButton("Cancel the run", QMessageBox.ButtonRole.DestructiveRole)
        go_on = box.addButton("Go on", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(go_on)
        keep.clicked.connect(self.finish)
        drop.clicked.connect(self._cancel)
        box.finished.connect(lambda _: setattr(self, "question", None))
        show_once(box)

    def _cancel(self) -> None:
        if self.session.state in (State.RUNNING, State.PAUSED, State.STOPPING):
            self.control.cancel()
            self.session.set_state(State.STOPPING)

    def _close(self) -> None:
        self.control.cancel()

    # -- what comes back ---------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Shows the newest frame; runs 30 times a second in the GUI thread."""
        self.mailbox.wanted = self.window.isVisible() and not self.window.isMinimized()
        frame = self.mailbox.take()
        if frame is not None and frame.run == self._run and self.session.state != State.IDLE:
            # a short run is shown as fluently as it goes; a long one is not slowed by its own picture
            self.mailbox.pace(self.panels.seconds_per_frame if frame.elapsed > FLUENT_SECONDS else 0.0)
            self.panels.arrive(frame)

    def _done(self, request: RunRequest, then: Callable[[Reconstruction], None] | None, kept: Kept) -> None:
        self.poll()  # the last frame may have come after the last look
        if self.question is not None:
            self.question.reject()  # it ended by itself
        result = kept.result
        self.session.set_state(State.IDLE)
        if kept.sentence:
            self.context.report(kept.sentence)
        if request.earlier is None:
            self.session.was_measured(request.spec, request.adviser or request.spec.prior)
        self.session.set_result(result, path=kept.path)
        self.panels.show_result(result)
        self.panels.say_result()
        if then is not None:
            then(result)
        self._go_on()

    def _stopped(self, before: Before, stopped: Callable[[], None] | None, failure: Failure) -> None:
        if self.question is not None:
            self.question.reject()
        self.panels.restore(before, self.session.result)
        if stopped is not None:
            stopped()
        self.session.set_state(State.IDLE)
        self.panels.say_result()
        self.context.failed(failure)
        self._go_on()

    def _go_on(self) -> None:
        if self.session.speed is None and self._warming.ended:
            self.warm_up()
        if self._then is not None and self.session.state == State.IDLE:
            then, self._then = self._then, None
            then()

    def _changed(self, what: str) -> None:
        chosen = self.session.spec.prior
        if what in ("spec", "measurement") and self.session.speed is not None and chosen != self._measured:
            self.session.speed = None  # another network: its speed is measured before it is estimated with
            self.warm_up()
        if what not in ("state", "result", "image", "spec", "measurement"):
            return
        session, w = self.session, self.window
        idle, active = session.state == State.IDLE, session.state in (State.RUNNING, State.PAUSED)
        w.actions_by_name["compare_algorithms"].setEnabled(self.may_run)
        w.pause_button.setText("Resume" if session.state == State.PAUSED else "Pause")
        w.run_button.setText("Run" if idle else session.state.capitalize() + " ...")
        enabled = {
            "run": self.may_run, "pause": active, "finish": active, "cancel": not idle,
            "more": idle and session.extends_result,
        }  # fmt: skip
        # what is greyed under the focus must not pass it on to Live, which Space would switch
        begun = w.run_button.hasFocus() and not idle
        ended = idle and any(b.hasFocus() for b in (w.pause_button, w.finish_button, w.cancel_button))
        for name, value in enabled.items():
            self._buttons[name].setEnabled(value)
            w.actions_by_name[name].setEnabled(value)
        if begun or ended:
            (w.pause_button if begun else w.run_button).setFocus()
