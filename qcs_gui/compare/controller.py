"""Comparing: several algorithms on one measurement, runs of the history side by side, and their export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.algorithms import ALGORITHMS
from qcs_gui.compare.algorithms_dialog import AlgorithmsDialog
from qcs_gui.compare.figure import write_figure
from qcs_gui.context import Context, Feature
from qcs_gui.library.documents import DocumentController
from qcs_gui.model import State
from qcs_gui.stage.run import RunController
from qcs_gui.stage.view_store import VIEWS, displayed, fitting
from qcs_gui.widgets.colour_maps import painted
from qcs_gui.widgets.dialogs import show_once
from qcs_gui.widgets.files import ask_save

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["CompareController"]


class CompareController(Feature):
    """The page of runs side by side; a double click on one puts it on the stage."""

    def __init__(self, context: Context, runs: RunController, documents: DocumentController) -> None:
        super().__init__(context)
        self.runs, self.documents = runs, documents
        self.dialog: AlgorithmsDialog | None = None
        page = self.window.compare
        page.closed.connect(self._close_page)
        page.opened.connect(self._opened)
        page.figure_button.clicked.connect(self.ask_figure)
        page.csv_button.clicked.connect(self.ask_table)
        page.report_button.clicked.connect(self.ask_report)
        self.act(compare_algorithms=self.ask_algorithms)

    def _close_page(self) -> None:
        self.window.show_page(self.window.stage)

    def show(self, results: list[Reconstruction]) -> None:
        """These runs side by side."""
        self.window.compare.show_results(results)
        self.window.show_page(self.window.compare)

    def _opened(self, number: int) -> None:
        results = self.window.compare.results
        if 0 <= number < len(results):
            self.documents.show(results[number])

    # -- several algorithms ------------------------------------------------------------------------------------------

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

    def run_specs(self, specs: list) -> None:
        """Runs them on the picture that is loaded and shows the table, which grows as they end."""
        page = self.window.compare
        if not self.session.ready or self.session.state != State.IDLE:
            return
        page.show_results([])
        page.busy.setText(f"running 1 of {len(specs)} ...")

        def ended(result: Reconstruction, left: int) -> None:
            page.add_result(result)
            page.busy.setText(f"running {len(specs) - left + 1} of {len(specs)} ..." if left else "")
            if not left:
                self.window.show_page(page)

        self.runs.run_list(specs, ended, lambda: page.busy.setText(""))

    # -- export ------------------------------------------------------------------------------------------------------

    def figure_pictures(self) -> list[np.ndarray]:
        """What the columns show, painted: (h, w, 3), 8 bit, one per run."""
        page = self.window.compare
        pictures = [page._pixels(r) for r in page.results]
        chosen = {"Std": "std", "Error": "error"}.get(page.view.currentText(), "mean")
        known = [p for p in pictures if p is not None]
        levels = (
            max((fitting(chosen, p) for p in known), key=lambda r: r[1]) if VIEWS[chosen].fits and known else (0.0, 1.0)
        )
        blank = np.full((8, 8, 3), 255, np.uint8)
        colours = VIEWS[chosen].colours
        return [blank if p is None else painted(displayed(chosen, p), colours, levels) for p in pictures]

    def ask_figure(self) -> None:
        path = ask_save(self.window, "Export figure", "comparison.png", "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)")
        if path is not None:
            self.export_figure(path)

    def export_figure(self, path: Path) -> None:
        found = self.window.compare.table_of
        if found is not None:
            self._save(partial(write_figure, path, self.figure_pictures(), found))

    def ask_table(self) -> None:
        path = ask_save(self.window, "Export table", "comparison.csv", "Table (*.csv)")
        if path is not None:
            self.export_table(path)

    def export_table(self, path: Path) -> None:
        found = self.window.compare.table_of
        if found is not None:
            self._save(partial(found.write_csv, path))

    def ask_report(self) -> None:
        results = list(self.window.compare.results)
        path = ask_save(self.window, "Export report", "report.html", "Web page (*.html)") if results else None
        if path is not None:
            self.export_report(path, results)

    def export_report(self, path: Path, results: list[Reconstruction]) -> None:
        from engine.runs.report import write_report

        self._save(partial(write_report, path, results))

    def _save(self, work: Callable[[], Path]) -> None:
        self.context.files.submit(work, self.context.say_saved)
