"""The import dialog for a user's own measurements."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from engine.foreign.arrays import ARRAY_FILES
from engine.images import SUFFIXES
from engine.sensing.operators.blur import Blur
from engine.sensing.own import MEANINGS, UNITS, Completion
from engine.settings import Setting
from qcs_gui.setup.data_check import CheckPanel
from qcs_gui.widgets.boxes import FileField, ListBox, NumberBox, WholeBox

__all__ = ["MeasurementDialog"]

MATRIX_SOURCES = ("as the file says", "from a matrix file", "by recipe", "from a picture of a blur kernel")
KERNEL = 3
UNIT_NAMES = ("Gain", "Dark level", "Shift of thresholds", "Wrong bits")
FRAMES = {
    "auto": "one picture, or clicks",
    "clicks": "clicks of single photons",
    "counts": "photon counts, added up",
    "sum": "pictures, added up",
    "mean": "pictures, their mean",
}
"""STACKS of ``engine/sensing/files.py``, which needs torch."""
NOISE_SOURCES = ("as the file says", "given", "estimated")
MEASUREMENTS = f"Measurements (*.npz *.mat *.npy *.csv {' '.join('*' + ending for ending in SUFFIXES)})"


class MeasurementDialog(QDialog):
    """Shows what a measurement file holds and takes what it lacks. ``edited`` asks for another look; it decides nothing."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Own measurements")
        self.setMinimumWidth(520)
        self.file = FileField("", Setting(str, "Measurement file", "", files=MEASUREMENTS))
        self.meaning = ListBox()
        self.meaning.addItems(list(MEANINGS))
        self.stack = ListBox()
        for key, words in FRAMES.items():
            self.stack.addItem(words, key)
        self.thresholds = QLineEdit("-0.5,0,0.5")
        self.matrix_source, self.noise_source = ListBox(), ListBox()
        self.matrix_source.addItems(list(MATRIX_SOURCES))
        self.noise_source.addItems(list(NOISE_SOURCES))
        self.matrix = FileField("", Setting(str, "Sensing matrix", "", files=ARRAY_FILES))
        self.recipe = QLineEdit("gaussian measurements=200")
        facts = Blur.settings()
        self.kernel = FileField("", facts["file"])
        self.turned, self.border = QCheckBox("turned by 180 degrees"), ListBox()
        self.turned.setToolTip(facts["turned"].help)
        self.border.addItems(["cropped", "dark"])
        self.border.setToolTip(facts["border"].help)
        self.seed = WholeBox()
        self.seed.setRange(0, 2**31 - 1)
        self.shape = [WholeBox() for _ in range(3)]
        for box, name in zip(self.shape, ("channels", "height", "width"), strict=True):
            box.setRange(0, 10000)
            box.setSpecialValueText("-")
            box.setAccessibleName(f"Picture: {name}")
        self.noise, self.offset = NumberBox(), NumberBox()
        self.noise.setRange(0, 1e5)
        self.noise.setValue(0.05)
        self.offset.setRange(-0.01, 1)
        self.offset.setSpecialValueText("as the file says")
        self.offset.setValue(-0.01)
        self.units = {key: QLineEdit() for key in UNITS}
        for line, name in zip(self.units.values(), UNIT_NAMES, strict=True):
            line.setPlaceholderText("as the file says; a number, or auto to infer it")
            line.setAccessibleName(f"Own measurements: {name}")
        self.says = QLabel("Choose a file with measurements.")
        self.says.setWordWrap(True)
        self.says.setTextFormat(Qt.TextFormat.PlainText)
        self.check = CheckPanel()
        shape_row, matrix_row = QHBoxLayout(), QHBoxLayout()
        for box, word in zip(self.shape, ("channels", "high", "wide"), strict=True):
            shape_row.addWidget(box)
            shape_row.addWidget(QLabel(word))
        matrix_row.setContentsMargins(0, 0, 0, 0)
        matrix_row.addWidget(self.recipe, 1)
        matrix_row.addWidget(QLabel("seed"))
        matrix_row.addWidget(self.seed)
        form = QFormLayout()
        self.form = form
        form.addRow("Measurement file", self.file)
        form.addRow("Its frames", self.stack)
        form.addRow("y holds", self.meaning)
        form.addRow("Thresholds", self.thresholds)
        form.addRow("Sensing matrix A", self.matrix_source)
        form.addRow("Matrix file", self.matrix)
        self.recipe_row = QWidget()
        self.recipe_row.setLayout(matrix_row)
        form.addRow("Recipe", self.recipe_row)
        kernel_row = QHBoxLayout()
        kernel_row.setContentsMargins(0, 0, 0, 0)
        kernel_row.addWidget(self.turned)
        kernel_row.addStretch(1)
        kernel_row.addWidget(QLabel("beyond the border"))
        kernel_row.addWidget(self.border)
        self.kernel_row = QWidget()
        self.kernel_row.setLayout(kernel_row)
        form.addRow("Kernel picture", self.kernel)
        form.addRow("Kernel", self.kernel_row)
        form.addRow("Picture", shape_row)
        form.addRow("Noise", self.noise_source)
        form.addRow("Noise", self.noise)
        form.addRow("Offset", self.offset)
        for line, name in zip(self.units.values(), UNIT_NAMES, strict=True):
            form.addRow(name, line)
        for label, widget in (
            ("What its frames are", self.stack),
            ("What y holds", self.meaning), ("Thresholds", self.thresholds), ("Where the matrix comes from", self.matrix_source),
            ("Recipe of the operator", self.recipe), ("Kernel turned by 180 degrees", self.turned),
            ("What lies beyond the border", self.border), ("Seed of the recipe", self.seed),
            ("Where the noise level comes from", self.noise_source), ("Noise", self.noise), ("Offset", self.offset),
        ):  # fmt: skip
            widget.setAccessibleName(f"Own measurements: {label}")
        self.file.line.setAccessibleName("Own measurements: file")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use_button = buttons.addButton("Use these measurements", QDialogButtonBox.ButtonRole.AcceptRole)
        self.use_button.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinimumSize)  # rows that appear make it grow
        layout.addLayout(form)
        layout.addWidget(self.says)
        layout.addWidget(self.check)
        layout.addWidget(buttons)
        self.turned.toggled.connect(self._changed)
        for combo in (self.stack, self.meaning, self.matrix_source, self.noise_source, self.border):
            combo.currentIndexChanged.connect(self._changed)
        lines = (
            self.file.line, self.matrix.line, self.thresholds, self.recipe, self.kernel.line, *self.units.values(),
        )  # fmt: skip
        for line in lines:
            line.textChanged.connect(self._changed)
        for box in (*self.shape, self.seed):
            box.valueChanged.connect(self._changed)
        for number in (self.noise, self.offset):
            number.valueChanged.connect(self._changed)
        self._show_rows()

    def _show_rows(self) -> None:
        form = self.form
        form.setRowVisible(self.stack, Path(self.file.line.text()).suffix.lower() in (".tif", ".tiff"))
        form.setRowVisible(self.thresholds, self.meaning.currentText() == "codes")
        form.setRowVisible(self.matrix, self.matrix_source.currentIndex() == 1)
        form.setRowVisible(self.recipe_row, self.matrix_source.currentIndex() == 2)
        for row in (self.kernel, self.kernel_row):
            form.setRowVisible(row, self.matrix_source.currentIndex() == KERNEL)
        form.setRowVisible(self.noise, self.noise_source.currentIndex() == 1)

    def _changed(self) -> None:
        self._show_rows()
        self.use_button.setEnabled(False)
        self.check.button.setEnabled(False)
        self.check.clear()
        self.edited.emit()

    def take_file(self, file: str) -> None:
        """Another file, which lacks nothing."""
        for source in (self.stack, self.meaning, self.matrix_source, self.noise_source):
            source.setCurrentIndex(0)
        for box in self.shape:
            box.setValue(0)
        self.offset.setValue(self.offset.minimum())
        for line in self.units.values():
            line.clear()
        self.file.line.setText(file)

    def completion(self) -> Completion:
        """What stands in the fields beyond the file."""
        source, noise = self.matrix_source.currentIndex(), self.noise_source.currentIndex()
        channels, height, width = (box.value() for box in self.shape)
        shape = () if not (height and width) else (channels, height, width) if channels else (height, width)
        return Completion(
            matrix=self.matrix.line.text() if source == 1 else "",
            recipe=self.recipe.text() if source == 2 else self._camera() if source == KERNEL else "",
            seed=self.seed.value() if source == 2 else 0,
            shape=shape,
            stack=self.stack.currentData() if self.form.isRowVisible(self.stack) else "auto",
            meaning=self.meaning.currentText(),
            thresholds=self.thresholds.text() if self.meaning.currentText() == "codes" else "",
            noise=self.noise.value() if noise == 1 else None, estimate_noise=noise == 2,
            offset=None if self.offset.value() < 0 else self.offset.value(),
            **{key: line.text() for key, line in self.units.items()},
        )  # fmt: skip

    def _camera(self) -> str:
        """The recipe of the kernel's picture; without one nothing is added yet."""
        file = self.kernel.line.text()
        if not file:
            return ""
        return str(Blur(kernel="image", file=file, turned=self.turned.isChecked(), border=self.border.currentText()))

    def take(self, file: str, kernel: str = "") -> None:
        """A file already chosen, and the picture of its blur kernel if there is one."""
        if kernel:
            self.matrix_source.setCurrentIndex(KERNEL)
            self.kernel.line.setText(kernel)
        self.file.line.setText(file)

    def show_verdict(self, words: str, usable: bool) -> None:
        """What the file with the additions amounts to, or what is wrong with it."""
        self.says.setText(words)
        self.says.setObjectName("dim" if usable else "warning")
        self.says.style().polish(self.says)
        self.use_button.setEnabled(usable)
        self.check.button.setEnabled(usable)
