"""The folder that dialogs begin in: where the last file was."""

from __future__ import annotations

from pathlib import Path

__all__ = ["Folders"]


class Folders:
    """One memory for all dialogs of a window; ``last`` is empty at first."""

    def __init__(self, last: str = "") -> None:
        self.last = last

    def suggest(self, name: str = "") -> str:
        """A path to begin a dialog with."""
        folder = self.last if self.last and Path(self.last).is_dir() else str(Path.home())
        return str(Path(folder) / name) if name else folder

    def took(self, name: str) -> Path:
        """The path that a dialog gave; its folder is remembered."""
        path = Path(name)
        self.last = str(path if path.is_dir() else path.parent)
        return path
