"""The composition root of the window: session, views, controllers, threads."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from engine import __version__
from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Worker, sentence_for
from qcs_gui.library.documents import DocumentController
from qcs_gui.library.export import ExportController
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.priors.importing import ImportController
from qcs_gui.priors.page_controller import PriorPageController
from qcs_gui.priors.training import TrainingController
from qcs_gui.setup.controller import SetupController
from qcs_gui.setup.own import OwnController
from qcs_gui.setup.picture import PictureController
from qcs_gui.stage.panels import PanelController
from qcs_gui.stage.run import RunController, default_threads
from qcs_gui.theme import apply_theme

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction
    from qcs_gui.background.frames import Frame

__all__ = ["Studio"]

SWITCH_SECONDS = 0.0005
WORTH_ASKING_SECONDS = 30.0


class Studio(QObject):
    """One window with all behind it. ``remember`` keeps geometry and theme between starts; ``result`` is a document
    to open at the start."""

    def __init__(self, spec: RunSpec | None = None, threads: int = 0, remember: bool = True, result: str = "") -> None:
        super().__init__()
        self.opening = result
        self.settings = (
            QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "qcs-studio", "window")
            if remember
            else None
        )
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.app = app
        self.theme = str(self.settings.value("theme", "dark")) if self.settings else "dark"
        if self.theme not in ("dark", "light"):
            self.theme = "dark"
        apply_theme(app, self.theme)
        self.session = Session(spec or RunSpec())
        self.window = window = MainWindow(self.session.spec)
        self.window.setParent(None)
        io_worker = Worker("files")
        self.setup = SetupController(self.session, window)
        self.panels = PanelController(self.session, window)
        self.own = OwnController(self.session, window, io_worker, self.report)
        self.pictures = PictureController(self.session, window, io_worker, self.report, self.own)
        self.pictures.chosen = self.own.chosen = self.setup.take_choice
        self.exports = ExportController(self.session, window, io_worker, self.report)
        self.documents = DocumentController(self.session, window, io_worker, self.report)
        self.imports = ImportController(window, io_worker)
        self.training = TrainingController(window, self.report, threads or default_threads(), lambda: self.theme)
        self.pictures.train_on, self.pictures.import_network = self.training.open_with, self.imports.open_with
        self.imports.listed = self.training.listed = self._prior_added
        handlers = [
            self.imports.handle,
            self.exports.handle,
            self.documents.handle,
            self.own.handle,
            self.pictures.handle,
        ]
        self.runs = RunController(
            self.session, window, self.panels, self.report, handlers, io_worker, threads or default_threads()
        )
        self.runs.may_run = lambda: self.setup.problem
        self.documents.take_setup, self.documents.shown = self.pictures.take_setup_of, self._show_opened
        self.pictures.open_result = self.documents.open
        self.prior_page = PriorPageController(self.session, window, self.report, self.runs.threads)
        window.may_close = self.may_close
        actions = window.actions_by_name
        actions["quit"].triggered.connect(window.close)
        actions["theme"].triggered.connect(self.switch_theme)
        actions["about"].triggered.connect(self.about)
        self._collector = QTimer(self, interval=2000)
        self._collector.timeout.connect(self._collect)
        self._closed = False
        if self.settings:
            geometry = self.settings.value("geometry")
            if isinstance(geometry, QByteArray):
                window.restoreGeometry(geometry)

    def _prior_added(self, name: str) -> None:
        self.setup.list_priors(name)
        self.prior_page.list_priors()

    def _show_opened(self, result: Reconstruction, frames: list[Frame]) -> None:
        self.panels.show_opened(result, frames)
        self.runs.say_result()

    def start(self) -> None:
        """Shows the window, then loads the image and starts the engine."""
        # Cyclic garbage may hold Qt objects, which must die in this thread: collect here, never in the engine's.
        gc.disable()
        self._collector.start()
        # Painting holds the interpreter lock; the engine gets it back ten times sooner than by default.
        sys.setswitchinterval(SWITCH_SECONDS)
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._unexpected
        self.window.show()
        if self.opening:
            self.documents.open(self.opening)
        elif self.session.spec.measurement:
            self.own.restore(self.session.spec)
        else:
            self.pictures.load(self.session.spec.image)
        QTimer.singleShot(0, self.runs.warm_up)

    def report(self, sentence: str, details: str = "") -> None:
        """One problem, in the one problem window."""
        self.window.problem.report(sentence, details)

    def _unexpected(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        self.report(sentence_for(error).replace("The engine failed", "Something failed"), details)

    def _collect(self) -> None:
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation]:
                gc.collect(generation)
                return

    def switch_theme(self) -> None:
        self.theme = "light" if self.theme == "dark" else "dark"
        colours = apply_theme(self.app, self.theme)
        self.window.repaint_plots(colours)
        self.training.repaint()
        if self.settings:
            self.settings.setValue("theme", self.theme)

    def about(self) -> None:
        QMessageBox.about(
            self.window,
            "About QCS Studio",
            f"QCS Studio {__version__}\n\nReconstructs images from few, coarsely quantized measurements.\n\n"
            "Methods: QCS-SGM (Meng and Kabashima, ICLR 2023), guided diffusion and turbo message passing.",
        )

    def may_close(self) -> bool:
        """Asks while a run is going, or while a result that took long was not saved; then ends both threads."""
        if self._closed:
            return True
        result, question = self.session.result, ""
        if self.training.running:
            question = "A prior is being trained. Save the training for later and close?"
        elif self.session.state != State.IDLE:
            question = "A run is going. Stop it and close?"
        elif result is not None and not self.session.result_saved and result.seconds > WORTH_ASKING_SECONDS:
            question = f"The last result took {result.seconds:.0f} s and was not saved. Close without it?"
        if question:
            answer = QMessageBox.question(self.window, "QCS Studio", question)
            if answer != QMessageBox.StandardButton.Yes:
                return False
        self.close()
        return True

    def close(self) -> bool:
        """Ends threads and timers and remembers the window; whether the threads ended in time."""
        if self._closed:
            return True
        self._closed = True
        if self.settings:
            self.settings.setValue("geometry", self.window.saveGeometry())
        self._collector.stop()
        if hasattr(self, "_hooks"):
            sys.excepthook = self._hooks[0]
            gc.enable()
        return all([self.prior_page.close(), self.training.close(), self.runs.close()])
