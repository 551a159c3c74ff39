"""Windows to read in: the guide, the shortcuts, the messages so far."""

from __future__ import annotations

import time
from collections import deque
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.actions import VIEW_KEYS, shortcut_table

__all__ = ["Console", "GuideWindow", "ShortcutsWindow", "guide_pages"]


def guide_pages() -> list[tuple[str, Path]]:
    """(title, file) of the guide's pages, in their order."""
    folder = Path(str(files("resources"))) / "guide"
    pages = []
    for file in sorted(folder.glob("*.md")):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        pages.append((first.lstrip("# "), file))
    return pages


def settings_page() -> str:
    """Every choice with its settings, from the settings themselves."""
    from engine.algorithms import ALGORITHMS
    from engine.priors.library import priors
    from engine.sensing.operators import OPERATORS
    from engine.sensing.quantizers import QUANTIZERS

    parts = ["# Every setting\n"]
    for title, family in (
        ("Sensing", OPERATORS),
        ("Quantizers", QUANTIZERS),
        ("Priors", priors()),
        ("Algorithms", ALGORITHMS),
    ):
        parts.append(f"## {title}\n")
        for name, cls in family.choices.items():
            parts.append(f"### {cls.label} (`{name}`)\n\n{cls.summary()}\n")
            parts += [f"- **{s.label}** (`{key}`): {s.help} Takes {s.expected()}." for key, s in cls.settings().items()]
            parts.append("")
    return "\n".join(parts)


class GuideWindow(QDialog):
    """Pages on the left, text on the right; nothing is fetched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Guide")
        self.pages = guide_pages()
        self.contents, self.text = QListWidget(), QTextBrowser()
        self.contents.setAccessibleName("Pages of the guide")
        self.text.setAccessibleName("The page")
        self.text.setOpenExternalLinks(False)
        self.text.setOpenLinks(False)
        self.contents.addItems([*(title for title, _ in self.pages), "Every setting"])
        self.contents.setMaximumWidth(220)
        self.contents.currentRowChanged.connect(self._show)
        layout = QHBoxLayout(self)
        layout.addWidget(self.contents)
        layout.addWidget(self.text, 1)
        self.resize(900, 640)
        self.contents.setCurrentRow(0)

    def _show(self, row: int) -> None:
        if row >= len(self.pages):
            self.text.setMarkdown(settings_page())
        elif row >= 0:
            self.text.setMarkdown(self.pages[row][1].read_text(encoding="utf-8"))


def _lay_out(dialog: QDialog, widget: QWidget) -> None:
    """A widget with a button to close below it."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(widget, 1)
    layout.addWidget(buttons)


class ShortcutsWindow(QDialog):
    """The table of shortcuts, made from the table of actions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        rows = [*shortcut_table(), ("Views", "1 ... 0", VIEW_KEYS)]
        self.table = QTableWidget(len(rows), 3)
        self.table.setAccessibleName("Shortcuts")
        self.table.setHorizontalHeaderLabels(["What", "Keys", ""])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                self.table.setItem(i, j, QTableWidgetItem(text))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        _lay_out(self, self.table)
        self.resize(760, 560)


class Console(QDialog):
    """Warnings and problems with their time, newest last; the last thousand are kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Messages")
        self.lines: deque[str] = deque(maxlen=1000)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(4000)
        self.text.setAccessibleName("Messages so far")
        _lay_out(self, self.text)
        self.resize(640, 360)
        self.setWindowFlag(Qt.WindowType.Window, True)

    def add(self, sentence: str, details: str = "") -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S')}  {sentence}")
        self.text.appendPlainText(self.lines[-1] + (f"\n{details}" if details else ""))
