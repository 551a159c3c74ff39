"""The menu Help: guide, shortcuts, messages, about."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox

from engine import __version__
from qcs_gui.context import Context, Feature
from qcs_gui.guide import GuideWindow
from qcs_gui.widgets.reading import ShortcutsWindow

__all__ = ["HelpController"]


class HelpController(Feature):
    """Windows are made when they are first asked for."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.guide: GuideWindow | None = None
        self.shortcuts: ShortcutsWindow | None = None
        self.act(guide=self.show_guide, shortcuts=self.show_shortcuts, console=context.console.show, about=self.about)

    def show_guide(self) -> None:
        if self.guide is None:
            self.guide = GuideWindow(self.window)
            self.guide.wanted.connect(lambda name: self.window.actions_by_name[name].trigger())
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
