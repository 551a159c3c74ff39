"""Step 1 of the column: which image, at which size, and how it fits the prior."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QGroupBox, QHBoxLayout, QLabel, QPushButton

from engine.images.bundled import MEASUREMENT, PICTURE, sample_names
from engine.runs.spec import RunSpec
from qcs_gui.widgets.boxes import ListBox

__all__ = ["ImageGroup"]


KIND = Qt.ItemDataRole.UserRole + 1
"""Of a sample: whether it is a picture or what an instrument wrote."""


class ImageGroup(QGroupBox):
    """Widgets only; a warning label and a button for an offer stand below them."""

    def __init__(self) -> None:
        super().__init__("1  Image")
        self.sample_combo = ListBox()
        self.sample_combo.setAccessibleName("1  Image: bundled sample")
        self.sample_combo.addItem("Samples ...", "")
        for kind, heading in ((MEASUREMENT, "Instruments"), (PICTURE, "Pictures")):
            self.sample_combo.add_heading(heading)
            for name in sample_names(kind):
                self.sample_combo.addItem(name, f"sample:{name}")
                self.sample_combo.setItemData(self.sample_combo.count() - 1, kind, KIND)
        self.open_button, self.draw_button = QPushButton("Open ..."), QPushButton("Draw ...")
        self.own_button = QPushButton("Own measurements ...")
        self.own_button.setToolTip(
            "Reconstruct from measurements of your own: y, the matrix A or its recipe, thresholds, noise."
        )
        self.open_button.setToolTip("A picture file; dropping one on the window does the same.")
        self.draw_button.setToolTip("Draw an image with the mouse.")
        self.size_combo = ListBox()
        self.size_combo.setEditable(True)
        self.size_combo.addItems(["auto", "64", "128", "256", "512"])
        self.size_combo.setAccessibleName("1  Image: size")
        self.size_combo.setToolTip(
            "Pixels, as a side or WIDTHxHEIGHT, that the picture is cropped and resized to, for priors of any size; auto "
            "keeps its own up to 512 on the longer side."
        )
        self.colour_combo = ListBox()
        self.colour_combo.addItems(RunSpec.settings()["colour"].choices)
        self.colour_combo.setAccessibleName("1  Image: colour")
        self.colour_combo.setToolTip(RunSpec.settings()["colour"].help)
        self.original_button = QPushButton("Original")
        self.original_button.setCheckable(True)
        self.original_button.setToolTip(
            "Shows the picture as it was loaded, with a frame around the part that is kept."
        )
        self.fit_label = QLabel()
        self.fit_label.setObjectName("warning")
        self.fit_label.setWordWrap(True)
        self.fit_label.setTextFormat(Qt.TextFormat.PlainText)
        self.fit_button = QPushButton()
        self.image_label = QLabel()
        self.image_label.setObjectName("dim")
        self.image_label.setTextFormat(Qt.TextFormat.PlainText)
        self.image_label.setWordWrap(True)
        layout = QGridLayout(self)
        layout.addWidget(self.sample_combo, 0, 0)
        layout.addWidget(self.open_button, 0, 1)
        layout.addWidget(self.draw_button, 0, 2)
        layout.addWidget(self.own_button, 1, 0, 1, 3)
        size_row = QHBoxLayout()
        size_row.addWidget(QLabel("Size"))
        size_row.addWidget(self.size_combo, 1)
        size_row.addWidget(self.colour_combo)
        size_row.addWidget(self.original_button)
        layout.addLayout(size_row, 2, 0, 1, 3)
        layout.addWidget(self.image_label, 3, 0, 1, 3)
        layout.addWidget(self.fit_label, 4, 0, 1, 3)
        layout.addWidget(self.fit_button, 5, 0, 1, 3)
        layout.setColumnStretch(0, 1)

    def kind_of_sample(self, index: int) -> str:
        return self.sample_combo.itemData(index, KIND) or ""
