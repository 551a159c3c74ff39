"""The composition root of the window: the features, and what belongs to the process as a whole."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from engine.runs.spec import RunSpec
from qcs_gui.background.worker import sentence_for
from qcs_gui.compare.controller import CompareController
from qcs_gui.context import Context
from qcs_gui.design.controller import PredictionController
from qcs_gui.gallery.controller import GalleryController
from qcs_gui.help import HelpController
from qcs_gui.keeping import SessionFile
from qcs_gui.library.documents import DocumentController
from qcs_gui.library.export import ExportController
from qcs_gui.library.history import HistoryController
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session, State
from qcs_gui.opening import OpeningController, RecentMenu
from qcs_gui.palette import PaletteController
from qcs_gui.preferences import Preferences, PreferencesController, settings_file
from qcs_gui.priors.importing import ImportController
from qcs_gui.priors.page_controller import PriorPageController
from qcs_gui.priors.training import TrainingController
from qcs_gui.queue.controller import QueueController
from qcs_gui.session_keeper import SessionKeeper
from qcs_gui.setup.own import OwnController
from qcs_gui.setup.picture import PictureController
from qcs_gui.setup.undoing import UndoController
from qcs_gui.stage.live import LiveController
from qcs_gui.stage.panels_menu import PanelsMenu
from qcs_gui.stage.picture_menu import PictureMenu
from qcs_gui.stage.presentation import PresentationController
from qcs_gui.stage.run import RunController, default_threads
from qcs_gui.stage.stage_controller import StageController
from qcs_gui.stage.uncertainty_controller import UncertaintyController
from qcs_gui.sweeps.controller import SweepController
from qcs_gui.theme import apply_theme
from qcs_gui.tour import TourController
from qcs_gui.widgets.files import folders

__all__ = ["Studio"]

SWITCH_SECONDS = 0.0005
WORTH_ASKING_SECONDS = 30.0
LATER_MS = 1500
"""After the start; the window comes first."""


class Studio(QObject):
    """One window with all behind it. ``remember`` keeps preferences, session and runs between starts; ``result`` is a document
    or a picture to open at the start; ``keep`` keeps finished runs in the library (as ``remember`` says where it is None)."""

    def __init__(
        self,
        spec: RunSpec | None = None,
        threads: int = 0,
        remember: bool = True,
        result: str = "",
        keep: bool | None = None,
    ) -> None:
        super().__init__()
        self.result_given, self.spec_given = result, spec is not None
        self.settings = settings = settings_file() if remember else None
        self.preferences = preferences = Preferences(settings)
        if remember:
            preferences.apply_library()
        folders.last = str(settings.value("folder", "")) if settings else ""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.app = app
        colours = apply_theme(app, str(preferences["theme"]))
        self.session = Session(spec or RunSpec(device=preferences["device"]))
        self.window = window = MainWindow(self.session.spec)
        window.setParent(None)
        window.repaint_plots(colours)
        window.pace.setCurrentText(preferences["pace"])
        keep = (remember and bool(preferences["keep_runs"])) if keep is None else keep
        threads = threads or preferences["threads"] or default_threads()
        self.context = context = Context(self.session, window, preferences, threads, keep)
        self.setup = context.setup
        self._compose(context, SessionFile() if remember else None)
        window.may_close = self.may_close
        for name, slot in (("quit", window.close), ("theme", self.switch_theme)):
            window.actions_by_name[name].triggered.connect(slot)
        self._collector = QTimer(self, interval=2000)
        self._collector.timeout.connect(self._collect)
        self._closed = False
        if settings:
            geometry = settings.value("geometry")
            if isinstance(geometry, QByteArray):
                window.restoreGeometry(geometry)

    def _compose(self, context: Context, file: SessionFile | None) -> None:
        """The features, each after those that it uses."""
        self.help = HelpController(context)
        self.preferences_dialog = PreferencesController(context.window, self.preferences, self.take_preferences)
        self.undoing = UndoController(context)
        self.keeper = SessionKeeper(context, file)
        self.exports = ExportController(context)
        self.menu = PictureMenu(context)
        self.panels_menu = PanelsMenu(context)
        self.panels = StageController(context)
        self.uncertainty = UncertaintyController(context)
        self.predictions = PredictionController(context)
        self.prior_page = PriorPageController(context)
        self.training, self.imports = TrainingController(context), ImportController(context)
        self.own = OwnController(context)
        self.pictures = PictureController(context, self.own)
        self.runs = RunController(context, self.panels)
        self.live = LiveController(context, self.panels)
        self.documents = DocumentController(context, self.pictures, self.panels)
        self.compare = CompareController(context, self.runs, self.documents, self.panels)
        self.history = HistoryController(context, self.documents, self.pictures, self.compare)
        self.queue = QueueController(context, context.window.history.queue, self.compare, keep=file is not None)
        self.palette, self.tour = PaletteController(context), TourController(context)
        self.sweeps = SweepController(context, self.documents)
        self.gallery = GalleryController(context, self.pictures, self.own, self.runs, self.compare)
        self.presentation = PresentationController(context, self.panels, self.gallery.choose)
        self.opening = OpeningController(
            context, self.runs, self.pictures, self.own, self.documents, self.training, self.imports
        )
        self.recent = RecentMenu(context, self.opening)
        context.prior_added.connect(self.setup.list_priors)

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
        kept = None if self.spec_given else self.keeper.restore()
        if self.result_given:
            self.opening.open(self.result_given)
        elif self.session.spec.measurement:
            self.own.restore(self.session.spec)
        else:
            self.pictures.load(self.session.spec.image)
        if kept is not None and kept.run and not self.result_given:
            self.documents.open(kept.run, setup=False)  # the set-up may have gone on since
        first = self.settings is not None and kept is None and not self.result_given and not self.spec_given
        if first and self.preferences["open_gallery"]:
            self.window.show_page(self.window.gallery)
        QTimer.singleShot(150, self.runs.warm_up)
        QTimer.singleShot(LATER_MS, self._go_on_with_what_was_left)

    def _go_on_with_what_was_left(self) -> None:
        if not self._closed:
            self.queue.start()
            if self.settings is not None:
                self.training.offer()

    def take_preferences(self, chosen: dict[str, Any]) -> None:
        """What can change at once does."""
        before = dict(self.preferences.values)
        self.preferences.set(**chosen)
        self.window.pace.setCurrentText(chosen["pace"])
        self.context.keep = chosen["keep_runs"]
        if self.settings:
            self.preferences.apply_library()
        if chosen["theme"] != self.context.theme:
            self.switch_theme()
        if chosen["device"] != before["device"]:
            self.session.set_spec(self.session.spec.replace(device=chosen["device"]))
        self.history.refresh_if_seen()

    def _unexpected(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        self.context.report(sentence_for(error).replace("The engine failed", "Something failed"), details)

    def _collect(self) -> None:
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation]:
                gc.collect(generation)
                return

    def switch_theme(self) -> None:
        self.context.theme = theme = "light" if self.context.theme == "dark" else "dark"
        self.window.repaint_plots(apply_theme(self.app, theme))
        self.context.themed.emit()
        self.preferences.set(theme=theme)

    def may_close(self) -> bool:
        """Asks while a run is going, or while a result that took long was not saved; then ends all threads."""
        if self._closed:
            return True
        result, question = self.session.result, ""
        if self.training.running:
            question = "A prior is being trained. Save the training for later and close?"
        elif self.sweeps.running:
            question = "A sweep is going. Stop it and close? What is done is kept, and it can go on later."
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
        self.window.stage.timeline.stop()
        if self.settings:
            self.settings.setValue("geometry", self.window.saveGeometry())
            self.settings.setValue("folder", folders.last)
            self.settings.sync()
        self._collector.stop()
        if hasattr(self, "_hooks"):
            sys.excepthook = self._hooks[0]
            gc.enable()
        return self.context.close()
