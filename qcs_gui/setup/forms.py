"""A form for one family of choices: one row per typed setting, with label, unit, range and help."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFormLayout, QGroupBox, QLabel, QVBoxLayout

from engine.errors import InputError
from engine.settings import Choice, Family
from qcs_gui.widgets.boxes import ListBox, editor_for

__all__ = ["ChoiceForm", "row_label"]

LABEL_WIDTH = 128


def row_label(text: str) -> QLabel:
    """A label of the column: all as wide as each other, so that the fields begin on one line."""
    label = QLabel(text)
    label.setMinimumWidth(LABEL_WIDTH)
    return label


class ChoiceForm(QGroupBox):
    """A list of choices and the settings of the chosen one. ``edited`` is emitted at every change by the user."""

    edited = Signal()
    _choice: Choice

    def __init__(self, title: str, family: Family, name: str) -> None:
        super().__init__(title)
        self.family, self._title = family, title
        self._filling = False
        self._row_of: dict[str, int] = {}
        self._edits: dict[str, Any] = {}
        self.combo = ListBox()
        # priors are named by whoever trained them: a long title must not widen the column
        self.combo.setSizeAdjustPolicy(ListBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(18)
        self.combo.setAccessibleName(title)
        self.preset = ListBox()
        self.preset.setAccessibleName(f"{title}: preset")
        self.summary = QLabel()
        self.summary.setObjectName("dim")
        self.summary.setWordWrap(True)
        self.warning = QLabel()
        self.warning.setObjectName("warning")
        self.warning.setWordWrap(True)
        self.warning.hide()
        self._rows = QFormLayout()
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.combo)
        layout.addWidget(self.preset)
        layout.addLayout(self._rows)
        layout.addWidget(self.summary)
        layout.addWidget(self.warning)
        self.fill(family, name)
        self.combo.currentIndexChanged.connect(self._chosen)
        self.preset.activated.connect(self._preset_chosen)

    def fill(self, family: Family, name: str) -> None:
        """Lists the choices of a family anew and shows the defaults of ``name``."""
        self._filling = True
        self.family = family
        self.combo.clear()
        for key, cls in family.choices.items():
            self.combo.addItem(cls.label, key)
            self.combo.setItemData(self.combo.count() - 1, cls.summary(), Qt.ItemDataRole.ToolTipRole)
        self._filling = False
        self.show_choice(family.parse(name))

    def name(self) -> str:
        return self._choice.name

    def values(self) -> dict[str, Any]:
        """Every setting of the choice shown, with what was edited since it was last right."""
        return {key: getattr(self._choice, key) for key in self._choice.settings()} | self._edits

    def choice(self) -> Choice:
        """The choice as it stands; raises InputError where a field is off."""
        self._choice = self.family.make(self.name(), self.values()) if self._edits else self._choice
        self._edits = {}
        return self._choice

    def show_choice(self, choice: Choice) -> None:
        """Shows a choice with its values, without emitting ``edited``. A value that a field cannot hold stays in the choice: an
        edit changes its own setting alone."""
        self._filling, self._choice, self._edits = True, choice, {}
        self.combo.setCurrentIndex(self.combo.findData(choice.name))
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._row_of = {}
        for key, setting in choice.settings().items():
            widget, read, changed = editor_for(setting, getattr(choice, key))
            widget.setObjectName(f"{self._title}.{key}")
            widget.setAccessibleName(f"{self._title}: {setting.label}")
            widget.setToolTip(f"{setting.help}\nTakes {setting.expected()}.")
            changed.connect(lambda *_, key=key, read=read: self._edited(key, read()))
            self._rows.addRow(row_label(setting.label), widget)
            self._row_of[key] = self._rows.rowCount() - 1
        self.preset.clear()
        self.preset.setVisible(bool(choice.presets))
        if choice.presets:
            self.preset.addItem("Presets ...")
            self.preset.addItems(["defaults", *choice.presets])
        self.summary.setText(choice.summary())
        self._filling = False

    def show_row(self, key: str, shown: bool) -> None:
        """Shows or hides one setting, where the choice has it."""
        if key in self._row_of:
            self._rows.setRowVisible(self._row_of[key], shown)

    def show_words(self, words: str) -> None:
        """Words in the place of the choice, where a file has decided it; empty ones show the choice again."""
        self.combo.setVisible(not words)
        for row in range(self._rows.rowCount()):
            self._rows.setRowVisible(row, not words)
        if words:
            self.preset.hide()
            self.summary.setText(words)

    def set_refusals(self, reasons: dict[str, str | None], warning: str | None = None) -> None:
        """Greys the choices that have a reason against them, and says it; the current one's reason is shown below, or a
        ``warning`` about it where it may run."""
        model = self.combo.model()
        assert isinstance(model, QStandardItemModel)
        for i in range(self.combo.count()):
            reason = reasons.get(self.combo.itemData(i))
            item = model.item(i)
            item.setEnabled(reason is None)
            cls = self.family.choices[self.combo.itemData(i)]
            item.setToolTip(cls.summary() if reason is None else f"Not available: {reason}.")
        current = reasons.get(self.name())
        self.warning.setText(f"Not available: {current}." if current else f"Note: {warning}." if warning else "")
        self.warning.setVisible(bool(self.warning.text()))

    def _chosen(self) -> None:
        if not self._filling:
            self.show_choice(self._with_edits(self.family.parse(str(self.combo.currentData()))))
            self.edited.emit()

    def _with_edits(self, choice: Choice) -> Choice:
        """What the user changed in the choice before (the number of measurements, say) stays, where it means the same."""
        before = type(self._choice)
        defaults, known = before.defaults(), before.settings()
        kept = {
            key: value
            for key, value in self.values().items()
            if value != defaults[key] and key in choice.settings() and choice.settings()[key].label == known[key].label
        }
        try:
            return self.family.make(choice.name, {k: getattr(choice, k) for k in choice.settings()} | kept)
        except InputError:  # out of the new choice's range
            return choice

    def _preset_chosen(self, index: int) -> None:
        if index > 0:
            preset = self.preset.itemText(index)
            written = self.name() if preset == "defaults" else f"{self.name()} preset={preset}"
            self.show_choice(self.family.parse(written))
            self.edited.emit()

    def _edited(self, key: str, value: Any) -> None:
        if not self._filling:
            self._edits[key] = value
            self.edited.emit()
