"""Results as documents: save the result shown, open one that was kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.priors.library import priors
from qcs_gui.background.frames import Frame, replayed
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.setup.picture import PictureController
from qcs_gui.stage.stage_controller import StageController
from qcs_gui.widgets.files import ask_open, ask_save, folders

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["DocumentController"]

SUFFIX = ".qcs"
FILTER = f"Runs (*{SUFFIX})"


def _read(name: str) -> tuple[Reconstruction, list[Frame]]:
    from engine.runs.document import open_run

    result = open_run(name)
    return result, replayed(result)


def _write(path: Path, result: Reconstruction) -> Path:
    from engine.files import make_folder
    from engine.runs.document import save_run

    make_folder(path.parent)
    return save_run(path, result)


class DocumentController(Feature):
    """File > Open result and Save result. Reading and writing go on in the background; a run that is going is not disturbed."""

    def __init__(self, context: Context, pictures: PictureController, panels: StageController) -> None:
        super().__init__(context)
        self.pictures, self.panels = pictures, panels
        self._file: tuple[Reconstruction, Path] | None = None
        self.act(open_result=self.ask_open, save_result=self.save_again, save_result_as=self.ask_save)
        self.session.observe(self._changed)
        self._changed("result")

    def _changed(self, what: str) -> None:
        if what in ("result", "state", "live"):
            idle = self.session.state == State.IDLE
            self.window.actions_by_name["open_result"].setEnabled(idle)
            for name in ("save_result", "save_result_as"):
                self.window.actions_by_name[name].setEnabled(self.session.result is not None and not self.session.live)

    @property
    def path_shown(self) -> Path | None:
        """The file that the result shown was opened from or saved to."""
        return self._file[1] if self._file is not None and self._file[0] is self.session.result else None

    def ask_open(self) -> None:
        filters = f"{FILTER};;Results of earlier versions (result.json result.npz)"
        name = ask_open(self.window, "Open result", filters, self._near())
        if name:
            self.open(name)

    def ask_save(self) -> None:
        from engine.runs.library import new_name

        result = self.session.result
        if result is not None:
            path = ask_save(self.window, "Save result", self._near() / f"{new_name(result)}{SUFFIX}", FILTER)
            if path is not None:
                self.save(path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))

    def save_again(self) -> None:
        """To the file that the result came from or was saved to, or to one that is asked for."""
        if self.path_shown is not None:
            self.save(self.path_shown)
        else:
            self.ask_save()

    def open(self, name: str, setup: bool = True) -> None:
        """Opens a document or an earlier version's result; with ``setup`` the column takes its settings too."""
        if self.session.state != State.IDLE:
            self.context.report("A run is going; finish or cancel it before a result is opened.")
        else:
            self.context.files.submit(partial(_read, name), partial(self._opened, Path(name), setup))

    def show(self, result: Reconstruction) -> None:
        """Shows a result that is at hand, as if it had been opened; the set-up stays."""
        self.session.set_result(result, saved=True)
        self.panels.show_opened(replayed(result))

    def save(self, path: Path) -> None:
        """Writes the result shown, atomically."""
        result = self.session.result
        if result is not None:
            self.context.files.submit(partial(_write, path, result), partial(self._saved, result))

    def _saved(self, result: Reconstruction, path: Path) -> None:
        """Another result may be shown by now: that one is not saved, nor does the file become its own."""
        self.context.say_saved(path)
        self.context.file_used.emit(str(path))
        if result is self.session.result:
            self._file = result, path
            self.session.saved(result, str(path))

    def _opened(self, path: Path, setup: bool, found: tuple[Reconstruction, list[Frame]]) -> None:
        result, frames = found
        if self.session.state != State.IDLE:
            self.context.report("A run has begun meanwhile; open the result again when it is done.")
            return
        if setup and result.spec.prior.name in priors().choices:
            self.pictures.take_setup_of(result)
        elif setup:
            self.context.say(
                f"The prior '{result.spec.prior.name}' of this run is not installed here; its result can be looked at.",
                8000,
            )
        document = path.suffix == SUFFIX
        if document:
            self._file = result, path
            self.context.file_used.emit(str(path))
        self.session.set_result(result, saved=True, path=str(path) if document else "")
        self.panels.show_opened(frames)

    @staticmethod
    def _near() -> Path:
        """The folder of the last file, or the library."""
        from engine.files import make_folder
        from engine.runs.library import Library

        return Path(folders.last) if folders.last else make_folder(Library().folder)
