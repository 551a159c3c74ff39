"""The user's own measurements: into the window, and simulated ones out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from engine.errors import InputError
from engine.files import make_folder
from engine.priors.choice import PriorChoice, Shape
from engine.priors.library import priors, user_folder
from engine.runs.spec import RunSpec
from engine.sensing.own import Completion
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.setup.measurement_dialog import MeasurementDialog

__all__ = ["OwnController"]


@dataclass(frozen=True)
class _Read:
    """A measurement file with its additions, read and found usable: the spec it makes, and one line about it."""

    spec: RunSpec
    words: str
    shape: tuple[int, int, int]


def _read(file: str, completion: Completion, spec: RunSpec, keep: bool) -> _Read:
    """Reads, completes and checks; with ``keep`` the completed file is written where the recipe can name it."""
    from engine.sensing.files import assemble, read_pieces, save_pieces
    from engine.sensing.own import describe_measurement, instrument_of

    pieces = completion.apply(read_pieces(file))
    measurement = assemble(pieces)
    shape = measurement.operator.image_shape
    if keep and not completion.is_empty:
        folder = make_folder(user_folder().parent / "measurements")
        digest = hashlib.sha256(b"".join(k.encode() + v.tobytes() for k, v in sorted(pieces.items()))).hexdigest()[:16]
        file = str(save_pieces(folder / f"{Path(file).stem}-{digest}.npz", pieces))
    spec = spec.replace(measurement=file, first_sample=0)
    prior = spec.prior if spec.prior.takes(shape) else _prior_for(shape)
    try:
        spec = spec.replace(prior=prior).reading(instrument_of(pieces))
    except InputError:  # the algorithm was chosen for something else
        spec = spec.replace(prior=prior, algorithm=None).reading(instrument_of(pieces))
    return _Read(spec, describe_measurement(measurement), shape)


def _prior_for(shape: Shape) -> PriorChoice:
    """The prior to begin with for pictures of that shape (channels, height, width): a trained denoiser for just that, else one
    for any size, else whatever takes it."""
    fitting = [choice for cls in priors().choices.values() if (choice := cls()).takes(shape)]
    if not fitting:
        raise InputError(f"There is no prior for pictures of shape {shape}; train or import one of that size.")
    return min(fitting, key=lambda p: (p.kind != "denoiser", p.name in ("gaussian", "mixture"), p.any_size))


class OwnController(QObject):
    """The import dialog, run files on measurement files, and saving the measurement of the current image."""

    def __init__(
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None]
    ) -> None:
        super().__init__(window)
        self.session, self.window, self.worker, self.report = session, window, worker, report
        self.dialog: MeasurementDialog | None = None
        self._looking = self._using = self._saving = 0
        self._restored = False
        window.image.own_button.clicked.connect(lambda: self.open(""))
        window.actions_by_name["open_measurement"].triggered.connect(lambda: self.open(""))
        window.actions_by_name["save_measurement"].triggered.connect(self.ask_save)
        session.observe(self._changed)

    # -- in --------------------------------------------------------------------------------------------------------

    def open(self, name: str) -> None:
        """Shows the dialog, with a file already chosen if one is given."""
        self.dialog = MeasurementDialog(self.window)
        self.dialog.edited.connect(self._look)
        self.dialog.accepted.connect(self._use)
        self.dialog.open()
        if name:
            self.dialog.file.line.setText(name)

    def restore(self, spec: RunSpec) -> None:
        """Takes a run file on a measurement file."""
        self._submit_use(spec.measurement, Completion(), spec)
        self._restored = True

    def _look(self) -> None:
        assert self.dialog is not None
        file, completion, spec = self.dialog.file.line.text(), self.dialog.completion(), self.session.spec
        if file:
            self._looking = self.worker.submit(lambda: _read(file, completion, spec, keep=False))

    def _use(self) -> None:
        assert self.dialog is not None
        self._submit_use(self.dialog.file.line.text(), self.dialog.completion(), self.session.spec)

    def _submit_use(self, file: str, completion: Completion, spec: RunSpec) -> None:
        self._restored = False
        self._using = self.worker.submit(lambda: _read(file, completion, spec, keep=True))

    # -- out -------------------------------------------------------------------------------------------------------

    def ask_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Save measurement", "measurement.npz", "Measurements (*.npz)"
        )
        if name:
            self.save(Path(name) if Path(name).suffix else Path(name).with_suffix(".npz"))

    def save(self, path: Path) -> None:
        """Measures the current image and writes what was seen; the image itself is not in the file."""
        spec, pixels, adviser = self.session.spec, self.session.pixels, self.session.adviser
        if pixels is None:
            return

        def work() -> Path:
            import torch

            from engine.runs.job import measure
            from engine.sensing.files import save_measurement

            seen = measure(spec, torch.from_numpy(pixels)[None], adviser=adviser)
            return save_measurement(path, seen, spec.operator, spec.matrix_seed)

        self._saving = self.worker.submit(work)

    # -- results ---------------------------------------------------------------------------------------------------

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of a look, an import or a save; False if it belongs to somebody else."""
        if outcome.task == self._saving:
            self._told(outcome, f"Saved {outcome.value}")
        elif outcome.task == self._using:
            self._told(outcome, "")
            if outcome.kind == "done":
                self._take(outcome.value)
        elif outcome.task == self._looking:
            if self.dialog is not None:
                usable = outcome.kind == "done"
                self.dialog.show_verdict(outcome.value.words if usable else outcome.sentence, usable)
        else:
            return isinstance(outcome.value, _Read)
        return True

    def _told(self, outcome: Outcome, words: str) -> None:
        if outcome.kind == "failed":
            self.report(outcome.sentence, outcome.details)
        elif words:
            self.window.statusBar().showMessage(words, 6000)

    def _take(self, read: Any) -> None:
        self.session.set_measurement(read.spec, read.shape)
        self.window.image.image_label.setText(f"{Path(read.spec.measurement).name}: {read.words}")
        self.window.image.sample_combo.setCurrentIndex(0)

    def _changed(self, what: str) -> None:
        if what == "measurement":
            self.window.stage.store.set_image("truth", None, "Truth (not known)")
            self.window.stage.store.set_image("error", None)
        if what in ("measurement", "image", "state"):
            self.window.actions_by_name["save_measurement"].setEnabled(self.session.pixels is not None)
