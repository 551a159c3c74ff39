"""The one place that asks for a file or a folder; it begins where the last one was."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

__all__ = ["Folders", "ask_folder", "ask_open", "ask_save", "folders"]


class Folders:
    """One memory for all dialogs; ``last`` is empty at first."""

    def __init__(self, last: str = "") -> None:
        self.last = last

    def suggest(self, near: str | Path = "") -> str:
        """A path to begin a dialog with: one that says where it is, else that name in the folder of the last file."""
        if Path(near).is_absolute():
            return str(near)
        last = self.last if self.last and Path(self.last).is_dir() else Path.home()
        return str(Path(last) / near)

    def took(self, name: str) -> str:
        """What a dialog gave, empty where it was given up; its folder is remembered."""
        if name:
            self.last = str(Path(name) if Path(name).is_dir() else Path(name).parent)
        return name


folders = Folders()
"""Of this process."""


def ask_open(parent: QWidget, title: str, filters: str, near: str | Path = "") -> str:
    """A file that is there; empty where none was chosen."""
    name, _ = QFileDialog.getOpenFileName(parent, title, folders.suggest(near), f"{filters};;All files (*)")
    return folders.took(name)


def ask_folder(parent: QWidget, title: str, near: str | Path = "") -> str:
    """A folder that is there; empty where none was chosen."""
    return folders.took(QFileDialog.getExistingDirectory(parent, title, folders.suggest(near)))


def ask_save(parent: QWidget, title: str, near: str | Path, filters: str) -> Path | None:
    """Where to write, None for nowhere; a name without an ending gets that of the chosen filter, else it would be hidden when
    such files are opened."""
    # what has no ending is a folder: to write into one that is there replaces nothing
    ask = QFileDialog.getSaveFileName
    if "*." not in filters:
        ask = partial(ask, options=QFileDialog.Option.DontConfirmOverwrite)
    name, chosen = ask(parent, title, folders.suggest(near), filters)
    if not folders.took(name):
        return None
    ending = re.search(r"\*(\.\w+)", chosen or filters.split(";;")[0])
    return Path(name).with_suffix(ending[1]) if ending and not Path(name).suffix else Path(name)
