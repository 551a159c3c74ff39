"""Import of networks from the window, in the thread that reads files."""

from __future__ import annotations

from functools import partial

from engine.errors import InputError
from engine.priors.importing.settings import PriorImport
from qcs_gui.background.worker import Failure
from qcs_gui.context import Context, Feature
from qcs_gui.priors.import_dialog import ImportDialog
from qcs_gui.widgets.boxes import FileField
from qcs_gui.widgets.files import ask_folder

__all__ = ["ImportController"]


def _import(settings: PriorImport) -> dict:
    from engine.priors.header import read_header
    from engine.priors.importing.importer import import_prior

    return read_header(import_prior(settings))["card"]


class ImportController(Feature):
    """The dialog's logic."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.dialog: ImportDialog | None = None
        self.act(import_prior=self.open)

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
        name = ask_folder(self.window, "Folder of a diffusers model")
        if name:
            self.open_with(name)

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
        self.context.files.submit(partial(_import, settings), self._imported, self._not_imported)
        d.says.setText("Reading the network ...")
        d.import_button.setEnabled(False)

    def _ended(self, words: str) -> None:
        assert self.dialog is not None
        self.dialog.import_button.setEnabled(True)
        self.dialog.says.setText(words)

    def _not_imported(self, failure: Failure) -> None:
        self._ended(failure.sentence)

    def _imported(self, card: dict) -> None:
        self._ended(f"The prior '{card['name']}' is in the list. {card.get('notes', '')}")
        self.context.prior_added.emit(card["name"])
