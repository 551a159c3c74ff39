"""A preset, run by one click."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.errors import InputError
from engine.runs.presets import Preset, preset
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State

if TYPE_CHECKING:
    from qcs_gui.compare.controller import CompareController
    from qcs_gui.setup.picture import PictureController
    from qcs_gui.stage.run import RunController

__all__ = ["GalleryController"]

PACE = "About 6 s"
"""At which a preset runs where no other pace was chosen: fast enough to wait for, slow enough to see."""


class GalleryController(QObject):
    """Loads the preset's picture and set-up, then runs it: alone, as a comparison, or drawn by hand."""

    def __init__(
        self, session: Session, window: MainWindow, pictures: PictureController, runs: RunController,
        compare: CompareController, report: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        super().__init__(window)
        self.session, self.window, self.pictures, self.runs = session, window, pictures, runs
        self.compare, self.report = compare, report
        window.gallery.chosen.connect(self.choose)
        window.actions_by_name["gallery"].triggered.connect(lambda: window.show_page(window.gallery))

    def choose(self, name: str) -> None:
        """Runs the preset of that name; a run that is going is cancelled first."""
        found = preset(name)
        try:
            specs = found.specs()
        except InputError as error:
            self.report(str(error), "")
            return
        if self.session.state != State.IDLE:
            self.runs.cancel_then(lambda: self.choose(name))
            return
        self.window.show_page(self.window.stage)
        self.window.live_button.setChecked(False)
        self.pictures.load(specs[0].image, specs[0], then=lambda: self._run(found, specs))

    def _run(self, found: Preset, specs: list) -> None:
        if found.draw:
            self.window.live_button.setChecked(True)
            self.pictures.draw()
            return
        if self.window.pace.currentIndex() == 0 and not self.runs.pace_chosen:
            self.window.pace.setCurrentText(PACE)
        if len(specs) > 1:
            self.compare.run_specs(specs)
        else:
            self.runs.run()
