"""Import of networks from the window, in the thread that reads files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from engine.errors import InputError
from engine.priors.importing.settings import PriorImport
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.main_window import MainWindow
from qcs_gui.priors.import_dialog import ImportDialog
from qcs_gui.widgets.boxes import FileField

__all__ = ["ImportController"]


class ImportController(QObject):
    """``listed`` is told when a prior has joined the library."""

    def __init__(self, window: MainWindow, worker: Worker) -> None:
        super().__init__(window)
        self.window, self.worker = window, worker
        self.listed: Callable[[str], None] = lambda name: None
        self.dialog: ImportDialog | None = None
        self._task = 0
        window.actions_by_name["import_prior"].triggered.connect(self.open)

    def open(self) -> None:
        """Shows the dialog."""
        if self.dialog is None:
            self.dialog = ImportDialog(self.window)
            self.dialog.import_button.clicked.connect(self.start)
            self.dialog.folder_button.clicked.connect(self._ask_folder)
        self.dialog.show()
        self.dialog.raise_()

    def open_with(self, name: str) -> None:
        """Shows the dialog with a file already chosen."""
        self.open()
        assert self.dialog is not None
        field = self.dialog.panel.fields["file"]
        assert isinstance(field, FileField)
        field.line.setText(name)

    def _ask_folder(self) -> None:
        assert self.dialog is not None
        name = QFileDialog.getExistingDirectory(self.dialog, "Folder of a diffusers model")
        field = self.dialog.panel.fields["file"]
        if name and isinstance(field, FileField):
            field.line.setText(name)

    def start(self) -> None:
        """Reads the file in the background."""
        d = self.dialog
        assert d is not None
        try:
            settings = PriorImport(**d.panel.values())
            if not settings.file:
                raise InputError("Choose the file or folder of the network first.")
        except InputError as error:
            d.says.setText(str(error))
            return

        def work() -> Path:
            from engine.priors.importing.importer import import_prior

            return import_prior(settings)

        self._task = self.worker.submit(work)
        d.says.setText("Reading the network ...")
        d.import_button.setEnabled(False)

    def handle(self, outcome: Outcome) -> bool:
        """Takes the outcome of an import; False if it belongs to somebody else."""
        if outcome.task != self._task or self.dialog is None:
            return False
        d = self.dialog
        d.import_button.setEnabled(True)
        if outcome.kind != "done":
            d.says.setText(outcome.sentence)
            return True
        from engine.priors.header import read_header

        card = read_header(outcome.value)["card"]
        d.says.setText(f"The prior '{card['name']}' is in the list. {card.get('notes', '')}")
        self.listed(card["name"])
        return True
