"""*Check my data*: looks for the usual faults of own measurements, in a thread of its own, and mends them by one click."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from engine.control import Control
from engine.files import make_folder
from engine.images.bundled import name_without
from engine.priors.library import user_folder
from engine.sensing.own import Completion
from qcs_gui.background.worker import Failure, Task
from qcs_gui.context import Context, Feature

if TYPE_CHECKING:
    import numpy as np

    from engine.doctor import Report

__all__ = ["CheckPanel", "DataCheck", "keep_pieces"]


def keep_pieces(stem: str, pieces: dict[str, np.ndarray]) -> Path:
    """Writes the entries of a measurement file where a recipe can name it, under a name made of what is in it."""
    from engine.sensing.files import save_pieces

    folder = make_folder(user_folder().parent / "measurements")
    digest = hashlib.sha256(b"".join(k.encode() + v.tobytes() for k, v in sorted(pieces.items()))).hexdigest()[:16]
    return save_pieces(folder / f"{stem}-{digest}.npz", pieces)


class CheckPanel(QWidget):
    """The button that asks for a check, what was found, and the button that mends it. It decides nothing."""

    asked, mend_asked = Signal(), Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button, self.mend_button = QPushButton("Check my data"), QPushButton("Mend")
        self.button.setToolTip(
            "Whether y, matrix and noise can belong together, and which usual fault they have; takes a while."
        )
        self.mend_button.setToolTip(
            "Writes the file without these faults and takes that; the file itself stays as it is."
        )
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setTextFormat(Qt.TextFormat.PlainText)
        self.says.setAccessibleName("What the check found")
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addWidget(self.mend_button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.says)
        self.button.clicked.connect(self.asked)
        self.mend_button.clicked.connect(self.mend_asked)
        self.button.setEnabled(False)
        self.clear()

    def clear(self) -> None:
        """Nothing is known of what the fields say now."""
        self.show_words("", False)

    def show_words(self, words: str, mendable: bool) -> None:
        self.says.setText(words)
        self.says.setVisible(bool(words))
        self.mend_button.setVisible(mendable)


def _check(file: str, completion: Completion, control: Control, tell: Callable[[float, str], None]) -> Report:
    from engine.doctor import check
    from engine.sensing.files import read_pieces

    def progress(share: float, what: str) -> None:
        control.proceed()
        tell(share, what)

    return check(completion.apply(read_pieces(file, completion.stack)), progress=progress)


class DataCheck(Feature):
    """One check at a time. ``mended`` gets the file that a click on *Mend* wrote."""

    mended = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._worker, self._task, self._control = context.worker("doctor"), Task(), Control()
        self._panel: CheckPanel | None = None
        self._report: Report | None = None
        self._stem, self._doing = "", ""
        context.ticked.connect(self._show_progress)
        context.closing.connect(self.stop)

    def start(self, panel: CheckPanel, file: str, completion: Completion) -> None:
        """Checks the file with what completes it; the panel shows how that goes."""
        self.stop()
        self._panel, self._report, self._control, self._stem = panel, None, Control(), Path(name_without(file)).stem
        panel.button.setEnabled(False)
        self._tell(0.0, "")
        work = partial(_check, file, completion, self._control, self._tell)
        self._task = self._worker.submit(work, self._found, self._failed)

    def stop(self) -> None:
        """Ends what is going; nothing more is heard of it."""
        self._control.cancel()
        self._task.forget()
        self._panel, self._doing = None, ""

    def _tell(self, share: float, what: str) -> None:
        """From the other thread: the next tick shows it."""
        self._doing = f"Checking ({share:.0%}){': ' if what else ''}{what} ..."

    def _show_progress(self) -> None:
        if self._panel is not None and self._doing:
            self._panel.show_words(self._doing, False)

    def _found(self, report: Report) -> None:
        self._doing = ""
        if self._panel is not None:
            self._report = report
            lines = [f"\N{BULLET} {finding.words}" for finding in report.found]
            self._panel.show_words("\n".join([*lines, report.verdict]), bool(report.found))
            self._panel.button.setEnabled(True)

    def _failed(self, failure: Failure) -> None:
        self._doing = ""
        if self._panel is not None:
            self._panel.show_words(failure.sentence, False)
            self._panel.button.setEnabled(True)

    def mend(self) -> None:
        """Writes the mended entries and says where."""
        if self._report is not None:
            work = partial(keep_pieces, f"{self._stem}-mended", self._report.pieces)
            self.context.files.submit(work, lambda path: self.mended.emit(str(path)))
