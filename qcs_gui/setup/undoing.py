"""Edit > Undo and Redo of the set-up and its picture."""

from __future__ import annotations

from qcs_gui.context import Context, Feature
from qcs_gui.undo import SetupState, UndoStack

__all__ = ["UndoController"]


class UndoController(Feature):
    """Listens to the session and goes back in it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.stack = UndoStack()
        self._going = False
        self.act(undo=self.undo, redo=self.redo)
        self.session.observe(self._changed)
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

    def undo(self) -> None:
        self._go(self.stack.undo())

    def redo(self) -> None:
        self._go(self.stack.redo())

    def _go(self, state: SetupState | None) -> None:
        if state is None:
            return
        self._going = True
        if state.picture is None or state.picture is self.session.original:
            self.session.set_spec(state.spec)
        else:
            self.session.set_image(state.picture, state.spec.image, spec=state.spec)
        self._going = False
        self._enable()

    def _enable(self) -> None:
        self.window.actions_by_name["undo"].setEnabled(self.stack.can_undo)
        self.window.actions_by_name["redo"].setEnabled(self.stack.can_redo)
