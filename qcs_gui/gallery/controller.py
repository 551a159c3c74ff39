"""A preset, run by one click."""

from __future__ import annotations

from functools import partial

from engine.errors import InputError
from engine.runs.presets import Preset, preset
from qcs_gui.compare.controller import CompareController
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.setup.own import OwnController
from qcs_gui.setup.picture import PictureController
from qcs_gui.stage.run import RunController

__all__ = ["GalleryController"]

PACE = "At least 6 s"
"""At which a preset runs where no other pace was chosen: fast enough to wait for, slow enough to see."""


class GalleryController(Feature):
    """Loads the preset's picture or measurements and set-up, then runs it: alone, as a comparison, or drawn by hand."""

    def __init__(
        self, context: Context, pictures: PictureController, own: OwnController, runs: RunController,
        compare: CompareController,
    ) -> None:  # fmt: skip
        super().__init__(context)
        self.pictures, self.own, self.runs, self.compare = pictures, own, runs, compare
        self.window.gallery.chosen.connect(self.choose)
        self.window.gallery.tour_wanted.connect(self.window.actions_by_name["tour"].trigger)
        self.act(gallery=self.show)

    def show(self) -> None:
        self.window.show_page(self.window.gallery)

    def choose(self, name: str) -> None:
        """Runs the preset of that name; a run that is going is cancelled first."""
        found = preset(name)
        try:
            specs = found.specs()
        except InputError as error:
            self.context.report(str(error))
            return
        if self.session.state != State.IDLE:
            self.runs.cancel_then(partial(self.choose, name))
            return
        self.window.show_page(self.window.stage)
        self.window.live_button.setChecked(False)
        run = partial(self._run, found, specs)
        if specs[0].measurement:
            self.own.restore(self.session.following(specs[0]), then=run)
        else:
            self.pictures.load(specs[0].image, specs[0], then=run)

    def _run(self, found: Preset, specs: list) -> None:
        if found.draw:
            self.window.live_button.setChecked(True)
            self.pictures.draw()
            return
        if self.window.pace.currentIndex() == 0 and not self.runs.pace_chosen:
            self.window.pace.setCurrentText(PACE)
        if found.view:
            self.window.show_view(found.view)
        if len(specs) > 1:
            self.compare.run_specs(specs)
        else:
            self.runs.run()
