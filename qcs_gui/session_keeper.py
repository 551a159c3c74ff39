"""Keeps the session while the window is used, so that the next start finds it whatever happens to this one."""

from __future__ import annotations

from PySide6.QtCore import QTimer

from qcs_gui.context import Context, Feature
from qcs_gui.keeping import KeptSession, SessionFile, guarded
from qcs_gui.view_state import restore_view, view_state

__all__ = ["SessionKeeper"]


class SessionKeeper(Feature):
    """Writes a second after a change, and at the end; does nothing without a ``file``."""

    def __init__(self, context: Context, file: SessionFile | None) -> None:
        super().__init__(context)
        self.file = file
        self._soon = QTimer(self, interval=1000, singleShot=True)
        self._soon.timeout.connect(self.keep)
        context.closing.connect(self._close)
        self.session.observe(self._changed)

    def restore(self) -> KeptSession | None:
        """What was kept: its view and set-up are taken at once, its run is for the caller to open."""
        kept = self.file.read() if self.file is not None else None
        if kept is not None:
            restore_view(self.window, kept.view)
            if kept.spec is not None:
                self.session.take(kept.spec)
        return kept

    def keep(self) -> None:
        file = self.file
        if file is not None:
            guarded(
                lambda: file.write(self.session.spec, self.session.result_path, view_state(self.window)), self._not_kept
            )

    def _close(self) -> None:
        self._soon.stop()
        self.keep()

    def _changed(self, what: str) -> None:
        # not started anew by every change: many in a row must not put it off
        if what in ("spec", "image", "result", "result_saved") and not self._soon.isActive():
            self._soon.start()

    def _not_kept(self, sentence: str, details: str = "") -> None:
        self.context.console.add(sentence, details)
        self.context.say(sentence, 8000)
