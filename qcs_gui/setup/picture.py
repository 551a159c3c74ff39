"""Where the image comes from: a file, a drop, a bundled sample, a drawing, or an exported picture's recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from engine.errors import InputError
from engine.files import make_folder, refuse_no_file
from engine.images import SUFFIXES, LoadedImage, fit, load_image, plain_channels, read_recipe, save_png
from engine.images.bundled import sample_path
from engine.priors.library import user_folder
from engine.runs.fit import Fit, fit_between, suited
from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.setup.canvas import DrawDialog
from qcs_gui.setup.own import OwnController
from qcs_gui.widgets.files import Folders

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["PictureController"]

NETWORKS = (".pth", ".pt", ".ckpt", ".safetensors")
STROKE_MS = 30
"""A stroke is looked at once in so many milliseconds: the mouse moves more often than anybody can see."""
DRAWING_SIDE = 64
"""Side of a drawing for priors that take any size."""


@dataclass(frozen=True)
class _Fitted:
    """A picture that was read, and the same at the size in which the set-up reconstructs it (None where it does not fit)."""

    loaded: LoadedImage
    pixels: np.ndarray | None


def _loaded(path: Path, spec: RunSpec) -> _Fitted:
    """Reads and fits a picture, in the background: of many megapixels both take a while."""
    loaded = load_image(path)
    try:
        shape = spec.shape_for((plain_channels(loaded.pixels), *loaded.pixels.shape[1:]))
        return _Fitted(loaded, fit(loaded.pixels, shape))
    except InputError:
        return _Fitted(loaded, None)


def _has_recipe(name: str) -> bool:
    """Whether it is a picture that this program exported: dropping one brings back its set-up."""
    try:
        return read_recipe(Path(name)) is not None
    except InputError:
        return False


def holds_result(name: str) -> bool:
    """Whether an archive is an exported result, whatever it is called."""
    import zipfile

    try:
        with zipfile.ZipFile(name) as file:
            return {"mean.npy", "recipe.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


class PictureController(QObject):
    """Files are read in a thread of their own; the newest request wins."""

    def __init__(
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None],
        own: OwnController, folders: Folders,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self.own, self.folders = own, folders
        self._then: Callable[[], None] | None = None
        self._stroke_timer = QTimer(self, interval=STROKE_MS, singleShot=True)
        self._stroke_timer.timeout.connect(self._stroked)
        self.train_on: Callable[[str], None] = lambda folder: None
        self.import_network: Callable[[str], None] = lambda name: None
        self.open_result: Callable[[str], None] = lambda name: None
        self.recent: Callable[[str], None] = lambda name: None
        self.session, self.window, self.worker, self.report = session, window, worker, report
        self._wanted = 0
        self._setup: RunSpec | None = None
        self._name = ""
        self.dialog: DrawDialog | None = None
        window.image.open_button.clicked.connect(self.ask_file)
        window.image.draw_button.clicked.connect(self.draw)
        window.actions_by_name["open_image"].triggered.connect(self.ask_file)
        window.actions_by_name["draw"].triggered.connect(self.draw)
        window.actions_by_name["open_run"].triggered.connect(self.ask_run_file)
        window.image.sample_combo.activated.connect(self._sample_chosen)
        window.dropped.connect(self.open)
        window.image.fit_button.clicked.connect(self._use_instead)
        self._notes: list[str] = []
        self._instead = ""
        session.observe(self._changed)
        self._say_fit()

    # -- ways in ---------------------------------------------------------------------------------------------------

    def ask_file(self) -> None:
        patterns = " ".join(f"*{s}" for s in SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(
            self.window, "Open image", self.folders.suggest(), f"Pictures ({patterns});;All files (*)"
        )
        if name:
            self.folders.took(name)
            self.open(name)

    def ask_run_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self.window,
            "Open run file",
            self.folders.suggest(),
            "Run files and exported pictures (*.json *.png);;All files (*)",
        )
        if name:
            self.folders.took(name)
            self.open_run_file(name)

    def open(self, name: str) -> None:
        """A dropped or chosen file: run files restore the set-up, arrays are measurements, networks can be imported and
        folders trained on; all else must be a picture."""
        if Path(name).is_dir():
            self.train_on(name)
        elif name.lower().endswith(NETWORKS):
            self.import_network(name)
        elif name.lower().endswith(".qcs") or Path(name).name in ("result.json", "result.npz"):
            self.open_result(name)
        elif name.lower().endswith(".json"):
            self.open_run_file(name)
        elif name.lower().endswith(".npz") and holds_result(name):
            self.open_result(name)
        elif name.lower().endswith((".npz", ".mat", ".npy", ".csv")):
            self.own.open(name)
        elif name.lower().endswith(".png") and _has_recipe(name):
            self.open_run_file(name)
        else:
            self.load(name)

    def open_run_file(self, name: str) -> None:
        """Restores the set-up of a run file, or of the recipe inside an exported PNG."""
        path = Path(name)
        try:
            refuse_no_file(path)
            if path.suffix.lower() == ".png":
                recipe = read_recipe(path)
                if recipe is None:
                    raise InputError(f"'{path.name}' carries no recipe; only pictures exported by this program do.")
            else:
                if path.stat().st_size > 1 << 20:
                    raise InputError(f"'{path.name}' is larger than 1 MB; that is not a run file.")
                recipe = path.read_text(encoding="utf-8")
            spec = RunSpec.from_json(recipe)
        except InputError as error:
            self.report(str(error), "")
            return
        except (OSError, UnicodeDecodeError) as error:
            self.report(f"'{path.name}' cannot be read ({error}).", "")
            return
        if spec.measurement:
            self.own.restore(spec)
        else:
            self.load(spec.image, spec)

    def _sample_chosen(self, index: int) -> None:
        image = self.window.image.sample_combo.itemData(index)
        if image:
            self.load(image)

    def load(self, image: str, setup: RunSpec | None = None, then: Callable[[], None] | None = None) -> None:
        """Loads ``sample:NAME`` or a file in the background; with it comes the set-up of a run file, if one was opened, and
        ``then`` is called once both are in the session."""
        try:
            path = sample_path(image) or Path(image)
        except InputError as error:
            self.report(str(error), "")
            return
        self._name, self._setup, self._then = image, setup, then
        self.window.image.image_label.setText(f"reading {Path(image).name} ...")
        self._wanted = self.worker.submit(lambda: _loaded(path, setup or self.session.spec))

    def draw(self) -> None:
        self.dialog = DrawDialog(self.window, digit=self.session.spec.prior.name == "mnist")
        self.dialog.accepted.connect(self._drawn)
        self.dialog.finished.connect(self._put_away)
        self.dialog.canvas.drawn.connect(self._stroke_soon)
        self.dialog.show()  # not modal: in live mode the picture forms beside the canvas

    def _stroke_soon(self) -> None:
        if not self._stroke_timer.isActive():
            self._stroke_timer.start()

    def _stroked(self) -> None:
        """In live mode the drawing is the picture at every stroke; it becomes a file when it is used."""
        if self.dialog is None or not self.window.live_button.isChecked() or not self.dialog.use_button.isEnabled():
            return
        side = min(self.session.spec.shape_for((1, DRAWING_SIDE, DRAWING_SIDE))[1:])
        self.session.set_stroke(self.dialog.drawing(side))

    def _put_away(self) -> None:
        """The drawing is used or given up: live mode goes back to the loaded picture."""
        self._stroke_timer.stop()
        if self.session.stroke is not None:
            self.session.set_stroke(None)

    def _drawn(self) -> None:
        assert self.dialog is not None
        self._setup = None
        side = min(self.session.spec.shape_for((1, DRAWING_SIDE, DRAWING_SIDE))[1:])
        drawing = self.dialog.drawing(side)

        def keep() -> tuple[str, LoadedImage]:
            # kept as a file, so that the run's recipe and command line can name it
            folder = make_folder(user_folder().parent / "drawings")
            name = hashlib.sha256(np.rint(drawing * 255).astype(np.uint8).tobytes()).hexdigest()[:16]
            path = save_png(folder / f"drawing-{name}.png", drawing)
            return str(path), load_image(path)

        self._wanted = self.worker.submit(keep)

    # -- results ---------------------------------------------------------------------------------------------------

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of a load; False if it belongs to somebody else."""
        if outcome.task != self._wanted:
            return isinstance(outcome.value, _Fitted)
        if outcome.kind == "failed":
            self._then = None
            self._say_fit()
            self.report(outcome.sentence, outcome.details)
            return True
        fitted = None
        if isinstance(outcome.value, _Fitted):
            loaded, fitted = outcome.value.loaded, outcome.value.pixels
        else:
            self._name, loaded = outcome.value
        if self._setup is not None:
            self.session.take(self._setup)
            self._setup = None
        height, width = loaded.pixels.shape[1:]
        words = [f"{'drawing' if 'drawings' in Path(self._name).parts else Path(self._name).name}, {width} x {height}"]
        self._notes = [*words, *loaded.notes]
        if "drawings" not in Path(self._name).parts:
            self.recent(self._name)
        index = self.window.image.sample_combo.findData(self._name)
        self.window.image.sample_combo.setCurrentIndex(max(index, 0))
        self.session.set_image(loaded.pixels, self._name, fitted)
        then, self._then = self._then, None
        if then is not None:
            then()
        return True

    def take_setup_of(self, result: Reconstruction) -> None:
        """The set-up of a kept run and its picture as it was, whether or not the picture's file is still there."""
        spec = result.spec
        if result.truth is None:
            if spec.measurement and Path(spec.measurement).is_file():
                self.own.restore(spec)
            return
        self._wanted = -1  # what is still being read belongs to another set-up
        self._name, self._notes = spec.image, [f"{Path(spec.image).name}, as it was in the run"]
        self.session.take(spec)
        self.session.set_image(result.truth, spec.image)
        index = self.window.image.sample_combo.findData(spec.image)
        self.window.image.sample_combo.setCurrentIndex(max(index, 0))

    def _changed(self, what: str) -> None:
        if what in ("spec", "image", "measurement"):
            self._say_fit()

    # -- fit of picture and prior ----------------------------------------------------------------------------------

    def _say_fit(self) -> None:
        """What happens to the picture, and the prior that would keep it."""
        w, session = self.window, self.session
        has = session.original is not None
        w.image.original_button.setEnabled(has)
        w.image.size_combo.setEnabled(has and session.spec.prior.any_size)
        found = fit_between(session.picture, session.spec) if has else Fit()
        if has:
            shape = session.shape()
            changed = [] if session.picture[1:] == shape[1:] else [f"cropped and resized to {shape[2]} x {shape[1]}"]
            w.image.image_label.setText("; ".join([*self._notes, *changed]))
        self._instead = found.instead
        w.image.fit_label.setText(f"{found.sentence}." if found.instead else "")
        w.image.fit_label.setVisible(bool(found.instead))
        w.image.fit_button.setText(f"Use the prior '{found.instead}', which keeps it")
        w.image.fit_button.setVisible(bool(found.instead))

    def _use_instead(self) -> None:
        """Takes the offered prior, with a matrix that a picture of that size can be measured by."""
        spec = suited(self.session.picture, self.session.spec, self._instead)
        self.session.take(spec)
