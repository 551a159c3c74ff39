"""Fields for typed settings: numbers, lists, files, each with its range and its habits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from PySide6.QtCore import QLocale, QSize, Qt, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from engine.errors import InputError
from engine.settings import Setting
from qcs_gui.widgets.files import ask_folder, ask_open

__all__ = ["FileField", "ListBox", "NumberBox", "SettingBox", "WholeBox", "editor_for"]


def _plain_locale() -> QLocale:
    """Numbers are written with a point everywhere, as in run files and on the command line."""
    locale = QLocale.c()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator | QLocale.NumberOption.RejectGroupSeparator)
    return locale


class _Field:
    """What both spin boxes do with keys: Escape gives back the value that stood there, and does not cancel a run."""

    def event(self, event: Any) -> bool:
        if event.type() == event.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
            self.setValue(self.value())  # type: ignore[attr-defined]
            self.lineEdit().setText(f"{self.prefix()}{self.textFromValue(self.value())}{self.suffix()}")  # type: ignore[attr-defined]
            self.selectAll()  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)  # type: ignore[misc]


class NumberBox(_Field, QDoubleSpinBox):
    """A spin box for real numbers that shows as few digits as it needs and ignores the wheel unless focused. A comma
    typed for the decimal point is taken as one."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(_plain_locale())
        self.setDecimals(6)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: float) -> str:
        return f"{value:.6g}"

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        return super().validate(text.replace(",", "."), position)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(text.replace(",", "."))

    def wheelEvent(self, event: Any) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class WholeBox(_Field, QSpinBox):
    """A spin box for whole numbers that ignores the wheel unless focused."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(_plain_locale())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)

    def wheelEvent(self, event: Any) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ListBox(QComboBox):
    """A list that leaves the wheel to the column it stands in: scrolling past must not choose anything. Letters and digits
    typed into it choose, as they do in any list, also where a digit alone is a shortcut of the window."""

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.view().setAccessibleName(name)

    def add_heading(self, title: str) -> None:
        """A line that names the entries below it and cannot be chosen; its data are None."""
        self.addItem(title)
        item = self.model().item(self.count() - 1)  # type: ignore[attr-defined]
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setBold(True)
        item.setFont(font)

    def event(self, event: Any) -> bool:
        plain = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.KeypadModifier
        if event.type() == event.Type.ShortcutOverride and event.text().isprintable() and event.modifiers() in plain:
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()


class SettingBox(QAbstractSpinBox):
    """A number bound to its Setting: it holds the value itself, of any size and with any number of digits, or ``auto``, and shows
    it as run files write it. What is typed counts once it is finished and valid; steps go by the last but one digit."""

    valueChanged = Signal(object)

    def __init__(self, setting: Setting, value: Any) -> None:
        super().__init__()
        self.setting = setting
        self._value: Any = value
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editingFinished.connect(self._finish)
        self.lineEdit().textEdited.connect(lambda _: self.updateGeometry())
        self.show_value(value)

    def value(self) -> Any:
        """A number, or None for auto."""
        return self._value

    def show_value(self, value: Any) -> None:
        """Shows a value as it is, without telling anybody."""
        self._value = value
        self.lineEdit().setText(self._text(value))

    def setValue(self, value: Any) -> None:
        """Takes a value as if the user had; one beyond an end of the range becomes that end."""
        if value is not None:
            low, high = self.setting.low, self.setting.high
            value = value if low is None else max(value, low)
            value = value if high is None else min(value, high)
        self._take(self.setting.check(self.setting.label, value))

    def _take(self, value: Any) -> None:
        changed = value != self._value
        self.show_value(value)
        if changed:
            self.valueChanged.emit(value)

    def _text(self, value: Any) -> str:
        written, unit = self.setting.written(value), self.setting.unit
        if not unit or value is None:
            return written
        return f"{written} {unit[:-1] if value == 1 and unit.endswith('s') else unit}"

    def _read(self, text: str) -> Any:
        """The value that the text stands for; a comma is taken for the decimal point. InputError where it is none."""
        word = text.strip().replace(",", ".")
        for unit in (self.setting.unit, self.setting.unit[:-1]):
            if unit and word.endswith(unit):
                word = word.removesuffix(unit).strip()
        return self.setting.check(self.setting.label, word.lower())

    def _finish(self) -> None:
        text = self.lineEdit().text()
        if text == self._text(self._value):  # as it was shown, whatever it was
            return
        try:
            self._take(self._read(text))
        except InputError:
            self.show_value(self._value)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        try:
            self._read(text)
        except InputError:
            return QValidator.State.Intermediate, text, position
        return QValidator.State.Acceptable, text, position

    def fixup(self, text: str) -> str:
        return self._text(self._value)

    def stepBy(self, steps: int) -> None:
        self._finish()
        value, setting = self._value, self.setting
        if value is None:
            start = setting.low if setting.low is not None else (setting.above or 0)
            value = start if setting.kind is int or setting.above is None else start + 0.1
            self.setValue(setting.kind(value))
        elif setting.kind is int:
            self._step_to(value + steps)
        else:
            size = _digit_of(value, steps)
            self._step_to(float(f"{value + steps * size:.12g}"))
        self.selectAll()

    def _step_to(self, value: Any) -> None:
        setting = self.setting
        below = (setting.low is not None and value < setting.low) or (
            setting.above is not None and value <= setting.above
        )
        if below and setting.optional:
            self._take(None)
        elif not below:
            self.setValue(value)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        return QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint().expandedTo(QSize(72, 0))

    def event(self, event: Any) -> bool:
        if event.type() == event.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
            self.show_value(self._value)  # gives back what stood there, and does not cancel a run
            self.selectAll()
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: Any) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _digit_of(value: float, steps: int) -> float:
    """A tenth of the power of ten that the value has, or, on the way down from that power itself, of the next one."""
    if value == 0:
        return 0.01
    power = math.floor(math.log10(abs(value)))
    if steps * value < 0 and abs(value) <= 10.0**power * (1 + 1e-9):
        power -= 1
    return 10.0 ** (power - 1)


def editor_for(setting: Setting, value: Any) -> tuple[QWidget, Any, Any]:
    """A widget for the setting, a function that reads its value, and the signal that tells of a change."""
    if setting.kind is bool:
        box = QCheckBox()
        box.setChecked(bool(value))
        return box, box.isChecked, box.toggled
    if setting.choices:
        combo = ListBox()
        combo.addItems(list(setting.choices))
        combo.setCurrentText(str(value))
        return combo, combo.currentText, combo.currentTextChanged
    if setting.kind in (int, float):
        number = SettingBox(setting, value)
        return number, number.value, number.valueChanged
    if setting.files:
        field = FileField(str(value), setting)
        return field, field.line.text, field.line.textChanged
    line = QLineEdit(str(value))
    return line, line.text, line.editingFinished


class FileField(QWidget):
    """A file name and a button that asks for it."""

    def __init__(self, value: str, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.line, self.button = QLineEdit(value), QPushButton("...")
        self.line.setAccessibleName(setting.label)
        self.line.setPlaceholderText("none")
        self.button.setAccessibleName(f"Choose {setting.label}")
        self.button.setMaximumWidth(32)
        self.button.clicked.connect(self._ask)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)

    def _ask(self) -> None:
        setting, near = self.setting, Path(self.line.text()).absolute() if self.line.text() else ""
        folder = setting.files == "folder"
        name = ask_folder(self, setting.label, near) if folder else ask_open(self, setting.label, setting.files, near)
        if name:
            self.line.setText(name)
