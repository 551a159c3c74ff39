"""Presentation mode: the stage alone, in letters that are read from the last row. Space replays, arrows go through presets."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from engine.runs.presets import Preset, presets
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.stage.stage_controller import StageController

__all__ = ["PresentationController"]

SECONDS = 6.0
"""How long a replay takes for an audience."""


class PresentationController(Feature):
    """``choose`` runs the preset of a name."""

    def __init__(self, context: Context, panels: StageController, choose: Callable[[str], None]) -> None:
        super().__init__(context)
        self.panels, self.choose = panels, choose
        self.index: int | None = None
        self.full_screen = True
        self._before: list[tuple[QWidget, bool]] = []
        self._was_full = False
        keys = {"Space": self.replay, "Left": self.previous, "Right": self.next, "Escape": self.leave}
        self._shortcuts = []
        for key, work in keys.items():
            shortcut = QShortcut(QKeySequence(key), self.window)
            shortcut.activated.connect(work)
            shortcut.setEnabled(False)
            self._shortcuts.append(shortcut)
        self.action = self.window.actions_by_name["present"]
        self.action.toggled.connect(self._switch)

    @property
    def on(self) -> bool:
        return self.window.stage.presenting

    def scenes(self) -> list[Preset]:
        """The presets that are one run on one picture; what is compared or drawn needs more than the stage."""
        return [p for p in presets() if len(p.runs) == 1 and not p.draw]

    def _switch(self, on: bool) -> None:
        if on == self.on:
            return
        window, stage = self.window, self.window.stage
        cancel = window.actions_by_name["cancel"]
        if on:
            window.show_page(stage)
            around = (window.column, window.menuBar(), window.statusBar(), window.history_dock)
            parts = (stage.view_bar, stage.timeline, stage.curves, stage.uncertainty, stage.measurement_combo)
            self._before = [(w, not w.isHidden()) for w in (*around, *parts)]
            for widget, _ in self._before:
                widget.hide()
            window.addAction(self.action)  # its key works without the menu bar, too
            cancel.setShortcut(QKeySequence())  # Escape leaves
            self._was_full = window.isFullScreen()
            stage.set_presenting(True)
            stage.picture.setFocus()
            if self.full_screen:
                window.showFullScreen()
        else:
            stage.set_presenting(False)
            for widget, seen in self._before:
                widget.setVisible(seen)
            stage.timeline.setVisible(self.panels.shown is not None)
            cancel.setShortcut(QKeySequence("Esc"))
            if self.full_screen and not self._was_full:
                window.showNormal()
            window.run_button.setFocus()
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)
        self.panels.say()

    def leave(self) -> None:
        self.action.setChecked(False)

    def replay(self) -> None:
        """Plays the run again, or begins it where there is none yet; stops what plays."""
        timeline = self.window.stage.timeline
        if timeline.playing:
            timeline.stop()
        elif self.session.state == State.IDLE and self.panels.is_next:
            self.window.actions_by_name["run"].trigger()
        elif self.session.state == State.IDLE:
            self.window.stage.follow()
            timeline.play_within(SECONDS)

    def next(self) -> None:
        self._go(1)

    def previous(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        scenes = self.scenes()
        if scenes:
            start = -1 if self.index is None and step > 0 else self.index or 0
            self.index = (start + step) % len(scenes)
            scene = scenes[self.index]
            self.window.stage.timeline.stop()
            self.window.stage.scene_label.setText(scene.title)
            self.window.stage.scene_label.show()
            self.choose(scene.name)
