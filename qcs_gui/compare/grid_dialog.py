"""A grid of runs: which one or two settings are varied, and over which values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.errors import InputError
from engine.runs.grid import Variable, grid
from engine.runs.spec import RunSpec
from qcs_gui.widgets.boxes import ListBox

__all__ = ["AxisBox", "GridDialog"]

NONE = "nothing"


class AxisBox(QWidget):
    """A setting and its values: ticked in a list, or numbers separated by commas."""

    changed = Signal()

    def __init__(self, name: str, variables: Sequence[Variable], current: RunSpec, optional: bool) -> None:
        super().__init__()
        self._current = current
        self.which = ListBox()
        self.which.setAccessibleName(f"{name}: setting")
        if optional:
            self.which.addItem(NONE, None)
        for variable in variables:
            self.which.addItem(variable.label, variable)
        self.numbers, self.list = QLineEdit(), QListWidget()
        self.numbers.setAccessibleName(f"{name}: values")
        self.numbers.setPlaceholderText("values, separated by commas")
        self.list.setAccessibleName(f"{name}: values to tick")
        self.values = QStackedWidget()
        alone = QLabel("One setting alone makes a line of runs.")
        alone.setObjectName("dim")
        alone.setWordWrap(True)
        self._places = [_at_top(self.numbers), self.list, _at_top(alone)]
        for widget in self._places:
            self.values.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.which)
        layout.addWidget(self.values, 1)
        self.which.currentIndexChanged.connect(lambda _: self._choose())
        self.numbers.textChanged.connect(lambda _: self.changed.emit())
        self.list.itemChanged.connect(lambda _: self.changed.emit())
        self._choose()

    @property
    def variable(self) -> Variable | None:
        return self.which.currentData()

    def choose(self, key: str) -> None:
        """The setting of that key, where there is one."""
        for i in range(self.which.count()):
            data = self.which.itemData(i)
            if data is not None and data.key == key:
                self.which.setCurrentIndex(i)

    def tick(self, written: Sequence[str]) -> None:
        """Ticks these options alone."""
        for i in range(self.list.count()):
            item = self.list.item(i)
            on = item.data(Qt.ItemDataRole.UserRole) in written
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def _choose(self) -> None:
        variable = self.variable
        self.list.blockSignals(True)
        self.list.clear()
        if variable is None:
            self.values.setCurrentIndex(2)
        elif variable.setting is not None:
            self.values.setCurrentIndex(0)
            self.numbers.setText(variable.written())
            self.numbers.setToolTip(variable.setting.help)
        else:
            self.values.setCurrentIndex(1)
            for written, words in variable.options:
                item = QListWidgetItem(words)
                item.setData(Qt.ItemDataRole.UserRole, written)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.list.addItem(item)
            usual = {"quantizer": ("one-bit", "uniform bits=2", "none")}.get(variable.key)
            self.tick(usual or (getattr(self._current, variable.key).name,))
        self.list.blockSignals(False)
        self.changed.emit()

    def chosen(self) -> tuple[Variable, list[Any]] | None:
        """The setting and its values, None for nothing; InputError for values that it does not take."""
        variable = self.variable
        if variable is None:
            return None
        if variable.setting is not None:
            return variable, variable.read(self.numbers.text())
        items = [self.list.item(i) for i in range(self.list.count())]
        ticked = [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() == Qt.CheckState.Checked]
        return variable, ticked


def _at_top(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch()
    return page


class GridDialog(QDialog):
    """``seconds_of`` estimates a set-up's time (None where it is not known yet). ``queue_wanted`` asks for the runs to be queued
    instead of run at once."""

    queue_wanted = Signal()

    def __init__(
        self, parent: QWidget | None, spec: RunSpec, variables: Sequence[Variable],
        seconds_of: Callable[[RunSpec], float | None], refusal: Callable[[RunSpec], str],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle("A grid of runs")
        self.spec, self._seconds_of, self._refusal = spec, seconds_of, refusal
        self.across = AxisBox("Across", variables, spec, optional=False)
        self.down = AxisBox("Down", variables, spec, optional=True)
        words = QLabel("Every value, or every pair of values, is one run; picture and seed stay the same.")
        words.setWordWrap(True)
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setMinimumHeight(2 * self.says.fontMetrics().lineSpacing())
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run_button = self.buttons.addButton("Run them", QDialogButtonBox.ButtonRole.AcceptRole)
        self.queue_button = QPushButton("Add to the queue")
        self.queue_button.setToolTip("They run in the background, one after the other, and go on after a restart.")
        self.buttons.addButton(self.queue_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.queue_button.clicked.connect(self._queue)
        layout = QGridLayout(self)
        layout.addWidget(words, 0, 0, 1, 2)
        for column, (title, box) in enumerate((("Across", self.across), ("Down", self.down))):
            layout.addWidget(QLabel(title), 1, column)
            layout.addWidget(box, 2, column)
            layout.setColumnStretch(column, 1)
        layout.addWidget(self.says, 3, 0, 1, 2)
        layout.addWidget(self.buttons, 4, 0, 1, 2)
        layout.setRowStretch(2, 1)
        self.resize(560, 400)
        self.across.choose("operator.measurements")
        self.down.choose("quantizer" if self.across.variable and self.across.variable.key != "quantizer" else "")
        for box in (self.across, self.down):
            box.changed.connect(self._look)
        self.found: list[RunSpec] = []
        self._look()

    def _look(self) -> None:
        """Says how many runs it is and how long they take, or what is wrong."""
        self.found, problem = [], ""
        try:
            across, down = self.across.chosen(), self.down.chosen()
            assert across is not None
            self.found = grid(self.spec, across, down)
            problem = next((p for s in self.found if (p := self._refusal(s))), "")
        except InputError as error:
            problem = str(error)
        if problem:
            self.found = []
            self.says.setText(problem)
        else:
            times = [self._seconds_of(s) for s in self.found]
            total = sum(t for t in times if t is not None)
            told = f", about {total:.0f} s" if total < 120 else f", about {total / 60:.0f} min"
            self.says.setText(f"{len(self.found)} runs{told if None not in times else ''}.")
        for button in (self.run_button, self.queue_button):
            button.setEnabled(bool(self.found))

    def _queue(self) -> None:
        self.queue_wanted.emit()
        self.reject()
