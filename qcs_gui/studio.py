"""The composition root of the window: session, views, controllers, threads."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Outcome, Worker, sentence_for
from qcs_gui.compare.controller import CompareController
from qcs_gui.design.controller import PredictionController
from qcs_gui.gallery.controller import GalleryController
from qcs_gui.help import HelpController
from qcs_gui.keeping import SessionFile, guarded
from qcs_gui.library.documents import DocumentController
from qcs_gui.library.export import ExportController
from qcs_gui.library.history import HistoryController
from qcs_gui.main_window import MainWindow
from qcs_gui.menus import PanelsMenu, RecentMenu
from qcs_gui.model import Session, State
from qcs_gui.preferences import Preferences, PreferencesController
from qcs_gui.priors.importing import ImportController
from qcs_gui.priors.page_controller import PriorPageController
from qcs_gui.priors.training import TrainingController
from qcs_gui.setup.controller import SetupController
from qcs_gui.setup.own import OwnController
from qcs_gui.setup.picture import PictureController
from qcs_gui.setup.undoing import UndoController
from qcs_gui.stage.live import LiveController
from qcs_gui.stage.picture_menu import PictureMenu
from qcs_gui.stage.run import RunController, default_threads
from qcs_gui.stage.stage_controller import StageController
from qcs_gui.stage.uncertainty_controller import UncertaintyController
from qcs_gui.theme import apply_theme
from qcs_gui.view_state import restore_view, view_state
from qcs_gui.widgets.files import Folders
from qcs_gui.widgets.reading import Console

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction
    from qcs_gui.background.frames import Frame

__all__ = ["Studio"]

SWITCH_SECONDS = 0.0005
WORTH_ASKING_SECONDS = 30.0


class Studio(QObject):
    """One window with all behind it. ``remember`` keeps preferences, session and runs between starts; ``result`` is a document
    or a picture to open at the start; ``keep`` keeps finished runs in the library (as ``remember`` says where it is None)."""

    compare: CompareController

    def __init__(
        self,
        spec: RunSpec | None = None,
        threads: int = 0,
        remember: bool = True,
        result: str = "",
        keep: bool | None = None,
    ) -> None:
        super().__init__()
        self.opening, self.given = result, spec is not None
        settings = (
            QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "qcs-studio", "window")
            if remember
            else None
        )
        self.settings, self.preferences = settings, Preferences(settings)
        if remember:
            self.preferences.apply_library()
        self.kept_session = SessionFile() if remember else None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.app = app
        self.theme = str(self.preferences["theme"])
        colours = apply_theme(app, self.theme)
        self.session = Session(spec or RunSpec(device=self.preferences["device"]))
        self.window = window = MainWindow(self.session.spec)
        self.window.setParent(None)
        window.repaint_plots(colours)
        window.pace.setCurrentText(self.preferences["pace"])
        self.folders = Folders(str(settings.value("folder", "")) if settings else "")
        self.console = Console(window)
        self.help = HelpController(window, self.console)
        self.preferences_dialog = PreferencesController(window, self.preferences, self.take_preferences)
        io_worker = Worker("files")
        threads = threads or self.preferences["threads"] or default_threads()
        self.setup = SetupController(self.session, window)
        self.panels = StageController(self.session, window)
        self.uncertainty = UncertaintyController(self.session, window)
        self.own = OwnController(self.session, window, io_worker, self.report)
        self.pictures = PictureController(self.session, window, io_worker, self.report, self.own, self.folders)
        self.exports = ExportController(self.session, window, io_worker, self.report, self.folders)
        self.documents = DocumentController(self.session, window, io_worker, self.report, self.folders)
        self.imports = ImportController(window, io_worker)
        self.training = TrainingController(window, self.report, threads, lambda: self.theme)
        self.pictures.train_on, self.pictures.import_network = self.training.open_with, self.imports.open_with
        self.imports.listed = self.training.listed = self._prior_added
        self.training.use = self._use_prior
        keep = (remember and bool(self.preferences["keep_runs"])) if keep is None else keep
        self.history = HistoryController(self.session, window, io_worker, self.report, keep)
        self._io_worker = io_worker
        self.predictions = PredictionController(self.session, window, lambda: self.theme)
        self.predictions.say, self.predictions.take_over = self.setup.say_expected, self._take_design
        handlers: list[Callable[[Outcome], bool]] = [
            self.imports.handle, self.exports.handle, self.documents.handle, self.own.handle, self.history.handle,
            lambda outcome: self.compare.handle(outcome), self.pictures.handle,
        ]  # fmt: skip
        self.runs = RunController(self.session, window, self.panels, self.report, handlers, io_worker, threads)
        self.runs.may_run = lambda: self.setup.problem
        self.runs.keep_now, self.runs.take_kept = self.history.keep_now, self.history.take
        self.runs.lookers.append(self.predictions.poll)
        self.live = LiveController(
            self.session, window, self.panels, self.runs.worker, lambda: self.setup.problem, self.runs.say_result
        )
        self.runs.engine_handlers.append(self.live.handle)
        self.runs.lookers.append(self.live.poll)
        self.compare = CompareController(self.session, window, self.runs, io_worker, self.report, self.folders)
        self.gallery = GalleryController(self.session, window, self.pictures, self.runs, self.compare, self.report)
        self.undoing = UndoController(self.session, window, self.setup)
        self.recent, self.panels_menu = RecentMenu(window, settings, self.pictures.open), PanelsMenu(window)
        self.documents.recent = self.pictures.recent = self.recent.add
        self.menu = PictureMenu(window, self.folders, self.report)
        self.documents.take_setup, self.documents.shown = self.pictures.take_setup_of, self._show_opened
        self.pictures.open_result = self.history.open_run = self.documents.open
        self.history.use = self._use_settings
        self.history.compare = self.compare.show
        self.compare.open_result = self.documents.show
        self.prior_page = PriorPageController(self.session, window, self.report, self.runs.threads)
        window.may_close = self.may_close
        actions = window.actions_by_name
        for name, slot in (
            ("quit", window.close), ("theme", self.switch_theme), ("new", self.new),
        ):  # fmt: skip
            actions[name].triggered.connect(slot)
        self._collector = QTimer(self, interval=2000)
        self._collector.timeout.connect(self._collect)
        self._keeper = QTimer(self, interval=1000, singleShot=True)
        self._keeper.timeout.connect(self.keep)
        if self.kept_session is not None:
            self.session.observe(self._keep_soon)
        self._closed = False
        if settings:
            geometry = settings.value("geometry")
            if isinstance(geometry, QByteArray):
                window.restoreGeometry(geometry)

    def _prior_added(self, name: str) -> None:
        self.setup.list_priors(name)
        self.prior_page.list_priors()

    def _use_prior(self, name: str) -> None:
        """Chooses a prior, with a matrix that suits the picture at its size."""
        from engine.runs.fit import suited

        if self.session.original is not None:
            spec = suited(self.session.picture, self.session.spec, name)
            self.session.take(spec)

    def _take_design(self, spec: RunSpec) -> None:
        """The set-up with a designed measurement in it."""
        old = self.session.spec
        new = old.replace(operator=spec.operator, quantizer=spec.quantizer, noise=spec.noise, algorithm="turbo")
        self.session.set_spec(new)

    def _show_opened(self, result: Reconstruction, frames: list[Frame]) -> None:
        self.window.show_page(self.window.stage)
        self.panels.show_opened(result, frames)
        self.runs.say_result()
        if self.documents.path_shown:
            self.history.last_kept = self.documents.path_shown

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
        kept = self.kept_session.read() if self.kept_session and not self.given else None
        if kept is not None:
            restore_view(self.window, kept.view)
            if kept.spec is not None:
                self.session.take(kept.spec)
        if self.opening.endswith(".qcs"):
            self.documents.open(self.opening)
        elif self.opening:
            self.pictures.open(self.opening)
        elif self.session.spec.measurement:
            self.own.restore(self.session.spec)
        else:
            self.pictures.load(self.session.spec.image)
        if kept is not None and kept.run and not self.opening:
            self.documents.open(kept.run, setup=False)  # the set-up may have gone on since
        if (
            kept is None
            and self.kept_session
            and not self.opening
            and not self.given
            and self.preferences["open_gallery"]
        ):
            self.window.show_page(self.window.gallery)
        QTimer.singleShot(150, self.runs.warm_up)

    def report(self, sentence: str, details: str = "") -> None:
        """One problem, in the one problem window and among the messages."""
        self.console.add(sentence, details)
        self.window.problem.report(sentence, details)

    def _keep_soon(self, what: str) -> None:
        # not started anew by every change: many in a row must not put it off
        if what in ("spec", "image", "kept", "result") and not self._keeper.isActive():
            self._keeper.start()

    def keep(self) -> None:
        """Writes the session, so that the next start finds it whatever happens to this one."""
        kept = self.kept_session
        if kept is not None and not self._closed:
            run = self.history.last_kept if self.session.result is not None else ""
            guarded(lambda: kept.write(self.session.spec, run, view_state(self.window)), self._not_kept)

    def _not_kept(self, sentence: str, details: str = "") -> None:
        self.console.add(sentence, details)
        self.window.statusBar().showMessage(sentence, 8000)

    def _use_settings(self, result: Reconstruction) -> None:
        """Takes the set-up of a kept run; what is shown stays."""
        self.pictures.take_setup_of(result)
        self.window.show_page(self.window.stage)
        self.window.statusBar().showMessage("The settings of that run are on the left.", 5000)

    def new(self) -> None:
        """Back to the defaults, with an empty stage."""
        if self.session.state != State.IDLE:
            self.runs.cancel_then(self.new)
            return
        spec = RunSpec(device=self.preferences["device"])
        self.window.live_button.setChecked(False)
        self.session.set_result(None)
        self.panels.begin()
        self.panels.clear()
        self.runs.say_result()
        self.window.show_page(self.window.stage)
        self.pictures.load(spec.image, spec)

    def take_preferences(self, chosen: dict[str, Any]) -> None:
        """What can change at once does."""
        before = dict(self.preferences.values)
        self.preferences.set(**chosen)
        self.window.pace.setCurrentText(chosen["pace"])
        self.history.keep = chosen["keep_runs"]
        if self.settings:
            self.preferences.apply_library()
        if chosen["theme"] != self.theme:
            self.switch_theme()
        if chosen["device"] != before["device"]:
            self.session.set_spec(self.session.spec.replace(device=chosen["device"]))
        self.history.refresh_if_seen()

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
        self.preferences.set(theme=self.theme)

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
        self._keeper.stop()
        self.keep()
        self._closed = True
        self.window.stage.timeline.stop()
        self.live.on = False
        if self.settings:
            self.settings.setValue("geometry", self.window.saveGeometry())
            self.settings.setValue("folder", self.folders.last)
            self.settings.sync()
        self._collector.stop()
        if hasattr(self, "_hooks"):
            sys.excepthook = self._hooks[0]
            gc.enable()
        ended = [c.close() for c in (self.prior_page, self.training, self.predictions, self.runs)]
        return all(ended)
