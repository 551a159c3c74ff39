"""Which algorithms to compare."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

__all__ = ["AlgorithmsDialog"]


class AlgorithmsDialog(QDialog):
    """A list with boxes to tick; those that suit the set-up alone."""

    def __init__(self, parent: QWidget | None, algorithms: dict[str, str], current: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare algorithms")
        self.list = QListWidget()
        self.list.setAccessibleName("Algorithms to compare")
        for name, label in algorithms.items():
            item = QListWidgetItem(label)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name == current else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run_button = self.buttons.addButton("Run them", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.list.itemChanged.connect(lambda _: self._enable())
        words = QLabel("Each runs on the same measurement with the same seed, one after the other.")
        words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.buttons)
        self.resize(340, 420)
        self._enable()

    def _enable(self) -> None:
        self.run_button.setEnabled(len(self.chosen()) > 1)

    def chosen(self) -> list[str]:
        items = [self.list.item(i) for i in range(self.list.count())]
        return [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() == Qt.CheckState.Checked]
