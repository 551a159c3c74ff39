"""The fields of one choice's settings, some at once and the rest behind a button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QPushButton, QVBoxLayout, QWidget

from engine.settings import Choice
from qcs_gui.widgets.boxes import editor_for

__all__ = ["SettingsPanel"]


class SettingsPanel(QWidget):
    """``first`` are the settings shown at once; all others, but ``hidden``, appear with *More settings*."""

    edited = Signal()

    def __init__(self, cls: type[Choice], first: Sequence[str], hidden: Sequence[str] = ()) -> None:
        super().__init__()
        self.cls = cls
        self.fields: dict[str, QWidget] = {}
        self._readers: dict[str, Any] = {}
        self._forms = QFormLayout(), QFormLayout()
        for form in self._forms:
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rest = [k for k in cls.settings() if k not in first and k not in hidden]
        self._keys = dict.fromkeys(first, 0) | dict.fromkeys(rest, 1)
        self._more = QWidget()
        self._more.setLayout(self._forms[1])
        self._forms[1].setContentsMargins(0, 0, 0, 0)
        self._more.hide()
        self.more_button = QPushButton("More settings")
        self.more_button.setCheckable(True)
        self.more_button.toggled.connect(self._more.setVisible)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.addLayout(self._forms[0])
        layout.addWidget(self.more_button)
        layout.addWidget(self._more)
        layout.addStretch()
        self.show_values({})

    def show_values(self, values: dict[str, Any]) -> None:
        """Shows these values, and the defaults where there is none."""
        for form in self._forms:
            while form.rowCount():
                form.removeRow(0)
        defaults = self.cls.defaults()
        for key, which in self._keys.items():
            setting = self.cls.settings()[key]
            widget, read, changed = editor_for(setting, values.get(key, defaults[key]))
            widget.setObjectName(key)
            widget.setAccessibleName(setting.label)
            widget.setToolTip(f"{setting.help}\nTakes {setting.expected()}.")
            changed.connect(self.edited)
            self._forms[which].addRow(setting.label, widget)
            self.fields[key], self._readers[key] = widget, read

    def values(self) -> dict[str, Any]:
        """What stands in the fields."""
        return {key: read() for key, read in self._readers.items()}
