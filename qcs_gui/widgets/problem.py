"""One window for problems: a sentence that can be copied, the details behind a button, never a second copy on top."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

__all__ = ["ProblemDialog"]


class ProblemDialog(QDialog):
    """Not modal: the window behind it stays usable. A new problem replaces the text of the one shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("QCS Studio: problem")
        self.sentence = QLabel()
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setAccessibleName("Problem")
        self.sentence.setMinimumWidth(420)
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details of the problem")
        self.details.setMinimumHeight(180)
        self.details.hide()
        self.details_button = QPushButton("Details")
        self.details_button.setCheckable(True)
        self.copy_button = QPushButton("Copy")
        self.close_button = QPushButton("Close")
        self.close_button.setDefault(True)
        self.details_button.toggled.connect(self.details.setVisible)
        self.details_button.toggled.connect(self.adjustSize)
        self.copy_button.clicked.connect(self._copy)
        self.close_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(self.details_button)
        row.addStretch()
        row.addWidget(self.copy_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.sentence)
        layout.addWidget(self.details)
        layout.addLayout(row)

    def report(self, sentence: str, details: str = "") -> None:
        self.sentence.setText(sentence)
        self.details.setPlainText(details)
        self.details_button.setVisible(bool(details))
        self.details_button.setChecked(False)
        self.show()
        self.raise_()
        self.close_button.setFocus()

    def _copy(self) -> None:
        details = self.details.toPlainText()
        QGuiApplication.clipboard().setText(self.sentence.text() + (f"\n\n{details}" if details else ""))
