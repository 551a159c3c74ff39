"""Fields for typed settings: numbers, lists, files, each with its range and its habits."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from engine.settings import Setting

__all__ = ["FileField", "ListBox", "NumberBox", "WholeBox", "editor_for"]


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

    def validate(self, text: str, position: int) -> object:
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

    def count_in(self, unit: str) -> None:
        """Writes a unit after the number, in the singular after 1."""

        def write(value: int) -> None:
            self.setSuffix(f" {unit[:-1] if value == 1 and unit.endswith('s') else unit}")

        self.valueChanged.connect(write)
        write(self.value())


class ListBox(QComboBox):
    """A list that leaves the wheel to the column it stands in: scrolling past must not choose anything. Letters and digits
    typed into it choose, as they do in any list, also where a digit alone is a shortcut of the window."""

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.view().setAccessibleName(name)

    def event(self, event: Any) -> bool:
        plain = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.KeypadModifier
        if event.type() == event.Type.ShortcutOverride and event.text().isprintable() and event.modifiers() in plain:
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()


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
    if setting.kind is int and not setting.optional:
        whole = WholeBox()
        whole.setRange(
            int(setting.low if setting.low is not None else -(2**31) + 1),
            int(min(setting.high or 2**31 - 1, 2**31 - 1)),
        )
        whole.setValue(int(value))
        if setting.unit:
            whole.count_in(setting.unit)
        return whole, whole.value, whole.valueChanged
    if setting.kind in (int, float):
        number = NumberBox()
        smallest = 1e-6 if setting.above == 0 else (setting.above if setting.above is not None else setting.low)
        low = -1e9 if smallest is None else float(smallest)
        if setting.optional:
            low = 0.0
            number.setSpecialValueText("auto")
        number.setRange(low, float(setting.high) if setting.high is not None else 1e9)
        number.setValue(low if value is None else float(value))
        number.setSuffix(f" {setting.unit}" if setting.unit else "")

        def read() -> float | None:
            return None if setting.optional and number.value() == low else float(f"{number.value():.6g}")

        return number, read, number.valueChanged
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
        if self.setting.files == "folder":
            name = QFileDialog.getExistingDirectory(self, self.setting.label, self.line.text())
        else:
            filters = f"{self.setting.files};;All files (*)"
            name, _ = QFileDialog.getOpenFileName(self, self.setting.label, self.line.text(), filters)
        if name:
            self.line.setText(name)
