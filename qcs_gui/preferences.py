"""Preferences: device, threads, library, theme, pace; kept between starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from qcs_gui.main_window import PACES, MainWindow
from qcs_gui.widgets.boxes import ListBox, NumberBox, WholeBox
from qcs_gui.widgets.dialogs import show_once
from qcs_gui.widgets.files import ask_folder

__all__ = ["DEFAULTS", "Preferences", "PreferencesController", "PreferencesDialog", "apply_scale", "settings_file"]

DEFAULTS: dict[str, Any] = {
    "device": "auto", "threads": 0, "library_gb": 2.0, "library_folder": "", "theme": "dark", "pace": next(iter(PACES)),
    "keep_runs": True, "open_gallery": True, "fast_previews": False, "scale": 100,
}  # fmt: skip

SCALES = (75, 250)
"""Least and largest size of the whole window, in per cent of what the screen asks for."""


def settings_file() -> QSettings:
    """Where preferences are kept."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "qcs-studio", "window")


def apply_scale(settings: QSettings) -> None:
    """The size of letters and everything else, which Qt reads once, before there is a window; what the user's shell says goes
    first."""
    scale = Preferences(settings)["scale"]
    if scale != DEFAULTS["scale"]:
        os.environ.setdefault("QT_SCALE_FACTOR", f"{scale / 100:g}")


class Preferences:
    """Values by name, from an INI file where there is one; what is not of its kind there is the default."""

    def __init__(self, settings: QSettings | None) -> None:
        self.settings = settings
        self.values = dict(DEFAULTS)
        self._chose_budget = False
        for key, default in DEFAULTS.items():
            if settings is not None and settings.contains(key):
                try:
                    self.values[key] = settings.value(key, default, type=type(default))
                except (TypeError, ValueError, RuntimeError):
                    continue
        if self.values["theme"] not in ("dark", "light"):
            self.values["theme"] = "dark"
        if self.values["pace"] not in PACES:
            self.values["pace"] = DEFAULTS["pace"]
        if not SCALES[0] <= self.values["scale"] <= SCALES[1]:
            self.values["scale"] = DEFAULTS["scale"]
        if self.values["device"] not in ("auto", "cpu", "cuda"):
            self.values["device"] = "auto"

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def set(self, **changes: Any) -> None:
        self.values |= changes
        if self.settings is not None:
            for key, value in changes.items():
                self.settings.setValue(key, value)

    def apply_library(self) -> None:
        """Tells the library where it lies and how large it may be, for this process. A variable of the user's shell holds
        until another budget than the default is chosen."""
        self._chose_budget |= self["library_gb"] != DEFAULTS["library_gb"]
        if self._chose_budget:
            os.environ["QCS_STUDIO_LIBRARY_BYTES"] = str(round(self["library_gb"] * (1 << 30)))
        if self["library_folder"]:
            os.environ["QCS_STUDIO_LIBRARY"] = self["library_folder"]


class PreferencesController(QObject):
    """File > Preferences."""

    def __init__(self, window: MainWindow, preferences: Preferences, take: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(window)
        self.window, self.preferences, self.take = window, preferences, take
        window.actions_by_name["preferences"].triggered.connect(self.ask)

    def ask(self) -> None:
        dialog = PreferencesDialog(self.window, self.preferences)
        dialog.accepted.connect(lambda: self.take(dialog.chosen()))
        show_once(dialog)


class PreferencesDialog(QDialog):
    """OK takes all of it at once."""

    def __init__(self, parent: QWidget | None, preferences: Preferences) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.preferences = preferences
        self.device, self.theme, self.pace = ListBox(), ListBox(), ListBox()
        self.device.addItems(["auto", "cpu", "cuda"])
        self.theme.addItems(["dark", "light"])
        self.pace.addItems(list(PACES))
        self.scale = WholeBox()
        self.scale.setRange(*SCALES)
        self.scale.setSingleStep(25)
        self.scale.setSuffix(" %")
        self.scale.setToolTip("Letters, buttons and pictures' titles alike: 150 % for a screen of 2560 x 1440, say.")
        self.threads = WholeBox()
        self.threads.setRange(0, 256)
        self.threads.setSpecialValueText("all but one")
        self.budget = NumberBox()
        self.budget.setRange(0.01, 1000)
        self.budget.setSuffix(" GB")
        self.folder, self.browse = QLineEdit(), QPushButton("...")
        self.folder.setPlaceholderText("in the user's data folder")
        self.browse.setMaximumWidth(32)
        self.keep, self.gallery = (
            QCheckBox("Keep every finished run in the history"),
            QCheckBox("Begin with the gallery"),
        )
        self.fast = QCheckBox("Fast previews in live mode")
        self.fast.setToolTip(
            "bfloat16 in place of single precision, where processor or GPU has it and the prior is one of this program's. Runs, "
            "which are kept, go by their own settings."
        )
        for box, name in (
            (self.device, "Device"), (self.threads, "Threads of the engine"), (self.budget, "Budget of the library"),
            (self.folder, "Folder of the library"), (self.browse, "Choose the folder of the library"), (self.theme, "Theme"),
            (self.pace, "Pace of runs"), (self.keep, self.keep.text()), (self.gallery, self.gallery.text()),
            (self.fast, self.fast.text()), (self.scale, "Size of the interface"),
        ):  # fmt: skip
            box.setAccessibleName(name)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        form = QFormLayout()
        form.addRow("Device", self.device)
        form.addRow("Threads", self.threads)
        form.addRow("Library: at most", self.budget)
        form.addRow("Library: folder", row)
        form.addRow("Theme", self.theme)
        form.addRow("Interface", self.scale)
        form.addRow("Pace", self.pace)
        form.addRow(self.keep)
        form.addRow(self.gallery)
        form.addRow(self.fast)
        note = QLabel("Threads, folder and interface take effect at the next start. Pinned runs are never let go.")
        note.setObjectName("dim")
        note.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.RestoreDefaults
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).clicked.connect(
            lambda: self.show_values(DEFAULTS)
        )
        self.browse.clicked.connect(self._browse)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(note)
        layout.addWidget(self.buttons)
        self.show_values(preferences.values)

    def show_values(self, values: dict[str, Any]) -> None:
        self.device.setCurrentText(values["device"])
        self.theme.setCurrentText(values["theme"])
        self.pace.setCurrentText(values["pace"])
        self.threads.setValue(values["threads"])
        self.budget.setValue(values["library_gb"])
        self.folder.setText(values["library_folder"])
        self.keep.setChecked(values["keep_runs"])
        self.gallery.setChecked(values["open_gallery"])
        self.fast.setChecked(values["fast_previews"])
        self.scale.setValue(values["scale"])

    def chosen(self) -> dict[str, Any]:
        return {
            "device": self.device.currentText(), "theme": self.theme.currentText(), "pace": self.pace.currentText(),
            "threads": self.threads.value(), "library_gb": self.budget.value(), "library_folder": self.folder.text().strip(),
            "keep_runs": self.keep.isChecked(), "open_gallery": self.gallery.isChecked(),
            "fast_previews": self.fast.isChecked(), "scale": self.scale.value(),
        }  # fmt: skip

    def _browse(self) -> None:
        name = ask_folder(self, "Folder of the library", self.folder.text())
        if name:
            self.folder.setText(name)
