"""The picture that is measured: from a file, a bundled sample or a drawing, and how it fits the prior."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer

from engine.errors import InputError
from engine.files import make_folder
from engine.images import LoadedImage, fit, load_image, plain_channels, save_png
from engine.images.bundled import MEASUREMENT, sample_path
from engine.priors.library import user_folder
from engine.runs.fit import Fit, begin_with, fit_between, is_untouched, suited
from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Failure
from qcs_gui.context import Context, Feature
from qcs_gui.setup.canvas import DrawPanel
from qcs_gui.setup.own import OwnController

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["PictureController"]

STROKE_MS = 30
"""A stroke is looked at once in so many milliseconds: the mouse moves more often than anybody can see."""
DRAWING_SIDE = 64
"""Side of a drawing for priors that take any size."""


@dataclass(frozen=True)
class _Fitted:
    """A picture that was read, and the same at the size in which the set-up reconstructs it (None where it does not fit);
    ``begun`` is the set-up that suits it, where that was to be found."""

    loaded: LoadedImage
    pixels: np.ndarray | None
    begun: RunSpec | None = None


def _loaded(path: Path, spec: RunSpec, begin: bool) -> _Fitted:
    """Reads and fits a picture, in the background: of many megapixels both take a while."""
    loaded = load_image(path)
    picture = plain_channels(loaded.pixels), *loaded.pixels.shape[1:]
    begun = begin_with(picture, spec) if begin else None
    try:
        return _Fitted(loaded, fit(loaded.pixels, (begun or spec).shape_for(picture)), begun)
    except InputError:
        return _Fitted(loaded, None)


def _kept_drawing(drawing: np.ndarray) -> tuple[str, LoadedImage]:
    """A drawing as a file, so that the run's recipe and command line can name it."""
    folder = make_folder(user_folder().parent / "drawings")
    name = hashlib.sha256(np.rint(drawing * 255).astype(np.uint8).tobytes()).hexdigest()[:16]
    path = save_png(folder / f"drawing-{name}.png", drawing)
    return str(path), load_image(path)


