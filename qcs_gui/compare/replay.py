"""One clock for the replays of all compared runs."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from qcs_gui.stage.timeline import JumpSlider
from qcs_gui.widgets.boxes import ListBox

__all__ = ["Replay"]

TICKS, TICK_MS, SECONDS = 240, 40, 6.0
TOGETHER, BY_SECONDS = "Together", "In real proportion"


class Replay(QWidget):
    """``moved`` says that :attr:`clock`, 0 to 1, or what it counts has changed; at 1 the results are shown."""

    moved = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.play_button = QPushButton("Replay")
        self.play_button.setCheckable(True)
        self.play_button.setToolTip("Play all runs by one clock, from their kept frames (Ctrl+Space).")
        self.slider = JumpSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Clock of all runs")
        self.slider.setRange(0, TICKS)
        self.slider.setValue(TICKS)
        self.counts = ListBox()
        self.counts.addItems([TOGETHER, BY_SECONDS])
        self.counts.setAccessibleName("What the clock counts")
        self.counts.setToolTip("All runs begin and end together, or each takes the share of the time that it took.")
        self.label = QLabel()
        self.label.setMinimumWidth(self.label.fontMetrics().horizontalAdvance("results shown ") + 8)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.play_button, self.slider, self.counts, self.label):
            row.addWidget(widget, 1 if widget is self.slider else 0)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._advance)
        self.play_button.toggled.connect(self._played)
        self.slider.valueChanged.connect(lambda _: self._tell())
        self.counts.currentIndexChanged.connect(lambda _: self._tell())
        self._tell()

    @property
    def clock(self) -> float:
        return self.slider.value() / TICKS

    @property
    def by_seconds(self) -> bool:
        return self.counts.currentText() == BY_SECONDS

    def _played(self, playing: bool) -> None:
        self.play_button.setText("Stop" if playing else "Replay")
        if not playing:
            self._timer.stop()
            return
        if self.slider.value() >= TICKS:
            self.slider.setValue(0)
        self._timer.start()

    def _advance(self) -> None:
        self.slider.setValue(min(TICKS, self.slider.value() + max(1, round(TICKS * TICK_MS / 1000 / SECONDS))))
        if self.slider.value() >= TICKS:
            self.play_button.setChecked(False)

    def to_end(self) -> None:
        """The results."""
        self.play_button.setChecked(False)
        self.slider.setValue(TICKS)

    def _tell(self) -> None:
        self.label.setText("results shown" if self.clock >= 1 else f"{self.clock:.0%}")
        self.moved.emit()

    def hideEvent(self, event: object) -> None:
        self.play_button.setChecked(False)
        super().hideEvent(event)  # type: ignore[arg-type]
