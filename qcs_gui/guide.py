"""The guide: pages with pictures and links on the right, their titles and a search on the left. Nothing is fetched."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.actions import ACTIONS

__all__ = ["GuideWindow", "guide_folder", "guide_pages", "settings_page"]

EVERY_SETTING = "Every setting"
ACTION = "action:"
"""How a link begins that carries out a command of the window."""


def guide_folder() -> Path:
    return Path(str(files("resources"))) / "guide"


def guide_pages() -> list[tuple[str, Path]]:
    """(title, file) of the guide's pages, in their order."""
    pages = []
    for file in sorted(guide_folder().glob("*.md")):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        pages.append((first.lstrip("# "), file))
    return pages


def settings_page() -> str:
    """Every choice with its settings, from the settings themselves."""
    from engine.algorithms import ALGORITHMS
    from engine.priors.library import priors
    from engine.sensing.operators import OPERATORS
    from engine.sensing.quantizers import QUANTIZERS

    parts = [f"# {EVERY_SETTING}\n"]
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
    """``wanted`` carries the name of a command whose link was clicked."""

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Guide")
        self._texts = {title: file.read_text(encoding="utf-8") for title, file in guide_pages()}
        self._titles_by_file = {file.name: title for title, file in guide_pages()}
        self._texts[EVERY_SETTING] = settings_page()
        self.search, self.contents, self.text = QLineEdit(), QListWidget(), QTextBrowser()
        self.found = QLabel()
        self.found.setObjectName("dim")
        self.found.setWordWrap(True)
        self.search.setPlaceholderText("Search the guide (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search in the guide")
        self.contents.setAccessibleName("Pages of the guide")
        self.text.setAccessibleName("The page")
        self.text.setOpenExternalLinks(False)
        self.text.setOpenLinks(False)
        self.text.setSearchPaths([str(guide_folder())])
        self.text.anchorClicked.connect(self._follow)
        left = QVBoxLayout()
        for widget in (self.search, self.found, self.contents):
            left.addWidget(widget)
        column = QWidget()
        column.setLayout(left)
        column.setFixedWidth(230)
        layout = QHBoxLayout(self)
        layout.addWidget(column)
        layout.addWidget(self.text, 1)
        self.resize(1000, 700)
        self.contents.currentItemChanged.connect(lambda item, _: self._show(item))
        self.search.textChanged.connect(lambda _: self._filter())
        self.search.returnPressed.connect(self._next)
        QShortcut(QKeySequence("Ctrl+F"), self).activated.connect(self.search.setFocus)
        self._filter()

    @property
    def page(self) -> str:
        """The title of the page that is shown."""
        item = self.contents.currentItem()
        return item.data(Qt.ItemDataRole.UserRole) if item is not None else ""

    def open_page(self, title: str) -> None:
        """Goes to a page; what was searched for is given up where it is not on it."""
        if not any(i.data(Qt.ItemDataRole.UserRole) == title for i in self._items()):
            self.search.clear()
        for item in self._items():
            if item.data(Qt.ItemDataRole.UserRole) == title:
                self.contents.setCurrentItem(item)

    def _items(self) -> list[QListWidgetItem]:
        return [self.contents.item(i) for i in range(self.contents.count())]

    def _filter(self) -> None:
        """Lists the pages that hold all words, the fullest first; all of them where nothing is searched for."""
        words, before = self.search.text().lower().split(), self.page
        hits, phrase = {}, " ".join(words)
        for title, text in self._texts.items():
            lower = text.lower()
            if all(w in lower for w in words):
                # what stands there as it was typed first, then titles, then the page with most of it for its length
                share = sum(lower.count(w) for w in words) * 1000 / len(lower)
                hits[title] = 100 * (phrase in lower) + 50 * sum(w in title.lower() for w in words) + share
        titles = sorted(hits, key=lambda t: -hits[t]) if words else list(hits)
        self.contents.blockSignals(True)
        self.contents.clear()
        for title in titles:
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, title)
            self.contents.addItem(item)
        self.contents.blockSignals(False)
        self.found.setVisible(bool(words))
        self.found.setText("Nothing found." if words and not titles else "Return goes to the next place.")
        if titles:
            self.contents.setCurrentRow(0 if words or before not in titles else titles.index(before))

    def _show(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        self.text.setMarkdown(self._texts[item.data(Qt.ItemDataRole.UserRole)])
        if self.search.text().strip():
            self._next()

    def _next(self) -> None:
        """Marks the next place of what is searched for, as a whole or else its first word."""
        words = self.search.text().strip()
        for wanted in (words, *words.split()[:1]):
            if wanted and self.text.find(wanted):
                return
            if wanted:
                self.text.moveCursor(QTextCursor.MoveOperation.Start)
                if self.text.find(wanted, QTextDocument.FindFlag(0)):
                    return

    def _follow(self, url: QUrl) -> None:
        """Links lead to pages of the guide and to commands of the window, nowhere else."""
        target = url.toString()
        if target.startswith(ACTION):
            name = target.removeprefix(ACTION)
            if any(c.name == name for c in ACTIONS):
                self.wanted.emit(name)
        elif target in self._titles_by_file:
            self.open_page(self._titles_by_file[target])
        elif re.fullmatch(r"#every-setting", target):
            self.open_page(EVERY_SETTING)
