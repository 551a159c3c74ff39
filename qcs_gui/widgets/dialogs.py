"""Dialogs that are made each time they are asked for."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

__all__ = ["show_once"]


def show_once(dialog: QDialog, modal: bool = True) -> None:
    """Shows a dialog that is gone once it is closed, however that comes about; else they would pile up in their parent."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if modal:
        dialog.open()
    else:
        dialog.show()
