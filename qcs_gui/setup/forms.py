"""A form for one family of choices: one row per typed setting, with label, unit, range and help. What most people set is open;
the rest folds under *More*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QStandardItemModel
from PySide6.QtWidgets import QFormLayout, QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from engine.errors import InputError
from engine.settings import Choice, Family, Setting
from qcs_gui.widgets.boxes import ListBox, editor_for

__all__ = ["ChoiceForm", "Groups", "row_label"]

LABEL_WIDTH = 128
ICON = 28
OPENS = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"


def row_label(text: str) -> QLabel:
    """A label of the column: all as wide as each other, so that the fields begin on one line."""
    label = QLabel(text)
    label.setMinimumWidth(LABEL_WIDTH)
    return label


@dataclass(frozen=True)
class Groups:
    """How a long list is ordered: ``titles`` in their order, ``of`` gives a choice's title and ``picture`` its thumbnail."""

    titles: tuple[str, ...]
    of: Callable[[type[Choice]], str]
    picture: Callable[[type[Choice]], Path | None]


@dataclass
class _Row:
    """A row of the form: where it lies, what is searched in it, and whether something else hides it."""

    layout: QFormLayout
    widget: QWidget
    words: str
    expert: bool
    hidden: bool = False
    changed: bool = False


class ChoiceForm(QGroupBox):
    """A list of choices and the settings of the chosen one. ``edited`` is emitted at every change by the user."""

    edited = Signal()
    _choice: Choice

    def __init__(self, title: str, family: Family, name: str, groups: Groups | None = None) -> None:
        super().__init__(title)
        self.family, self._title, self._groups = family, title, groups
        self._filling = False
        self._rows: dict[str, _Row] = {}
        self._extras: dict[str, _Row] = {}
        self._edits: dict[str, Any] = {}
        self._decided, self._searched = "", ""
        self.combo = ListBox()
        # priors are named by whoever trained them: a long title must not widen the column
        self.combo.setSizeAdjustPolicy(ListBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(18)
        self.combo.setAccessibleName(title)
        if groups is not None:
            self.combo.setIconSize(QSize(ICON, ICON))
            self.combo.setMaxVisibleItems(24)
        self.preset = ListBox()
        self.preset.setAccessibleName(f"{title}: preset")
        self.summary = QLabel()
        self.summary.setObjectName("dim")
        self.summary.setWordWrap(True)
        self.warning = QLabel()
        self.warning.setObjectName("warning")
        self.warning.setWordWrap(True)
        self.warning.hide()
        self._more = QWidget()
        self._open, self._extra, self._folded, self._extra_folded = (QFormLayout() for _ in range(4))
        for form in (self._open, self._extra, self._folded, self._extra_folded):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        folded = QVBoxLayout(self._more)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.addLayout(self._folded)
        folded.addLayout(self._extra_folded)
        self.more_button = QPushButton("More")
        self.more_button.setObjectName("more")
        self.more_button.setCheckable(True)
        self.more_button.setAccessibleName(f"{title}: more settings")
        self.more_button.toggled.connect(lambda _: self._show_rows())
        self._layout = layout = QVBoxLayout(self)
        layout.setSpacing(4)
        for widget in (self.combo, self.preset):
            layout.addWidget(widget)
        layout.addLayout(self._open)
        layout.addLayout(self._extra)
        layout.addWidget(self.more_button)
        layout.addWidget(self._more)
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
        if self._groups is None:
            for key, cls in family.choices.items():
                self._list(key, cls)
        else:
            for title in self._groups.titles:
                members = {k: c for k, c in family.choices.items() if self._groups.of(c) == title}
                if members:
                    self.combo.add_heading(title)
                for key, cls in members.items():
                    self._list(key, cls)
        self._filling = False
        self.show_choice(family.parse(name))

    def _list(self, key: str, cls: type[Choice]) -> None:
        picture = self._groups.picture(cls) if self._groups is not None else None
        if picture is not None:
            self.combo.addItem(QIcon(str(picture)), cls.label, key)
        else:
            self.combo.addItem(cls.label, key)
        self.combo.setItemData(self.combo.count() - 1, cls.summary(), Qt.ItemDataRole.ToolTipRole)

    def add_setting(self, key: str, setting: Setting, widget: QWidget, beside: QWidget | None = None) -> None:
        """A row for a setting that belongs to no choice of the family, with what is said ``beside`` its field."""
        layout = self._extra_folded if setting.expert else self._extra
        holder = widget
        if beside is not None:
            holder = QWidget()
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(widget, 1)
            row.addWidget(beside)
        layout.addRow(row_label(setting.label), holder)
        self._extras[key] = _Row(layout, holder, f"{key} {setting.label} {setting.help}".lower(), setting.expert)
        self._show_rows()

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
        for form in (self._open, self._folded):
            while form.rowCount():
                form.removeRow(0)
        hidden = {key for key, row in self._rows.items() if row.hidden}
        self._rows, defaults = {}, type(choice).defaults()
        for key, setting in choice.settings().items():
            widget, read, changed = editor_for(setting, getattr(choice, key))
            widget.setObjectName(f"{self._title}.{key}")
            widget.setAccessibleName(f"{self._title}: {setting.label}")
            widget.setToolTip(f"{setting.help}\nTakes {setting.expected()}.")
            changed.connect(lambda *_, key=key, read=read: self._edited(key, read()))
            layout = self._folded if setting.expert else self._open
            layout.addRow(row_label(setting.label), widget)
            self._rows[key] = _Row(
                layout, widget, f"{key} {setting.label} {setting.help}".lower(), setting.expert, key in hidden,
                getattr(choice, key) != defaults[key],
            )  # fmt: skip
        self.preset.clear()
        if choice.presets:
            self.preset.addItem("Presets ...")
            self.preset.addItems(["defaults", *choice.presets])
        self.summary.setText(choice.summary())
        self._filling = False
        self._show_rows()

    # -- what of it is seen ----------------------------------------------------------------------------------------

    def show_row(self, key: str, shown: bool) -> None:
        """Shows or hides one setting, where the choice has it."""
        if key in self._rows and self._rows[key].hidden is shown:
            self._rows[key].hidden = not shown
            self._show_rows()

    def show_words(self, words: str) -> None:
        """Words in the place of the choice, where a file has decided it; empty ones show the choice again."""
        if words or self._decided:
            self._decided = words
            self.summary.setText(words or self._choice.summary())
            self._show_rows()

    def search(self, words: str) -> bool:
        """Shows only the settings in whose name or help all of the words are, folded ones too; whether there is one. The choice's
        own name counts for all of its settings."""
        self._searched = words.lower()
        self._show_rows()
        return any(self._found(row) for row in (*self._rows.values(), *self._extras.values())) or self._names_choice

    @property
    def _names_choice(self) -> bool:
        about = f"{self._title} {self.combo.currentText()} {self.name()}".lower()
        return bool(self._searched) and all(w in about for w in self._searched.split())

    def _found(self, row: _Row) -> bool:
        return not row.hidden and all(w in row.words for w in self._searched.split())

    def _show_rows(self) -> None:
        """Which rows are seen follows from what is folded, hidden, decided by a file, and searched for."""
        searching, all_of_it = bool(self._searched), self._names_choice
        rows = [*((row, True) for row in self._rows.values()), *((row, False) for row in self._extras.values())]
        folded = changed = 0
        for row, of_choice in rows:
            there = not row.hidden and not (of_choice and self._decided)
            folded += row.expert and there
            changed += row.expert and there and row.changed
            row.layout.setRowVisible(row.widget, there and (all_of_it or self._found(row)))
        self.combo.setVisible(not self._decided)
        self.preset.setVisible(bool(self._choice.presets) and not self._decided and not searching)
        self.summary.setVisible(not searching)
        arrow = "\N{BLACK DOWN-POINTING SMALL TRIANGLE}" if self.more_button.isChecked() else OPENS
        self.more_button.setText(f"{arrow}  More ({changed} changed)" if changed else f"{arrow}  More")
        self.more_button.setToolTip(
            "Settings that mostly stay as they are." if not changed else "Some are not as at first."
        )
        self.more_button.setVisible(bool(folded) and not searching)
        self._more.setVisible(bool(folded) and (searching or self.more_button.isChecked()))

    def set_refusals(self, reasons: dict[str, str | None], warning: str | None = None) -> None:
        """Greys the choices that have a reason against them, and says it; the current one's reason is shown below, or a
        ``warning`` about it where it may run."""
        model = self.combo.model()
        assert isinstance(model, QStandardItemModel)
        for i in range(self.combo.count()):
            if self.combo.itemData(i) is None:  # a heading
                continue
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
            self._rows[key].changed = value != type(self._choice).defaults()[key]
            self._show_rows()
            self.edited.emit()
