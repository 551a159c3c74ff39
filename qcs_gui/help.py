"""The menu Help: guide, shortcuts, messages, about."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from engine import __version__
from qcs_gui.main_window import MainWindow
from qcs_gui.widgets.reading import Console, GuideWindow, ShortcutsWindow

__all__ = ["HelpController"]


class HelpController(QObject):
    """Windows are made when they are first asked for."""

    def __init__(self, window: MainWindow, console: Console) -> None:
        super().__init__(window)
        self.window = window
        self.guide: GuideWindow | None = None
        self.shortcuts: ShortcutsWindow | None = None
        actions = window.actions_by_name
        for name, slot in (
            ("guide", self.show_guide), ("shortcuts", self.show_shortcuts), ("console", console.show), ("about", self.about),
        ):  # fmt: skip
            actions[name].triggered.connect(slot)

    def show_guide(self) -> None:
        self.guide = self.guide or GuideWindow(self.window)
        self.guide.show()
        self.guide.raise_()

    def show_shortcuts(self) -> None:
        self.shortcuts = self.shortcuts or ShortcutsWindow(self.window)
        self.shortcuts.show()
        self.shortcuts.raise_()

    def about(self) -> None:
        QMessageBox.about(
            self.window,
            "About QCS Studio",
            f"QCS Studio {__version__}\n\nReconstructs images from few, coarsely quantized measurements.\n\n"
            "Methods: QCS-SGM (Meng and Kabashima, ICLR 2023), QCS-SGM+, turbo message passing, plug-and-play, split Gibbs "
            "and the methods that they are compared with; sources are in the guide (F1).",
        )
