"""The timeline: play, pause, loop, speed, a click that jumps, and the way back to the run that is going."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)

from qcs_gui.widgets.boxes import ListBox

__all__ = ["JumpSlider", "Timeline"]

RATES = {"2 / s": 2.0, "5 / s": 5.0, "10 / s": 10.0, "20 / s": 20.0}


class JumpSlider(QSlider):
    """A slider whose handle comes to where it is clicked."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            style, complex_ = self.style(), QStyle.ComplexControl.CC_Slider
            handle = style.subControlRect(complex_, option, QStyle.SubControl.SC_SliderHandle, self)
            if not handle.contains(event.position().toPoint()):
                groove = style.subControlRect(complex_, option, QStyle.SubControl.SC_SliderGroove, self)
                span = groove.width() - handle.width()
                at = round(event.position().x()) - groove.x() - handle.width() // 2
                self.setValue(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, max(span, 1)))
        super().mousePressEvent(event)


class Timeline(QWidget):
    """``slider`` counts kept frames; its right end follows the run. Playing moves it by a timer."""

    back_to_live = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.slider = JumpSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Timeline of the run")
        self.slider.setToolTip(
            "The kept frames of the run. Click or drag to look back, also while it runs; the right end follows."
        )
        self.slider.setEnabled(False)
        self.slider.setMinimumWidth(80)
        self.play_button = QPushButton("Play")
        self.play_button.setCheckable(True)
        self.play_button.setToolTip("Play the run from its kept frames (Ctrl+Space).")
        self.loop = QCheckBox("Loop")
        self.loop.setToolTip("Begin again at the end.")
        self.rate = ListBox()
        self.rate.addItems(list(RATES))
        self.rate.setCurrentText("10 / s")
        self.rate.setAccessibleName("Frames a second while playing")
        self.rate.setToolTip("Frames a second while playing.")
        self.live_button = QPushButton("Back to live")
        self.live_button.setToolTip("Follow the run that is going, or show its result (Ctrl+End).")
        self.step_label = QLabel("no run yet")
        self.step_label.setMinimumWidth(196)
        self.step_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.play_button, self.slider, self.rate, self.loop, self.live_button, self.step_label):
            row.addWidget(widget, {self.slider: 3, self.step_label: 2}.get(widget, 0))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._advance)
        self.play_button.toggled.connect(self._played)
        self.rate.currentTextChanged.connect(lambda _: self._timer.setInterval(self._interval()))
        self.live_button.clicked.connect(self.follow)
        self.slider.valueChanged.connect(lambda _: self.refresh())
        self.refresh()

    def _interval(self) -> int:
        return round(1000 / RATES[self.rate.currentText()])

    def _played(self, playing: bool) -> None:
        self.play_button.setText("Stop" if playing else "Play")
        if not playing:
            self._timer.stop()
            return
        if self.slider.value() >= self.slider.maximum():
            self.slider.setValue(0)
        self._timer.start(self._interval())

    @property
    def playing(self) -> bool:
        return self.play_button.isChecked()

    def play_within(self, seconds: float) -> None:
        """Plays from the beginning, all of it in so long."""
        if self.slider.isEnabled() and self.slider.maximum() > 0:
            self.slider.setValue(0)
            self.play_button.setChecked(True)
            self._timer.setInterval(max(20, round(1000 * seconds / self.slider.maximum())))

    def _advance(self) -> None:
        if self.slider.value() < self.slider.maximum():
            self.slider.setValue(self.slider.value() + 1)
        elif self.loop.isChecked():
            self.slider.setValue(0)
        else:
            self.play_button.setChecked(False)

    def stop(self) -> None:
        """Ends playing, where it is."""
        self.play_button.setChecked(False)

    def follow(self) -> None:
        """To the right end: the run, or its result."""
        self.stop()
        self.slider.setValue(self.slider.maximum())
        self.back_to_live.emit()

    def refresh(self) -> None:
        """What can be pressed now."""
        several = self.slider.isEnabled() and self.slider.maximum() > 0
        self.play_button.setEnabled(several)
        self.live_button.setEnabled(several and self.slider.value() < self.slider.maximum())
