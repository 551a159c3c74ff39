"""Results as documents: save the result shown, open one that was kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from engine.priors.library import priors
from qcs_gui.background.frames import Frame, replayed
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.widgets.files import Folders

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["DocumentController"]

SUFFIX = ".qcs"
FILTER = "Runs (*.qcs);;Results of earlier versions (result.json result.npz);;All files (*)"


class DocumentController(QObject):
    """File > Open result and Save result. Reading and writing go on in the background; a run that is going is not disturbed.

    ``shown`` is called with an opened result and its frames once the session holds it.
    """

    def __init__(
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None], folders: Folders
    ) -> None:
        super().__init__(window)
        self.folders = folders
        self.session, self.window, self.worker, self.report = session, window, worker, report
        self.shown: Callable[[Reconstruction, list[Frame]], None] = lambda result, frames: None
        self.take_setup: Callable[[Reconstruction], None] = lambda result: None
        self._opening = self._saving = 0
        self.recent: Callable[[str], None] = lambda path: None
        self._path: Path | None = None
        self._shown: Reconstruction | None = None
        window.actions_by_name["open_result"].triggered.connect(self.ask_open)
        window.actions_by_name["save_result"].triggered.connect(self.save_again)
        window.actions_by_name["save_result_as"].triggered.connect(self.ask_save)
        session.observe(self._changed)
        self._changed("result")

    def _changed(self, what: str) -> None:
        if what in ("result", "state", "live"):
            idle = self.session.state == State.IDLE
            self.window.actions_by_name["open_result"].setEnabled(idle)
            for name in ("save_result", "save_result_as"):
                self.window.actions_by_name[name].setEnabled(self.session.result is not None and not self.session.live)

    @property
    def path_shown(self) -> str:
        """The file of the result shown, or empty."""
        return str(self._path) if self._path is not None and self._shown is self.session.result else ""

    def ask_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.window, "Open result", self.folders.last or self._library(), FILTER)
        if name:
            self.folders.took(name)
            self.open(name)

    def ask_save(self) -> None:
        from engine.runs.library import new_name

        result = self.session.result
        if result is None:
            return
        suggested = str(Path(self.folders.last or self._library()) / f"{new_name(result)}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self.window, "Save result", suggested, f"Runs (*{SUFFIX})")
        if name:
            path = Path(name if name.endswith(SUFFIX) else name + SUFFIX)
            self.folders.took(str(path))
            self.save(path)

    def save_again(self) -> None:
        """To the file that the result came from or was saved to, or to one that is asked for."""
        if self._path is not None and self._shown is self.session.result:
            self.save(self._path)
        else:
            self.ask_save()

    def open(self, name: str, setup: bool = True) -> None:
        """Opens a document or an earlier version's result; with ``setup`` the column takes its settings too."""
        if self.session.state != State.IDLE:
            self.report("A run is going; finish or cancel it before a result is opened.", "")
            return

        def read() -> tuple[Reconstruction, list[Frame]]:
            from engine.runs.document import open_run

            result = open_run(name)
            return result, replayed(result)

        self._opened_path, self._with_setup = Path(name), setup
        self._opening = self.worker.submit(read)

    def show(self, result: Reconstruction) -> None:
        """Shows a result that is at hand, as if it had been opened; the set-up stays."""
        self.session.set_result(result, saved=True)
        self.shown(result, replayed(result))

    def save(self, path: Path) -> None:
        """Writes the result shown, atomically."""
        result = self.session.result
        if result is None:
            return

        def write() -> Path:
            from engine.files import make_folder
            from engine.runs.document import save_run

            make_folder(path.parent)
            return save_run(path, result)

        self._saving = self.worker.submit(write)

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of reading or writing; False if it belongs to somebody else."""
        if outcome.task not in (self._opening, self._saving):
            return False
        if outcome.kind == "failed":
            self.report(outcome.sentence, outcome.details)
        elif outcome.task == self._saving:
            self.session.result_saved = True
            self._path, self._shown = Path(outcome.value), self.session.result
            self.recent(str(outcome.value))
            self.window.statusBar().showMessage(f"Saved {outcome.value}", 6000)
        elif self.session.state != State.IDLE:
            self.report("A run has begun meanwhile; open the result again when it is done.", "")
        else:
            result, frames = outcome.value
            if not self._with_setup:
                pass
            elif result.spec.prior.name in priors().choices:
                self.take_setup(result)
            else:
                self.window.statusBar().showMessage(
                    f"The prior '{result.spec.prior.name}' of this run is not installed here; its result can be looked at.",
                    8000,
                )
            if self._opened_path.suffix == SUFFIX:
                self._path, self._shown = self._opened_path, result
                self.recent(str(self._opened_path))
            self.session.set_result(result, saved=True)
            self.shown(result, frames)
        return True

    @staticmethod
    def _library() -> str:
        from engine.files import make_folder
        from engine.runs.library import Library

        return str(make_folder(Library().folder))
