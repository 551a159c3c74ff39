"""Training from the window: a thread of its own, which ends with the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from engine.control import Control
from engine.errors import InputError
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.session import TrainingFrame, discard, prepare_settings, run_session, unfinished
from engine.priors.training.settings import DenoiserTraining, Training
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.priors.training_dialog import TrainingDialog
from qcs_gui.theme import THEMES
from qcs_gui.widgets.boxes import FileField

__all__ = ["TrainingController"]

NEW = "A new training"
STARTING_VALUES = {
    "minutes": 10.0,
    "width": 32,
    "blocks": 2,
    "batch": 32,
    "attention": False,
    "steps": 10_000_000,
    "average": 0.995,
}
"""For minutes rather than hours: a small network takes many more steps in the time."""
GENERATOR_VALUES = {"minutes": 10.0, "width": 32, "batch": 64, "average": 0.995, "steps": 10_000_000}
STARTING = {DenoiserTraining: STARTING_VALUES, GeneratorTraining: GENERATOR_VALUES}


class TrainingController(QObject):
    """The dialog's logic. ``listed`` is told when a prior has joined the library."""

    def __init__(
        self, window: MainWindow, report: Callable[[str, str], None], threads: int, theme: Callable[[], str]
    ) -> None:
        super().__init__(window)
        self.window, self.report, self.threads, self.theme = window, report, threads, theme
        self.listed: Callable[[str], None] = lambda name: None
        self.use: Callable[[str], None] = lambda name: None
        self._trained = ""
        self.dialog: TrainingDialog | None = None
        self.worker: Worker | None = None
        self.control = Control()
        self.mailbox: Mailbox[TrainingFrame] = Mailbox(8)
        self._preview = 0
        self._timer = QTimer(self, interval=100)
        self._timer.timeout.connect(self.poll)
        window.actions_by_name["train_prior"].triggered.connect(self.open)

    @property
    def running(self) -> bool:
        """Whether a training is going or paused."""
        return self.worker is not None

    def open(self) -> None:
        """Shows the dialog, with what can be resumed."""
        if self.dialog is None:
            self.dialog = d = TrainingDialog(self.window)
            d.set_colours(THEMES[self.theme()])
            for cls, panel in d.panels.items():
                panel.show_values(STARTING[cls])
            d.start_button.clicked.connect(self.start)
            d.pause_button.clicked.connect(self.pause)
            d.keep_button.clicked.connect(self.control_finish)
            d.leave_button.clicked.connect(self.leave)
            d.discard_button.clicked.connect(self._discard)
            d.resume_combo.activated.connect(self._chosen)
            d.use_button.clicked.connect(self._use)
            d.on_close = self.leave
            self._list()
            self._enable()
        self.dialog.show()
        self.dialog.raise_()

    def open_with(self, folder: str) -> None:
        """Shows the dialog with a folder of pictures already chosen."""
        self.open()
        assert self.dialog is not None
        field = self.dialog.panel.fields["images"]
        if not self.running and isinstance(field, FileField):
            field.line.setText(folder)

    def repaint(self) -> None:
        """Takes the theme there is now."""
        if self.dialog is not None:
            self.dialog.set_colours(THEMES[self.theme()])

    # -- commands --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins or resumes the training that the fields describe."""
        d = self.dialog
        assert d is not None
        if self.running:
            return
        try:
            settings = self._settings(d)
        except InputError as error:
            d.says.setText(str(error))
            return
        self.control, self._preview = Control(), 0
        control, mailbox = self.control, self.mailbox
        mailbox.take()
        self.worker = Worker("training")
        self.worker.submit(lambda: run_session(settings, control, mailbox.put, mailbox.due))
        d.clear()
        d.says.setText("Reading the pictures ...")
        self._timer.start()
        self._enable()

    def _settings(self, d: TrainingDialog) -> Training:
        name = d.resume_combo.currentData()
        if name:
            return replace(unfinished()[name], threads=self.threads)
        cls = d.panel.cls
        values = {**STARTING[cls], **d.panel.values(), "steps": 10_000_000, "threads": self.threads}
        wanted = cls(**values)
        assert isinstance(wanted, Training)
        settings = prepare_settings(wanted)
        if settings.prior in unfinished():
            raise InputError(
                f"There is an unfinished training '{settings.prior}': choose it above to resume, or another name."
            )
        if not settings.minutes:
            raise InputError("Give a time budget of more than 0 minutes.")
        return settings

    def pause(self) -> None:
        """Holds or goes on, within one step."""
        if self.running:
            (self.control.resume if self.control.paused else self.control.pause)()
            self._enable()

    def control_finish(self) -> None:
        """Ends the training and keeps the prior."""
        self.control.finish()

    def _use(self) -> None:
        """Takes the prior that was just trained, and shows the window behind."""
        assert self.dialog is not None
        self.dialog.hide()
        self.use(self._trained)

    def leave(self) -> None:
        """Saves the training for later; the prior list stays as it is."""
        self.control.cancel()

    def close(self, timeout: float = 15.0) -> bool:
        """Saves and ends a training; whether its thread ended in time."""
        self.leave()
        self._timer.stop()
        ended = self.worker is None or self.worker.close(timeout)
        self.worker = None
        return ended

    def _discard(self) -> None:
        assert self.dialog is not None
        name = self.dialog.resume_combo.currentData()
        if name and not self.running:
            discard(name)
            self.dialog.says.setText(f"What was left of the training '{name}' is removed.")
            self._list()
            self._enable()

    def _chosen(self) -> None:
        d = self.dialog
        assert d is not None
        settings = unfinished().get(d.resume_combo.currentData() or "")
        if settings is not None:
            d.choose_kind(type(settings))
            d.panel.show_values({k: getattr(settings, k) for k in settings.settings()})
        self._enable()

    # -- what comes back -------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Shows the newest frame and notices the end; ten times a second while a training goes."""
        d, worker = self.dialog, self.worker
        if d is None or worker is None:
            return
        frame = self.mailbox.take()
        if frame is not None:
            self._show(d, frame)
        for outcome in worker.take():
            last = self.mailbox.take()
            if last is not None:
                self._show(d, last)
            self._timer.stop()
            worker.close(5.0)
            self.worker = None
            self._ended(d, outcome)

    def _show(self, d: TrainingDialog, frame: TrainingFrame) -> None:
        d.progress.setValue(round(1000 * frame.share))
        d.show_curves(frame.history)
        left = frame.seconds_left
        words = f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"
        state = "Paused" if self.control.paused else "Training"
        d.says.setText(f"{state}: step {frame.step:,}, loss {frame.loss:.3f}, {words} left")
        d.note.setText(frame.note)
        d.note.setVisible(bool(frame.note))
        if frame.preview > self._preview and frame.samples is not None:
            self._preview = frame.preview
            d.show_samples(frame.samples)
            values = ", ".join(f"{v:.1f} dB" + (f" at sigma {s:g}" if s else "") for s, v in frame.psnr.items())
            if values:
                d.psnr_label.setText(f"{frame.measures} on pictures it is not trained on: {values}")

    def _ended(self, d: TrainingDialog, outcome: Outcome) -> None:
        if outcome.kind == "done":
            d.says.setText(f"Done: the prior '{outcome.value}' is in the list.")
            self.listed(outcome.value)
            self._trained = outcome.value
            d.use_button.show()
        elif outcome.kind == "cancelled":
            d.says.setText("Saved for later; choose it above to go on.")
        else:
            d.says.setText(outcome.sentence)
            if outcome.details:
                self.report(outcome.sentence, outcome.details)
        self._list()
        self._enable()

    def _list(self) -> None:
        combo = self.dialog.resume_combo if self.dialog is not None else None
        if combo is not None:
            combo.clear()
            combo.addItem(NEW, "")
            for name in unfinished():
                combo.addItem(f"Go on with '{name}'", name)

    def _enable(self) -> None:
        d = self.dialog
        if d is None:
            return
        resuming = bool(d.resume_combo.currentData())
        d.start_button.setEnabled(not self.running)
        d.start_button.setText("Go on" if resuming else "Train")
        for widget in (d.stack, d.kind_combo):
            widget.setEnabled(not self.running and not resuming)
        d.resume_combo.setEnabled(not self.running)
        d.discard_button.setEnabled(not self.running and resuming)
        for button in (d.pause_button, d.keep_button, d.leave_button):
            button.setEnabled(self.running)
        d.pause_button.setText("Resume" if self.control.paused and self.running else "Pause")
