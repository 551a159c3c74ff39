"""Training from the window: a thread of its own, which ends with the training."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from engine.control import Control
from engine.errors import InputError
from engine.priors.library import priors
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.session import (
    TrainingFrame,
    discard,
    prepare_settings,
    run_session,
    training_folder,
    unfinished,
)
from engine.priors.training.settings import DenoiserTraining, Training
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Failure, Worker
from qcs_gui.context import Context, Feature
from qcs_gui.priors.training_dialog import TrainingDialog
from qcs_gui.widgets.boxes import FileField
from qcs_gui.widgets.offer import Offer

__all__ = ["TrainingController"]


def _touched(name: str) -> float:
    """When an unfinished training was last saved."""
    folder = training_folder()
    return max((p.stat().st_mtime for p in folder.glob(f"{name}.*")), default=0.0)


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


class TrainingController(Feature):
    """The dialog's logic."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._trained = ""
        self.dialog: TrainingDialog | None = None
        self.worker: Worker | None = None
        self.control = Control()
        self.mailbox: Mailbox[TrainingFrame] = Mailbox(8)
        self._preview = 0
        context.ticked.connect(self.poll)
        context.themed.connect(self.repaint)
        context.closing.connect(self.leave)
        self.act(train_prior=self.open)

    @property
    def running(self) -> bool:
        """Whether a training is going or paused."""
        return self.worker is not None

    def open(self) -> None:
        """Shows the dialog, with what can be resumed."""
        if self.dialog is None:
            self.dialog = d = TrainingDialog(self.window)
            d.set_colours(self.context.colours)
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
            self.dialog.set_colours(self.context.colours)

    def offer(self) -> None:
        """After the start: a training that was left, or broke off, can be gone on with."""
        left = unfinished()
        if not left or self.running:
            return
        name = max(left, key=lambda n: _touched(n))
        words = (
            f"The training of '{name}' was left unfinished"
            + (f", and {len(left) - 1} more" if len(left) > 1 else "")
            + "."
        )
        offer = Offer(self.window, words, "Go on with it", "Later")
        offer.taken.connect(lambda: self.go_on_with(name))
        offer.show_at_corner()

    def go_on_with(self, name: str) -> None:
        """Opens the dialog with an unfinished training, and resumes it."""
        self.open()
        assert self.dialog is not None
        index = self.dialog.resume_combo.findData(name)
        if index >= 0:
            self.dialog.resume_combo.setCurrentIndex(index)
            self._chosen()
            self.start()

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
        self.worker = self.context.worker("training")
        self.worker.submit(partial(run_session, settings, control, mailbox.put, mailbox.due), self._done, self._stopped)
        d.clear()
        d.says.setText("Reading the pictures ...")
        self._enable()

    def _settings(self, d: TrainingDialog) -> Training:
        name = d.resume_combo.currentData()
        if name:
            return replace(unfinished()[name], threads=self.context.threads)
        cls = d.panel.cls
        assert issubclass(cls, Training)
        values = {**STARTING[cls], **d.panel.values(), "steps": 10_000_000, "threads": self.context.threads}
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
        """Takes the prior that was just trained, and shows the window behind: with a matrix that suits a picture at its size;
        what was measured elsewhere stays as it is, and the column says where the prior is not for it."""
        from engine.runs.fit import suited

        assert self.dialog is not None
        self.dialog.hide()
        if self.session.original is not None:
            self.session.take(suited(self.session.picture, self.session.spec, self._trained))
        else:
            self.window.prior_form.fill(priors(), self._trained)
            self.window.prior_form.edited.emit()

    def leave(self) -> None:
        """Saves the training for later; the prior list stays as it is."""
        self.control.cancel()

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
        """Shows the newest frame."""
        frame = self.mailbox.take() if self.running else None
        if frame is not None and self.dialog is not None:
            self._show(self.dialog, frame)

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
                kept = (
                    "" if frame.best is None else f". Kept: step {frame.best[0]:,}, {frame.best[1]:.1f} dB (the star)"
                )
                d.psnr_label.setText(f"{frame.measures} on pictures it is not trained on: {values}{kept}")
            d.mark_best(frame.best)

    def _done(self, name: str) -> None:
        self._end(f"Done: the prior '{name}' is in the list.")
        self.context.prior_added.emit(name)
        self._trained = name
        if self.dialog is not None:
            self.dialog.use_button.show()

    def _stopped(self, failure: Failure) -> None:
        self._end("Saved for later; choose it above to go on." if failure.cancelled else failure.sentence)
        if failure.details:
            self.context.failed(failure)

    def _end(self, words: str) -> None:
        self.poll()  # the last frame may have come after the last look
        if self.worker is not None:
            self.worker.end()
        self.worker = None
        if self.dialog is not None:
            self.dialog.says.setText(words)
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
