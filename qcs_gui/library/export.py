"""Results and set-ups to files; written in the background, reported either way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from engine.files import write_atomically
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.stage.timeline import RATES
from qcs_gui.widgets.files import Folders

__all__ = ["ExportController"]

FILTERS = {
    "PNG, 8 bit (*.png)": ".png",
    "TIFF, 16 bit (*.tif)": ".tif",
    "NumPy archive with recipe (*.npz)": ".npz",
}


class ExportController(QObject):
    """Export mean, std, samples or everything; save the run file; copy the command line."""

    def __init__(
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None], folders: Folders
    ) -> None:
        super().__init__(window)
        self.folders = folders
        self.session, self.window, self.worker, self.report = session, window, worker, report
        self._pending: dict[int, bool] = {}
        actions = window.actions_by_name
        for what in ("mean", "std", "samples"):
            actions[f"export_{what}"].triggered.connect(lambda _=False, what=what: self.ask(what))
        actions["export_all"].triggered.connect(self.ask_folder)
        actions["export_film"].triggered.connect(self.ask_film)
        actions["export_report"].triggered.connect(self.ask_report)
        actions["save_run"].triggered.connect(self.ask_run_file)
        actions["copy_command"].triggered.connect(self.copy_command)
        session.observe(self._changed)
        self._changed("result")

    def _changed(self, what: str) -> None:
        if what in ("result", "live"):
            actions = self.window.actions_by_name
            result = (
                None if self.session.live else self.session.result
            )  # never another picture than the one that is seen
            for name in ("export_mean", "export_all", "export_film", "export_report"):
                actions[name].setEnabled(result is not None)
            actions["export_std"].setEnabled(result is not None and result.std is not None)
            actions["export_samples"].setEnabled(result is not None and len(result.samples) > 0)

    def ask(self, what: str) -> None:
        name, chosen = QFileDialog.getSaveFileName(
            self.window, f"Export {what}", self.folders.suggest(f"{what}.png"), ";;".join(FILTERS)
        )
        if name:
            path = self.folders.took(name)
            self.export(what, path if path.suffix else path.with_suffix(FILTERS.get(chosen, ".png")))

    def ask_folder(self) -> None:
        # a save dialog, not one for folders: it takes the name of a folder that is not there yet
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Folder for everything", self.folders.suggest("result"), "A new or existing folder (*)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )  # fmt: skip
        if name:
            self.export_everything(self.folders.took(name))

    def ask_film(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self.window,
            "Export film",
            self.folders.suggest("film.gif"),
            "GIF (*.gif);;MP4 (*.mp4);;Folder of numbered PNG (*)",
        )
        if name:
            self.export_film(self.folders.took(name))

    def export_film(self, path: Path) -> None:
        """The run shown, in the view on the stage where a film can show it."""
        result, view = self.session.result, self.window.stage.picture.key
        row = self.window.strip.index
        rate = RATES[self.window.stage.timeline.rate.currentText()]
        if result is not None:
            from engine.runs.film import VIEWS, write_film

            shown = view if view in VIEWS else "denoised"
            self._pending[self.worker.submit(lambda: write_film(result, path, shown, rate, row))] = False

    def ask_report(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Export report", self.folders.suggest("report.html"), "Web page (*.html)"
        )
        if name:
            path = self.folders.took(name)
            self.export_report(path if path.suffix else path.with_suffix(".html"))

    def export_report(self, path: Path) -> None:
        result = self.session.result
        if result is not None:
            from engine.runs.report import write_report

            self._pending[self.worker.submit(lambda: write_report(path, [result]))] = False

    def ask_run_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Save run file", self.folders.suggest("run.json"), "Run files (*.json)"
        )
        if name:
            path = self.folders.took(name)
            self.save_run(path if path.suffix else path.with_suffix(".json"))  # else the Open dialog would hide it

    def export(self, what: str, path: Path) -> None:
        result = self.session.result
        if result is not None:
            self._pending[self.worker.submit(lambda: result.export(path, what))] = True

    def export_everything(self, folder: Path) -> None:
        result = self.session.result
        if result is not None:
            self._pending[self.worker.submit(lambda: result.write(folder))] = True

    def save_run(self, path: Path) -> None:
        content = self.session.spec.as_json() + "\n"
        self._pending[
            self.worker.submit(lambda: write_atomically(path, lambda p: p.write_text(content, encoding="utf-8")))
        ] = False

    def copy_command(self) -> None:
        QGuiApplication.clipboard().setText(self.session.spec.as_command())
        self.window.statusBar().showMessage("The command line of this set-up is on the clipboard.", 4000)

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of an export; False if it belongs to somebody else."""
        if outcome.task not in self._pending:
            return False
        is_result = self._pending.pop(outcome.task)
        if outcome.kind == "failed":
            self.report(outcome.sentence, outcome.details)
        else:
            self.session.result_saved = self.session.result_saved or is_result
            self.window.statusBar().showMessage(f"Saved {outcome.value}", 6000)
        return True
