"""The queue above the history, into which its runs flow: what is running, what waits, what is held back and why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

__all__ = ["QueueView"]

ROWS_SEEN = 4


class QueueView(QWidget):
    """Hidden while there is nothing in it. ``removed`` carries the numbers of runs, ``compared`` a group."""

    held, retried = Signal(), Signal()
    removed = Signal(list)
    compared, dismissed = Signal(str), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.title = QLabel()
        self.title.setObjectName("tile_heading")
        self.hold_button = QPushButton("Pause")
        self.hold_button.setToolTip("Hold the queue; runs of the window itself always go first.")
        self.remove_button, self.retry_button = QPushButton("Remove"), QPushButton("Try again")
        self.remove_button.setToolTip("Take the chosen runs out of the queue; one that is running is cancelled.")
        self.retry_button.setToolTip("Runs that were held back are tried once more.")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress of the queued run")
        self.list = QListWidget()
        self.list.setAccessibleName("Runs that wait")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.offer = QWidget()
        self.offer_label, self.compare_button = QLabel(), QPushButton("Compare")
        self.dismiss_button = QPushButton("Not now")
        row = QHBoxLayout(self.offer)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.offer_label, 1)
        row.addWidget(self.compare_button)
        row.addWidget(self.dismiss_button)
        self.waiting = QWidget()
        column = QVBoxLayout(self.waiting)
        column.setContentsMargins(0, 0, 0, 0)
        head, buttons = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.hold_button)
        buttons.addWidget(self.remove_button)
        buttons.addWidget(self.retry_button)
        buttons.addStretch()
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addWidget(self.list)
        column.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(self.offer)
        layout.addWidget(self.waiting)
        self.group = ""
        self.hold_button.clicked.connect(self.held)
        self.retry_button.clicked.connect(self.retried)
        self.remove_button.clicked.connect(lambda: self.removed.emit(self.numbers()))
        self.compare_button.clicked.connect(lambda: self.compared.emit(self.group))
        self.dismiss_button.clicked.connect(lambda: self.dismissed.emit(self.group))
        self.list.itemSelectionChanged.connect(lambda: self.remove_button.setEnabled(bool(self.numbers())))
        self.show_queue([], "", False)
        self.show_offer("", 0)

    def numbers(self) -> list[str]:
        """The chosen runs."""
        return [i.data(Qt.ItemDataRole.UserRole) for i in self.list.selectedItems()]

    def show_queue(self, rows: Sequence[tuple[str, str, str]], running: str, held: bool) -> None:
        """``rows`` of a number, words and a problem (empty for none); ``running`` is the number of the one that is going."""
        chosen = set(self.numbers())
        self.list.clear()
        for number, words, problem in rows:
            mark = "\N{BLACK RIGHT-POINTING TRIANGLE} " if number == running else ""
            item = QListWidgetItem(f"{mark}{words}" + (f"\nheld back: {problem}" if problem else ""))
            item.setData(Qt.ItemDataRole.UserRole, number)
            item.setToolTip(problem or words)
            self.list.addItem(item)
            item.setSelected(number in chosen)
        line = self.list.fontMetrics().lineSpacing() + 4
        seen = sum(3 if p else 1 for _, _, p in rows)
        self.list.setFixedHeight(min(max(seen, 1), ROWS_SEEN) * line + 8)
        count = sum(not p for _, _, p in rows)
        state = "paused" if held else "running" if running else "waiting"
        self.title.setText(f"Queue: {count} run{'s' if count != 1 else ''}, {state}" if count else "Queue: held back")
        self.hold_button.setText("Resume" if held else "Pause")
        self.hold_button.setEnabled(count > 0)
        self.progress.setVisible(bool(running))
        self.retry_button.setVisible(any(p for _, _, p in rows))
        self.remove_button.setEnabled(bool(self.numbers()))
        self.waiting.setVisible(bool(rows))
        self._show()

    def show_progress(self, share: float) -> None:
        self.progress.setValue(round(1000 * share))

    def show_offer(self, group: str, count: int) -> None:
        """Runs that were queued together and are all done; an empty group for none."""
        self.group = group
        self.offer_label.setText(f"{count} queued runs are done.")
        self.offer.setVisible(bool(group))
        self._show()

    def _show(self) -> None:
        self.setVisible(not self.waiting.isHidden() or not self.offer.isHidden())
