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
        self, session: Session, window: MainWindow, worker: Worker, report: Callable[[str, str], None]
    ) -> None:
        super().__init__(window)
        self.session, self.window, self.worker, self.report = session, window, worker, report
        self.shown: Callable[[Reconstruction, list[Frame]], None] = lambda result, frames: None
        self.take_setup: Callable[[Reconstruction], None] = lambda result: None
        self._opening = self._saving = 0
        self._folder = ""
        window.actions_by_name["open_result"].triggered.connect(self.ask_open)
        window.actions_by_name["save_result"].triggered.connect(self.ask_save)
        session.observe(self._changed)
        self._changed("result")

    def _changed(self, what: str) -> None:
        if what in ("result", "state"):
            idle = self.session.state == State.IDLE
            self.window.actions_by_name["open_result"].setEnabled(idle)
            self.window.actions_by_name["save_result"].setEnabled(self.session.result is not None)

    def ask_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.window, "Open result", self._folder or self._library(), FILTER)
        if name:
            self._folder = str(Path(name).parent)
            self.open(name)

    def ask_save(self) -> None:
        from engine.runs.library import new_name

        result = self.session.result
        if result is None:
            return
        suggested = str(Path(self._folder or self._library()) / f"{new_name(result)}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self.window, "Save result", suggested, f"Runs (*{SUFFIX})")
        if name:
            path = Path(name if name.endswith(SUFFIX) else name + SUFFIX)
            self._folder = str(path.parent)
            self.save(path)

    def open(self, name: str) -> None:
        """Opens a document or an earlier version's result."""
        if self.session.state != State.IDLE:
            self.report("A run is going; finish or cancel it before a result is opened.", "")
            return

        def read() -> tuple[Reconstruction, list[Frame]]:
            from engine.runs.document import open_run

            result = open_run(name)
            return result, replayed(result)

        self._opening = self.worker.submit(read)

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
            self.window.statusBar().showMessage(f"Saved {outcome.value}", 6000)
        elif self.session.state != State.IDLE:
            self.report("A run has begun meanwhile; open the result again when it is done.", "")
        else:
            result, frames = outcome.value
            if result.spec.prior.name in priors().choices:
                self.take_setup(result)
            else:
                self.window.statusBar().showMessage(
                    f"The prior '{result.spec.prior.name}' of this run is not installed here; its result can be looked at.",
                    8000,
                )
            self.session.set_result(result)
            self.session.result_saved = True
            self.shown(result, frames)
        return True

    @staticmethod
    def _library() -> str:
        from engine.files import make_folder
        from engine.runs.library import Library

        return str(make_folder(Library().folder))
