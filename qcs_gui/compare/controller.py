"""Comparing: several algorithms on one measurement, a grid over one or two settings, runs of the history side by side, and their
export."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.algorithms import ALGORITHMS
from engine.runs.estimates import estimate
from engine.runs.grid import variables
from qcs_gui.compare.algorithms_dialog import AlgorithmsDialog
from qcs_gui.compare.figure import write_figure
from qcs_gui.compare.grid_dialog import GridDialog
from qcs_gui.context import Context, Feature
from qcs_gui.library.documents import DocumentController
from qcs_gui.model import State
from qcs_gui.stage.run import RunController
from qcs_gui.stage.stage_controller import StageController
from qcs_gui.widgets.dialogs import show_once
from qcs_gui.widgets.files import ask_save

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec
    from qcs_gui.background.frames import Frame

__all__ = ["CompareController"]

LOOK_SECONDS = 0.08
"""Between two looks at the run that is going: painting holds the lock that the engine needs."""


class CompareController(Feature):
    """The page of runs side by side; a double click on one puts it on the stage."""

    def __init__(
        self, context: Context, runs: RunController, documents: DocumentController, panels: StageController
    ) -> None:
        super().__init__(context)
        self.runs, self.documents, self.panels = runs, documents, panels
        self.dialog: AlgorithmsDialog | None = None
        self.grid_dialog: GridDialog | None = None
        self.queue: Callable[[list[RunSpec]], None] | None = None
        self._going: int | None = None
        self._seen: Frame | None = None
        self._next_look = 0.0
        page = self.page = self.window.compare
        page.closed.connect(self._close_page)
        page.opened.connect(self._opened)
        page.wants_algorithms.connect(self.ask_algorithms)
        page.wants_grid.connect(self.ask_grid)
        page.wants_history.connect(self.window.actions_by_name["history"].trigger)
        page.figure_action.triggered.connect(self.ask_figure)
        page.csv_action.triggered.connect(self.ask_table)
        page.report_action.triggered.connect(self.ask_report)
        self.act(
            compare_algorithms=self.ask_algorithms, run_grid=self.ask_grid, comparison=self.show_page,
            reset_zoom=page.wall.reset_zoom,
        )  # fmt: skip
        context.ticked.connect(self._look)

    def _close_page(self) -> None:
        self.window.show_page(self.window.stage)

    def show_page(self) -> None:
        self.window.show_page(self.page)

    def show(self, results: list[Reconstruction]) -> None:
        """These runs side by side."""
        self.page.show_results(results)
        self.show_page()

    def _opened(self, number: int) -> None:
        results = self.page.results
        if 0 <= number < len(results):
            self.documents.show(results[number])

    # -- several runs ------------------------------------------------------------------------------------------------

    def ask_algorithms(self) -> None:
        spec = self.session.spec
        fitting_ones = {
            name: ALGORITHMS.choices[name].label
            for name in ALGORITHMS.choices
            if ALGORITHMS.choices[name].reconstructs
            and ALGORITHMS.parse(name).refusal(spec.operator, spec.quantizer, spec.prior) is None
        }
        self.dialog = AlgorithmsDialog(self.window, fitting_ones, spec.algorithm.name)
        self.dialog.accepted.connect(self._run_chosen)
        show_once(self.dialog)

    def _run_chosen(self) -> None:
        assert self.dialog is not None
        self.run_algorithms(self.dialog.chosen())

    def run_algorithms(self, names: list[str]) -> None:
        """Each with its defaults (the chosen one with its settings), the same measurement and seed, one after the other."""
        spec = self.session.spec
        specs = [spec if n == spec.algorithm.name else spec.replace(algorithm=ALGORITHMS.parse(n)) for n in names]
        self.run_specs(specs)

    def ask_grid(self) -> None:
        """Asks which settings are varied."""
        session = self.session
        if not session.ready:
            return
        shape = session.shape()

        def seconds(spec: RunSpec) -> float | None:
            return estimate(spec, session.speed, shape).seconds

        self.grid_dialog = dialog = GridDialog(
            self.window, session.spec, variables(session.spec, shape), seconds, session.unfit
        )
        dialog.run_button.setVisible(session.state == State.IDLE)
        dialog.queue_button.setVisible(self.queue is not None)
        dialog.accepted.connect(lambda: self.run_specs(dialog.found))
        dialog.queue_wanted.connect(lambda: self.queue(dialog.found) if self.queue is not None else None)
        show_once(dialog)

    def run_specs(self, specs: list) -> None:
        """Runs them on the picture that is loaded, each forming in its place beside the others."""
        page = self.page
        if not self.session.ready or self.session.state != State.IDLE:
            return
        self._going, self._seen = 0, self.panels.newest

        def say(number: int) -> None:
            page.busy.setText(f"running {number + 1} of {len(specs)} ...")

        def ended(result: Reconstruction, left: int) -> None:
            number = len(specs) - left - 1
            page.add_result(result, number)
            self._going = number + 1 if left else None
            say(number + 1) if left else page.busy.setText("")

        def stopped() -> None:
            self._going = None
            page.busy.setText("")
            page.give_up()

        page.begin(specs)
        say(0)
        self.runs.run_list(specs, ended, stopped)
        self.show_page()

    def _look(self) -> None:
        """Shows the newest frame of the run that is going, a few times a second."""
        frame = self.panels.newest
        if self._going is None or frame is None or frame is self._seen or frame.final or not self.page.isVisible():
            return
        if time.monotonic() >= self._next_look:
            self._seen, self._next_look = frame, time.monotonic() + LOOK_SECONDS
            self.page.show_frame(self._going, frame)

    # -- export ------------------------------------------------------------------------------------------------------

    def ask_figure(self) -> None:
        path = ask_save(self.window, "Export figure", "comparison.png", "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)")
        if path is not None:
            self.export_figure(path)

    def export_figure(self, path: Path) -> None:
        found = self.page.table_of
        if found is not None:
            pictures, rows = self.page.figure_pictures()
            self._save(partial(write_figure, path, pictures, found, rows))

    def ask_table(self) -> None:
        path = ask_save(self.window, "Export table", "comparison.csv", "Table (*.csv)")
        if path is not None:
            self.export_table(path)

    def export_table(self, path: Path) -> None:
        found = self.page.table_of
        if found is not None:
            self._save(partial(found.write_csv, path))

    def ask_report(self) -> None:
        results = list(self.page.results)
        path = ask_save(self.window, "Export report", "report.html", "Web page (*.html)") if results else None
        if path is not None:
            self.export_report(path, results)

    def export_report(self, path: Path, results: list[Reconstruction]) -> None:
        from engine.runs.report import write_report

        self._save(partial(write_report, path, results))

    def _save(self, work: Callable[[], Path]) -> None:
        self.context.files.submit(work, self.context.say_saved)
