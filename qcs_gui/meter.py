"""What the program takes of the machine: processor, memory and, where there is one, GPU; in the status bar."""

from __future__ import annotations

import sys

import psutil
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

__all__ = ["Meter", "Usage"]

EVERY_MS = 2000
GB = 1e9


class Usage:
    """Of this process: share of all cores since the last look, bytes of memory; and of the GPU that torch uses."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call has nothing to compare with
        self.cores = psutil.cpu_count() or 1
        self.memory = psutil.virtual_memory().total

    def look(self) -> tuple[float, int]:
        """Busy cores (0 to the number there are) and bytes."""
        return self._process.cpu_percent() / 100, self._process.memory_info().rss

    @staticmethod
    def gpu() -> tuple[int, int] | None:
        """Bytes in use and there are, by all programs; None without one. Torch is not imported for it."""
        torch = sys.modules.get("torch")
        cuda = getattr(torch, "cuda", None)
        if cuda is None or not cuda.is_initialized():
            return None
        free, total = cuda.mem_get_info()
        return total - free, total


class Meter(QWidget):
    """One line, and a button for the queue while something is in it (``queue_wanted``)."""

    queue_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.usage = Usage()
        self.queue_button, self.label = QPushButton(), QLabel()
        self.queue_button.setFlat(True)
        self.queue_button.setToolTip("Runs that wait their turn (in the history, Ctrl+H).")
        self.queue_button.hide()
        self.queue_button.clicked.connect(self.queue_wanted)
        usual = self.label.fontMetrics().horizontalAdvance("CPU 100%  \N{MIDDLE DOT}  88.8 GB")
        self.label.setMinimumWidth(usual + 4)  # so that a digit more moves nothing
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(8)
        row.addWidget(self.queue_button)
        row.addWidget(self.label)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.refresh()

    def show_queue(self, waiting: int) -> None:
        self.queue_button.setText(f"Queue: {waiting}")
        self.queue_button.setVisible(waiting > 0)

    def refresh(self) -> None:
        """Looks anew; does nothing while nobody sees it."""
        if self.window().isMinimized():
            return
        busy, memory = self.usage.look()
        words = [f"CPU {min(busy / self.usage.cores, 1):.0%}", f"{memory / GB:.1f} GB"]
        gpu = self.usage.gpu()
        if gpu is not None:
            words.append(f"GPU {gpu[0] / GB:.1f} of {gpu[1] / GB:.0f} GB")
        self.label.setText("  \N{MIDDLE DOT}  ".join(words))
        self.label.setToolTip(
            f"This program uses {busy:.1f} of {self.usage.cores} cores, and of {self.usage.memory / GB:.0f} GB of memory "
            f"{memory / GB:.2f}."
        )
