"""The dialog that takes a network trained elsewhere as a prior."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from engine.priors.importing.settings import PriorImport
from qcs_gui.widgets.settings_panel import SettingsPanel

__all__ = ["ImportDialog"]

FIRST = ("file", "name", "title", "data", "licence", "kind", "side")


class ImportDialog(QDialog):
    """Widgets only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a network")
        self.setMinimumWidth(560)
        about = QLabel(
            "NCSNv2, NCSNv2Deeper and NCSNv2Deepest checkpoints, guided-diffusion state dictionaries, and folders of "
            "diffusers models. The file is read without running any code in it; it is copied and may go afterwards."
        )
        about.setWordWrap(True)
        about.setObjectName("dim")
        self.panel = SettingsPanel(PriorImport, FIRST)
        self.folder_button = QPushButton("Choose a folder ...")
        self.folder_button.setToolTip("For a diffusers model, which is a folder.")
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setTextFormat(Qt.TextFormat.PlainText)
        self.says.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.import_button, self.close_button = QPushButton("Import"), QPushButton("Close")
        self.import_button.setObjectName("run")
        self.close_button.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(self.folder_button)
        row.addStretch()
        row.addWidget(self.import_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        fields = QScrollArea()
        fields.setWidget(self.panel)
        fields.setWidgetResizable(True)
        fields.setFrameShape(QScrollArea.Shape.NoFrame)
        fields.setMinimumHeight(320)
        layout.addWidget(fields, 1)
        layout.addWidget(self.says)
        layout.addLayout(row)
