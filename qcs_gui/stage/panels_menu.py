"""View > Panels of the grid."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu

from qcs_gui.context import Context, Feature
from qcs_gui.stage.view_store import VIEWS

__all__ = ["PanelsMenu"]


class PanelsMenu(Feature):
    """View > Panels of the grid: one tick for each view."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.menu = QMenu("&Panels of the grid", self.window)
        self.window.menu_named("&View").insertMenu(self.window.actions_by_name["split"], self.menu)
        self.actions = {}
        for key, view in VIEWS.items():
            action = self.menu.addAction(view.title)
            action.setCheckable(True)
            action.triggered.connect(self.choose)
            self.actions[key] = action
        self.menu.aboutToShow.connect(self.follow)
        self.follow()

    def follow(self) -> None:
        for key, action in self.actions.items():
            action.setChecked(key in self.window.board.shown)

    def choose(self) -> None:
        """Lays out the ticked views; with none ticked, the usual ones."""
        self.window.board.show_panels([key for key, action in self.actions.items() if action.isChecked()])
        self.window.stage.show_grid(True)
