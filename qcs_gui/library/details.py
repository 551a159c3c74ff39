"""Everything a document tells of its run, without touching the present set-up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["DetailsDialog"]


class DetailsDialog(QDialog):
    """Not modal; text that can be copied."""

    def __init__(self, parent: QWidget | None, result: Reconstruction) -> None:
        super().__init__(parent)
        self.setWindowTitle("Details of a run")
        facts = result.as_dict()
        history = facts.pop("history", {})
        metrics = {k: v for k, v in facts.pop("metrics").items() if v is not None}
        self.text = QPlainTextEdit(json.dumps({"metrics": metrics, **facts, "curves": sorted(history)}, indent=2))
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Recipe, metrics and notes of the run")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(
            QLabel(f"{result.spec.algorithm.label}, {result.spec.operator.label}, {result.spec.quantizer.label}")
        )
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)
        self.resize(560, 520)
