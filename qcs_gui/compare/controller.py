"""Comparing: several algorithms on one measurement, runs of the history side by side, and their export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from engine.algorithms import ALGORITHMS
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.compare.algorithms_dialog import AlgorithmsDialog
from qcs_gui.compare.figure import write_figure
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.stage.run import RunController
from qcs_gui.stage.view_store import VIEWS, displayed, fitting
from qcs_gui.widgets.colour_maps import painted
from qcs_gui.widgets.files import Folders

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["CompareController"]


class CompareController(QObject):
    """``open_result`` shows one of the compared runs on the stage."""

    def __init__(
        self, session: Session, window: MainWindow, runs: RunController, worker: Worker, report: Callable[[str, str], None],
        folders: Folders,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self.session, self.window, self.runs, self.worker, self.report = session, window, runs, worker, report
        self.folders = folders
        self.open_result: Callable[[Reconstruction], None] = lambda result: None
        self.dialog: AlgorithmsDialog | None = None
        self._saving: set[int] = set()
        page = window.compare
        page.closed.connect(lambda: window.show_page(window.stage))
        page.opened.connect(self._opened)
        page.figure_button.clicked.connect(self.ask_figure)
        page.csv_button.clicked.connect(self.ask_table)
        page.report_button.clicked.connect(self.ask_report)
        window.actions_by_name["compare_algorithms"].triggered.connect(self.ask_algorithms)

    def show(self, results: list[Reconstruction]) -> None:
        """These runs side by side."""
        self.window.compare.show_results(results)
        self.window.show_page(self.window.compare)

    def _opened(self, number: int) -> None:
        results = self.window.compare.results
        if 0 <= number < len(results):
            self.open_result(results[number])

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
        self.dialog.accepted.connect(lambda: self.run_algorithms(self.dialog.chosen()))
        self.dialog.open()

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
        name, chosen = QFileDialog.getSaveFileName(
            self.window,
            "Export figure",
            self.folders.suggest("comparison.png"),
            "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)",
        )
        if name:
            path = self.folders.took(name)
            self.export_figure(path if path.suffix else path.with_suffix("." + chosen.split(" ")[0].lower()))

    def export_figure(self, path: Path) -> None:
        found = self.window.compare.table_of
        if found is not None:
            pictures = self.figure_pictures()
            self._save(lambda: write_figure(path, pictures, found))

    def ask_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Export table", self.folders.suggest("comparison.csv"), "Table (*.csv)"
        )
        if name:
            path = self.folders.took(name)
            self.export_table(path if path.suffix else path.with_suffix(".csv"))

    def export_table(self, path: Path) -> None:
        found = self.window.compare.table_of
        if found is not None:
            self._save(lambda: found.write_csv(path))

    def ask_report(self) -> None:
        results = list(self.window.compare.results)
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Export report", self.folders.suggest("report.html"), "Web page (*.html)"
        )
        if name and results:
            path = self.folders.took(name)
            self.export_report(path if path.suffix else path.with_suffix(".html"), results)

    def export_report(self, path: Path, results: list[Reconstruction]) -> None:
        from engine.runs.report import write_report

        self._save(lambda: write_report(path, results))

    def _save(self, work: Callable[[], Path]) -> None:
        self._saving.add(self.worker.submit(work))

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of an export; False if it belongs to somebody else."""
        if outcome.task not in self._saving:
            return False
        self._saving.discard(outcome.task)
        if outcome.kind == "failed":
            self.report(outcome.sentence, outcome.details)
        else:
            self.window.statusBar().showMessage(f"Saved {outcome.value}", 6000)
        return True
