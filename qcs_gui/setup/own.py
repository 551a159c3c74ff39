"""The user's own measurements: into the window, and simulated ones out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer

from engine.errors import InputError
from engine.images.bundled import name_without
from engine.priors.choice import PriorChoice
from engine.runs.spec import RunSpec
from engine.sensing.own import Completion
from qcs_gui.background.worker import Failure, Task
from qcs_gui.context import Context, Feature
from qcs_gui.setup.data_check import DataCheck, keep_pieces
from qcs_gui.setup.measurement_dialog import MeasurementDialog
from qcs_gui.widgets.dialogs import show_once
from qcs_gui.widgets.files import ask_save

__all__ = ["OwnController"]

LOOK_MS = 250
"""A file is looked at once so long nothing was typed."""


@dataclass(frozen=True)
class _Read:
    """A measurement file with its additions, read and found usable: the spec it makes, and one line about it."""

    spec: RunSpec
    words: str
    shape: tuple[int, int, int]


def _read(file: str, completion: Completion, spec: RunSpec, keep: bool) -> _Read:
    """Reads, completes and checks; with ``keep`` the completed file is written where the recipe can name it."""
    from engine.runs.blur_width import settle_blur
    from engine.runs.first_prior import first_prior
    from engine.sensing.entries import assemble
    from engine.sensing.files import read_pieces
    from engine.sensing.own import describe_measurement, instrument_of

    pieces = completion.apply(read_pieces(file, completion.stack))
    settled = settle_blur(pieces)[0]
    measurement = assemble(settled)
    shape = measurement.operator.image_shape
    if keep and not completion.is_empty:
        file = str(keep_pieces(Path(name_without(file)).stem, pieces))
    spec = spec.replace(measurement=file, first_sample=0)
    prior, words = spec.prior, describe_measurement(measurement)
    if not prior.takes(shape):
        prior, why = first_prior(settled, shape)
        words += f"; the prior is {prior.name}, {why}"
    try:
        spec = spec.replace(prior=prior).reading(instrument_of(settled))
    except InputError:  # the algorithm was chosen for something else
        spec = spec.replace(prior=prior, algorithm=None).reading(instrument_of(settled))
    return _Read(spec, words, shape)


def _save(path: Path, spec: RunSpec, pixels: np.ndarray, adviser: PriorChoice) -> Path:
    """Measures and writes what was seen; the picture itself is not in the file."""
    import torch

    from engine.runs.job import measure
    from engine.sensing.files import save_measurement

    seen = measure(spec, torch.from_numpy(pixels)[None], adviser=adviser)
    return save_measurement(path, seen, spec.operator, spec.matrix_seed)


class OwnController(Feature):
    """The import dialog, run files on measurement files, and saving the measurement of the current image."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.dialog: MeasurementDialog | None = None
        self._looking = Task()
        self._soon = QTimer(self, interval=LOOK_MS, singleShot=True)
        self._soon.timeout.connect(self._look)
        self.window.image.own_button.clicked.connect(self.ask)
        self.check = DataCheck(context)
        self.check.mended.connect(self._take_mended)
        self.act(open_measurement=self.ask, save_measurement=self.ask_save, check_data=self.ask_check)
        self.session.observe(self._changed)

    # -- in --------------------------------------------------------------------------------------------------------

    def ask(self) -> None:
        self.open("")

    def open(self, name: str, kernel: str = "") -> None:
        """Shows the dialog, with a file already chosen if one is given, and the picture of its blur kernel."""
        self.dialog = dialog = MeasurementDialog(self.window)
        dialog.edited.connect(self._soon.start)
        dialog.edited.connect(self.check.stop)
        dialog.check.asked.connect(self._check)
        dialog.check.mend_asked.connect(self.check.mend)
        dialog.accepted.connect(self._use)
        dialog.finished.connect(self._put_away)
        show_once(dialog)
        if name:
            dialog.take(name, kernel)

    def _put_away(self) -> None:
        self._soon.stop()
        self._looking.forget()
        self.check.stop()
        self.dialog = None

    def ask_check(self) -> None:
        """The dialog on the measurement file in use, or on one that is chosen there."""
        self.open(self.session.spec.measurement)

    def _check(self) -> None:
        assert self.dialog is not None
        self.check.start(self.dialog.check, self.dialog.file.line.text(), self.dialog.completion())

    def _take_mended(self, file: str) -> None:
        """The mended file stands by itself."""
        if self.dialog is not None:
            self.dialog.take_file(file)

    def restore(self, spec: RunSpec, then: Callable[[], None] | None = None) -> None:
        """Takes a run file on a measurement file, or on a sample of one; ``then`` is called once it is in the session."""
        self.context.bring_in(
            partial(_read, spec.measurement, Completion(), spec, keep=True), partial(self._take, then=then)
        )

    def _look(self) -> None:
        self._looking.forget()
        if self.dialog is not None and self.dialog.file.line.text():
            work = partial(_read, self.dialog.file.line.text(), self.dialog.completion(), self.session.spec, keep=False)
            self._looking = self.context.files.submit(work, self._usable, self._unusable)

    def _usable(self, read: _Read) -> None:
        if self.dialog is not None:
            self.dialog.show_verdict(read.words, True)

    def _unusable(self, failure: Failure) -> None:
        if self.dialog is not None:
            self.dialog.show_verdict(failure.sentence, False)

    def _use(self) -> None:
        assert self.dialog is not None
        file, completion = self.dialog.file.line.text(), self.dialog.completion()
        self.context.bring_in(partial(_read, file, completion, self.session.spec, keep=True), self._take)

    def _take(self, read: _Read, then: Callable[[], None] | None = None) -> None:
        self.session.set_measurement(read.spec, read.shape)
        name, combo = read.spec.measurement, self.window.image.sample_combo
        self.window.image.image_label.setText(f"{name_without(Path(name).name)}: {read.words}")
        combo.setCurrentIndex(max(combo.findData(name), 0))
        if then is not None:
            then()

    # -- out -------------------------------------------------------------------------------------------------------

    def ask_save(self) -> None:
        path = ask_save(self.window, "Save measurement", "measurement.npz", "Measurements (*.npz)")
        if path is not None:
            self.save(path)

    def save(self, path: Path) -> None:
        """Measures the current image and writes what was seen."""
        session = self.session
        if session.pixels is not None:
            work = partial(_save, path, session.spec, session.pixels, session.adviser)
            self.context.files.submit(work, self.context.say_saved)

    def _changed(self, what: str) -> None:
        if what == "measurement":
            self.window.stage.store.set_image("truth", None, "Truth (not known)")
            self.window.stage.store.set_image("error", None)
        if what in ("measurement", "image", "state"):
            self.window.actions_by_name["save_measurement"].setEnabled(self.session.pixels is not None)
