"""Something that could be done now, offered in a corner of the window; it is gone once it is answered."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

__all__ = ["Offer"]

WIDTH, MARGIN = 340, 18


class Offer(QFrame):
    """``taken`` or ``refused``, then it goes."""

    taken, refused = Signal(), Signal()

    def __init__(self, window: QWidget, words: str, yes: str, no: str) -> None:
        super().__init__(window)
        self.setObjectName("hint")
        self.label, self.yes_button, self.no_button = QLabel(words), QPushButton(yes), QPushButton(no)
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        row = QHBoxLayout()
        row.addWidget(self.yes_button)
        row.addWidget(self.no_button)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.addWidget(self.label)
        layout.addLayout(row)
        self.setFixedWidth(WIDTH)
        self.setFixedHeight(layout.heightForWidth(WIDTH))
        self.yes_button.clicked.connect(self._take)
        self.no_button.clicked.connect(self._refuse)
        window.installEventFilter(self)

    def show_at_corner(self) -> None:
        """At the lower right, above the status bar, wherever the window's edge goes."""
        self._move()
        self.show()
        self.raise_()

    def _move(self) -> None:
        window = self.parentWidget()
        if window is not None:
            self.move(window.width() - self.width() - MARGIN, window.height() - self.height() - 2 * MARGIN - 10)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._move()
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        self._go()
        self.taken.emit()

    def _refuse(self) -> None:
        self._go()
        self.refused.emit()

    def _go(self) -> None:
        self.hide()
        self.deleteLater()