class PictureController(Feature):
    """Files are read in the background; the newest request wins."""

    def __init__(self, context: Context, own: OwnController) -> None:
        super().__init__(context)
        self.own = own
        self._stroke_timer = QTimer(self, interval=STROKE_MS, singleShot=True)
        self._stroke_timer.timeout.connect(self._stroked)
        self.dialog: DrawPanel | None = None
        image = self.window.image
        image.draw_button.clicked.connect(self.draw)
        image.sample_combo.activated.connect(self._sample_chosen)
        image.fit_button.clicked.connect(self._use_instead)
        self.act(draw=self.draw)
        self._notes: list[str] = []
        self._instead = ""
        self.session.observe(self._changed)
        self._say_fit()

    # -- ways in ---------------------------------------------------------------------------------------------------

    def _sample_chosen(self, index: int) -> None:
        name, kind = self.window.image.sample_combo.itemData(index) or "", self.window.image.kind_of_sample(index)
        if kind == MEASUREMENT:
            self.own.restore(self.session.spec.replace(measurement=name))
        elif name:
            self.bring(name)

    def bring(self, image: str) -> None:
        """Loads a picture that somebody chose. Where the set-up was not touched yet, one that suits the picture comes with it."""
        self.load(image, begin=self._untouched)

    @property
    def _untouched(self) -> bool:
        return is_untouched(self.session.spec, self.session.picture if self.session.original is not None else None)

    def load(
        self, image: str, setup: RunSpec | None = None, then: Callable[[], None] | None = None, begin: bool = False
    ) -> None:
        """Loads ``sample:NAME`` or a file in the background; with it comes the set-up of a run file, if one was opened, or with
        ``begin`` the one that suits the picture; ``then`` is called once both are in the session."""
        try:
            path = sample_path(image) or Path(image)
        except InputError as error:
            self.context.report(str(error))
            return
        self.window.image.image_label.setText(f"reading {Path(image).name} ...")
        spec = self.session.spec
        plain = RunSpec(image=spec.image, seed=spec.seed, device=spec.device)
        work = partial(_loaded, path, setup or (plain if begin else spec), begin)
        self.context.bring_in(work, partial(self._take_file, image, setup, then), self._not_loaded)

    def draw(self) -> None:
        if self.dialog is not None:
            self.dialog.canvas.setFocus()
            return
        self.dialog = dialog = DrawPanel(digit=self.session.spec.prior.name == "mnist")
        dialog.accepted.connect(self._drawn)
        dialog.finished.connect(self._put_away)
        dialog.canvas.drawn.connect(self._stroke_soon)
        self.window.show_page(self.window.stage)
        self.window.stage.put_beside(dialog)  # in live mode the picture forms beside the canvas
        dialog.canvas.setFocus()

    def _stroke_soon(self) -> None:
        if not self._stroke_timer.isActive():
            self._stroke_timer.start()

    def _drawing(self) -> np.ndarray:
        assert self.dialog is not None
        return self.dialog.drawing(min(self.session.spec.shape_for((1, DRAWING_SIDE, DRAWING_SIDE))[1:]))

    def _stroked(self) -> None:
        """In live mode the drawing is the picture at every stroke; it becomes a file when it is used."""
        if self.dialog is not None and self.window.live_button.isChecked() and self.dialog.use_button.isEnabled():
            self.session.set_stroke(self._drawing())

    def _put_away(self) -> None:
        """The drawing is used or given up: live mode goes back to the loaded picture."""
        self._stroke_timer.stop()
        self.dialog = None
        if self.session.stroke is not None:
            self.session.set_stroke(None)

    def _drawn(self) -> None:
        self.context.bring_in(partial(_kept_drawing, self._drawing()), self._take_drawing, self._not_loaded)

    # -- results ---------------------------------------------------------------------------------------------------

    def _not_loaded(self, failure: Failure) -> None:
        self._say_fit()
        self.context.failed(failure)

    def _take_drawing(self, kept: tuple[str, LoadedImage]) -> None:
        name, loaded = kept
        self._take("drawing", name, loaded.pixels, loaded.notes)

    def _take_file(self, name: str, setup: RunSpec | None, then: Callable[[], None] | None, fitted: _Fitted) -> None:
        loaded, drawn = fitted.loaded, "drawings" in Path(name).parts
        if not drawn:
            self.context.file_used.emit(name)
        title = "drawing" if drawn else Path(name).name
        begun = fitted.begun if fitted.begun is not None and self._untouched else None
        self._take(title, name, loaded.pixels, loaded.notes, setup or begun, fitted.pixels)
        if begun is not None and begun.prior.name != "mnist":
            self.context.say(f"Set up for this picture: the prior '{begun.prior.name}'. Press Run.", 10_000)
        if then is not None:
            then()

    def _take(
        self, title: str, name: str, pixels: np.ndarray, notes: Iterable[str] = (), setup: RunSpec | None = None,
        fitted: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        height, width = pixels.shape[1:]
        self._notes = [f"{title}, {width} x {height}", *notes]
        self._select_sample(name)
        if setup is None:
            self.session.set_image(pixels, name, fitted)
        else:
            self.session.set_image(pixels, name, fitted, self.session.following(setup))

    def _select_sample(self, name: str) -> None:
        combo = self.window.image.sample_combo
        combo.setCurrentIndex(max(combo.findData(name), 0))

    def take_setup_of(self, result: Reconstruction) -> None:
        """The set-up of a kept run and its picture as it was, whether or not the picture's file is still there."""
        spec = result.spec
        if result.truth is not None:
            self.context.stop_bringing_in()
            self._notes = [f"{Path(spec.image).name}, as it was in the run"]
            self._select_sample(spec.image)
            self.session.set_image(result.truth, spec.image, spec=self.session.following(spec))
        elif spec.measurement and (sample_path(spec.measurement, MEASUREMENT) or Path(spec.measurement)).is_file():
            self.own.restore(spec)

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
        self.session.take(suited(self.session.picture, self.session.spec, self._instead))
