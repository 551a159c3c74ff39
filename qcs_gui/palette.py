"""The command palette: every command of the action table, found by a few letters of what it does."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from qcs_gui.actions import ACTIONS, Command
from qcs_gui.context import Context, Feature

__all__ = ["Palette", "PaletteController", "rank"]

WIDTH, HEIGHT = 620, 420


def rank(command: Command, words: str) -> int | None:
    """How well a command fits what was typed, the least first; None where a word is missing. What begins with the words goes
    before what holds them in its name, and that before what holds them in its description."""
    name = command.text.replace("&", "").replace(" ...", "").lower()
    whole = f"{name} {command.menu.replace('&', '').lower()} {command.tip.lower()} {command.shortcut.lower()}"
    typed = words.lower().split()
    if not all(w in whole for w in typed):
        return None
    if not typed or name.startswith(" ".join(typed)):
        return 0
    if all(any(part.startswith(w) for part in name.split()) for w in typed):
        return 1
    return 2 if all(w in name for w in typed) else 3


class Palette(QDialog):
    """``chosen`` is the command to carry out once it has closed, empty for none."""

    def __init__(self, parent: QWidget, enabled: dict[str, bool]) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setWindowTitle("Commands")
        self.chosen = ""
        self.enabled = enabled
        self.line, self.list = QLineEdit(), QTreeWidget()
        self.line.setPlaceholderText("Type a command: compare, export, theme ...")
        self.line.setAccessibleName("Command to look for")
        self.list.setAccessibleName("Commands that fit")
        self.list.setColumnCount(3)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        header = self.list.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(False)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        self.resize(WIDTH, HEIGHT)
        self.line.textChanged.connect(self._fill)
        self.list.itemClicked.connect(lambda _: self._take())
        self._fill("")
        self.line.setFocus()

    def _fill(self, words: str) -> None:
        ranked = [(r, i, c) for i, c in enumerate(ACTIONS) if (r := rank(c, words)) is not None and c.name != "palette"]
        self.list.clear()
        # what cannot be done now stands last
        for _, _, command in sorted(ranked, key=lambda r: (not self.enabled.get(r[2].name, True), r[0], r[1])):
            keys = QKeySequence(command.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
            name = command.text.replace("&", "").replace(" ...", "")
            item = QTreeWidgetItem([f"{command.menu.replace('&', '')}: {name}", command.tip, keys])
            item.setData(0, Qt.ItemDataRole.UserRole, command.name)
            item.setForeground(1, self.palette().placeholderText())
            item.setToolTip(1, command.tip)
            if not self.enabled.get(command.name, True):
                item.setDisabled(True)
            self.list.addTopLevelItem(item)
        self._go_to(0)

    def _go_to(self, row: int) -> None:
        item = self.list.topLevelItem(min(max(row, 0), self.list.topLevelItemCount() - 1))
        if item is not None:
            self.list.setCurrentItem(item)

    def names(self) -> list[str]:
        """What is listed, in its order."""
        items = [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]
        return [i.data(0, Qt.ItemDataRole.UserRole) for i in items if i is not None]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}[Qt.Key(key)]
            current = self.list.currentItem()
            self._go_to(step + (0 if current is None else self.list.indexOfTopLevelItem(current)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        else:
            super().keyPressEvent(event)

    def _take(self) -> None:
        item = self.list.currentItem()
        if item is not None and not item.isDisabled():
            self.chosen = item.data(0, Qt.ItemDataRole.UserRole)
            self.accept()


class PaletteController(Feature):
    """Opens the palette over the window and does what was chosen in it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.dialog: Palette | None = None
        self.act(palette=self.open)

    def open(self) -> None:
        window = self.window
        enabled = {name: action.isEnabled() for name, action in window.actions_by_name.items()}
        self.dialog = dialog = Palette(window, enabled)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._do(dialog.chosen))
        dialog.move(window.mapToGlobal(QPoint((window.width() - dialog.width()) // 2, 60)))
        dialog.show()
        dialog.activateWindow()
        dialog.line.setFocus()

    def _do(self, name: str) -> None:
        # once the palette has gone, so that what it opens comes to the front
        QTimer.singleShot(0, self.window.actions_by_name[name].trigger)
