"""Run, pause, finish, cancel, add samples; and the 30 Hz timer that empties mailbox and outcomes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from engine.control import Control
from qcs_gui.background.frames import Frame, Kept, RunRequest, execute, warm_up
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import PACES, MainWindow
from qcs_gui.model import Session, State
from qcs_gui.stage.result import doubts_about, result_line
from qcs_gui.stage.stage_controller import StageController

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec

__all__ = ["RunController", "default_threads"]

REFRESH_MS, FLUENT_SECONDS = 33, 2.0


def default_threads() -> int:
    """Torch threads that leave one core to the window."""
    return max(1, (os.cpu_count() or 2) - 1)


class RunController(QObject):
    """The only place that talks to the engine thread. All that comes back is polled, so nothing crosses threads as a signal."""

    def __init__(
        self, session: Session, window: MainWindow, panels: StageController, report: Callable[[str, str], None],
        handlers: list[Callable[[Outcome], bool]], io_worker: Worker, threads: int,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self.session, self.window, self.panels, self.report = session, window, panels, report
        self.lookers: list[Callable[[], None]] = []
        self.engine_handlers: list[Callable[[Outcome], bool]] = []
        self.handlers, self.io_worker, self.threads = handlers, io_worker, threads
        self.worker = Worker("engine")
        self.mailbox: Mailbox[Frame] = Mailbox()
        self.control = Control()
        self.may_run: Callable[[], str] = lambda: ""
        self.keep_now: Callable[[Reconstruction], Kept] = Kept
        self.take_kept: Callable[[Kept], None] = lambda kept: None
        self._run = 0
        self._listed = False
        self._measured = session.spec.prior
        self._task = self._warm_task = 0
        self._before: tuple | None = None
        self._list: list[RunSpec] = []
        self._one_ended: Callable[[Reconstruction, int], None] = lambda result, left: None
        self._list_stopped: Callable[[], None] = lambda: None
        self._then: Callable[[], None] | None = None
        self.pace_chosen = False
        window.pace.activated.connect(self._choose_pace)
        self._timer = QTimer(self, interval=REFRESH_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.poll)
        self._timer.start()
        w = window
        for name, button, slot in (
            ("run", w.run_button, self.run), ("pause", w.pause_button, self.pause), ("finish", w.finish_button, self.finish),
            ("cancel", w.cancel_button, self.cancel), ("more", w.more_button, self.add_samples),
        ):  # fmt: skip
            button.clicked.connect(slot)
            w.actions_by_name[name].triggered.connect(slot)
        session.observe(self._changed)
        self._changed("state")

    def warm_up(self) -> None:
        """Imports torch and measures the prior's speed in the engine thread."""
        spec, threads = self.session.spec, self.threads
        self._measured = spec.prior
        self._warm_task = self.worker.submit(lambda: warm_up(spec, threads))

    # -- commands ----------------------------------------------------------------------------------------------------

    def _choose_pace(self, _: int) -> None:
        self.pace_chosen = True

    @property
    def pace(self) -> float:
        return PACES[self.window.pace.currentText()]

    def run(self) -> None:
        if self.session.state == State.IDLE and self.session.ready and not self.may_run():
            self.window.show_page(self.window.stage)
            self._start(self._request(self.session.spec, self.session.adviser))

    def _request(self, spec: RunSpec, adviser: PriorChoice | None) -> RunRequest:
        return RunRequest(self._run + 1, spec, self.session.pixels, self.threads, pace=self.pace, adviser=adviser)

    def run_list(
        self, specs: list[RunSpec], ended: Callable[[Reconstruction, int], None], stopped: Callable[[], None]
    ) -> None:
        """Runs the specs on the loaded picture, one after the other; ``ended`` gets each result and how many are left,
        ``stopped`` is called where one was cancelled or failed, which ends the list."""
        if self.session.state != State.IDLE or not self.session.ready or not specs:
            return
        self._list, self._one_ended, self._list_stopped = list(specs), ended, stopped
        self.window.show_page(self.window.stage)
        self._next_of_list()

    def _next_of_list(self) -> None:
        spec = self._list.pop(0)
        self._listed = True
        # the same measurement for all of them that ask for the same
        same = spec.measured == self.session.spec.measured
        self._start(self._request(spec, self.session.adviser if same else None))

    def cancel_then(self, then: Callable[[], None]) -> None:
        """Cancels what runs, and goes on with ``then`` once it has ended."""
        self._then = then
        self.cancel()

    def add_samples(self) -> None:
        """As many samples again, with the settings of the finished run."""
        result = self.session.result
        if self.session.state == State.IDLE and result is not None and self.session.extends_result:
            # one run's seed and numbering goes on where its samples ended
            spec = result.spec.replace(first_sample=result.spec.first_sample + len(result.samples))
            spec = spec.replace(samples=self.session.spec.samples)
            self._start(RunRequest(self._run + 1, spec, result.truth, self.threads, earlier=result, pace=self.pace))

    def _start(self, request: RunRequest) -> None:
        self._run = request.run
        self.request = request
        self.control = control = Control()
        mailbox = self.mailbox
        mailbox.take()
        self._before = self.panels.begin()
        self.window.result_label.setText(f"{request.spec.algorithm.label} is running ...")
        self.window.stage.note_label.hide()
        self.window.statusBar().clearMessage()
        self.window.stage.timeline.stop()
        keep = self.keep_now
        self._task = self.worker.submit(lambda: keep(execute(request, control, mailbox)))
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
        if self.session.state in (State.RUNNING, State.PAUSED, State.STOPPING):
            self.control.cancel()
            self.session.set_state(State.STOPPING)

    def close(self, timeout: float = 10.0) -> bool:
        """Ends the run and both threads; whether they ended in time."""
        self._timer.stop()
        self.control.cancel()
        ended = [worker.close(timeout) for worker in (self.io_worker, self.worker)]
        return all(ended)

    # -- what comes back ---------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Shows the newest frame and handles what ended; runs 30 times a second in the GUI thread."""
        self.mailbox.wanted = self.window.isVisible() and not self.window.isMinimized()
        frame = self.mailbox.take()
        if frame is not None and frame.run == self._run and self.session.state != State.IDLE:
            # a short run is shown as fluently as it goes; a long one is not slowed by its own picture
            self.mailbox.pace(self.panels.seconds_per_frame if frame.elapsed > FLUENT_SECONDS else 0.0)
            self.panels.arrive(frame)
        for look in self.lookers:
            look()
        for outcome in self.worker.take():
            self._ended(outcome)
        for outcome in self.io_worker.take():
            for handle in self.handlers:
                if handle(outcome):
                    break

    def _ended(self, outcome: Outcome) -> None:
        if outcome.task == self._warm_task:
            if outcome.kind == "done":
                self.session.device, self.session.speed = outcome.value
                self.window.device_label.setText(
                    f"{self.session.device}, {self.threads} thread{'s' * (self.threads > 1)}"
                )
                self.session.changed("speed")
                self._changed("spec")  # another prior may have been chosen meanwhile
            else:
                self.window.device_label.setText("engine did not start")
                self.report(outcome.sentence, outcome.details)
            return
        if outcome.task != self._task:
            any(handle(outcome) for handle in self.engine_handlers)
            return
        frame = self.mailbox.take()  # the last one may have come after this poll's look
        if outcome.kind == "done":
            if frame is not None and frame.run == self._run:
                self.panels.arrive(frame)
            kept = outcome.value
            result = kept.result
            self.session.set_state(State.IDLE)
            self.take_kept(kept)
            if self.request.earlier is None:
                self.session.was_measured(self.request.spec, self.request.adviser or self.request.spec.prior)
            self.session.set_result(result, saved=bool(kept.path))
            self.panels.show_result(result)
            self.say_result()
            if self._listed:
                if self._then is not None:  # a cancel that came as the run ended
                    self._list = []
                self._listed = bool(self._list)
                self._one_ended(result, len(self._list))
                if self._list:
                    self._before = None
                    self._next_of_list()
                    return
        else:
            assert self._before is not None
            self.panels.restore(self._before, self.session.result)
            if self._listed:
                self._list, self._listed = [], False
                self._list_stopped()
            self.session.set_state(State.IDLE)
            self.say_result()
            if outcome.kind == "failed":
                self.report(outcome.sentence, outcome.details)
            else:
                self.window.statusBar().showMessage("Cancelled; nothing of the run was kept.", 5000)
        self._before = None
        if self._then is not None:
            then, self._then = self._then, None
            then()

    def say_result(self) -> None:
        """The result in one line of large type; what is doubtful about it below."""
        result = self.session.result
        if result is None:
            self.window.result_label.setText("Choose what to measure on the left, then press Run.")
            self.window.stage.note_label.hide()
            return
        self.window.result_label.setText(result_line(result))
        doubts = doubts_about(result)
        self.window.stage.note_label.setText(" ".join(doubts))
        self.window.stage.note_label.setVisible(bool(doubts))

    def _changed(self, what: str) -> None:
        chosen = self.session.spec.prior
        if what in ("spec", "measurement") and self.session.speed is not None and chosen != self._measured:
            self.session.speed = None  # another network: its speed is measured before it is estimated with
            self.warm_up()
        if what not in ("state", "result", "image", "spec", "measurement"):
            return
        session, w = self.session, self.window
        idle, active = session.state == State.IDLE, session.state in (State.RUNNING, State.PAUSED)
        may_run = idle and session.ready and not self.may_run()
        w.actions_by_name["compare_algorithms"].setEnabled(may_run)
        may_add = idle and session.extends_result
        w.pause_button.setText("Resume" if session.state == State.PAUSED else "Pause")
        w.run_button.setText("Run" if idle else session.state.capitalize() + " ...")
        enabled = {"run": may_run, "pause": active, "finish": active, "cancel": not idle, "more": may_add}
        buttons = {
            "run": w.run_button,
            "pause": w.pause_button,
            "finish": w.finish_button,
            "cancel": w.cancel_button,
            "more": w.more_button,
        }
        for name, value in enabled.items():
            buttons[name].setEnabled(value)
            w.actions_by_name[name].setEnabled(value)
