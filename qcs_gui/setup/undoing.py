"""Edit > Undo and Redo of the set-up and its picture."""

from __future__ import annotations

from PySide6.QtCore import QObject

from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.setup.controller import SetupController
from qcs_gui.undo import SetupState, UndoStack

__all__ = ["UndoController"]


class UndoController(QObject):
    """Listens to the session and goes back in it."""

    def __init__(self, session: Session, window: MainWindow, setup: SetupController) -> None:
        super().__init__(window)
        self.session, self.window, self.setup = session, window, setup
        self.stack = UndoStack()
        self._going = False
        window.actions_by_name["undo"].triggered.connect(lambda: self._go(self.stack.undo()))
        window.actions_by_name["redo"].triggered.connect(lambda: self._go(self.stack.redo()))
        session.observe(self._changed)
        self._enable()

    def _changed(self, what: str) -> None:
        # measurements of one's own come with a file and are opened, not undone
        if (
            what in ("spec", "image")
            and not self._going
            and not self.session.spec.measurement
            and self.session.original is not None
        ):
            self.stack.changed(SetupState(self.session.spec, self.session.original))
            self._enable()

    def _go(self, state: SetupState | None) -> None:
        if state is None:
            return
        self._going = True
        self.session.set_spec(state.spec)
        if state.picture is not None and state.picture is not self.session.original:
            self.session.set_image(state.picture, state.spec.image)
        self._going = False
        self._enable()

    def _enable(self) -> None:
        self.window.actions_by_name["undo"].setEnabled(self.stack.can_undo)
        self.window.actions_by_name["redo"].setEnabled(self.stack.can_redo)
