"""Submenus whose entries change: recent files, and the panels of the grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QMenu

from qcs_gui.main_window import MainWindow
from qcs_gui.stage.view_store import VIEWS

__all__ = ["PanelsMenu", "RecentMenu"]

MOST = 10


class RecentMenu(QObject):
    """File > Open recent: pictures, run files and kept runs, newest first; what is gone from the disk is not listed."""

    def __init__(self, window: MainWindow, settings: QSettings | None, open_file: Callable[[str], None]) -> None:
        super().__init__(window)
        self.settings, self.open_file = settings, open_file
        kept = settings.value("recent", []) if settings else []
        self.files = [str(f) for f in kept] if isinstance(kept, list) else [str(kept)] if kept else []
        self.menu = QMenu("Open re&cent", window)
        self.menu.aboutToShow.connect(self.fill)
        window.menu_named("&File").insertMenu(window.actions_by_name["open_run"], self.menu)
        self.fill()

    def add(self, name: str) -> None:
        """Puts a file at the top."""
        if not name or name.startswith("sample:"):
            return
        path = str(Path(name).absolute())
        self.files = [path, *(f for f in self.files if f != path)][:MOST]
        if self.settings is not None:
            self.settings.setValue("recent", self.files)

    def fill(self) -> None:
        self.menu.clear()
        there = [f for f in self.files if Path(f).is_file()]
        for name in there:
            action = self.menu.addAction(Path(name).name.replace("&", "&&"))
            action.setToolTip(name)
            action.triggered.connect(lambda _=False, name=name: self.open_file(name))
        if not there:
            self.menu.addAction("Nothing yet").setEnabled(False)


class PanelsMenu(QObject):
    """View > Panels of the grid: one tick for each view."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.menu = QMenu("&Panels of the grid", window)
        window.menu_named("&View").insertMenu(window.actions_by_name["split"], self.menu)
        self.actions = {}
        for key, view in VIEWS.items():
            action = self.menu.addAction(view.title)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False: self.choose())
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
