"""What comes into the window: a new start, a file of any kind, a run file; and the files that came last."""

from __future__ import annotations

import zipfile
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QImageReader
from PySide6.QtWidgets import QMenu

from engine.errors import InputError
from engine.files import refuse_no_file
from engine.images import SUFFIXES, read_recipe
from engine.runs.spec import RunSpec
from qcs_gui.context import Context, Feature
from qcs_gui.keeping import read_run_file
from qcs_gui.library.documents import DocumentController
from qcs_gui.model import State
from qcs_gui.priors.importing import ImportController
from qcs_gui.priors.training import TrainingController
from qcs_gui.setup.own import OwnController
from qcs_gui.setup.picture import PictureController
from qcs_gui.stage.run import RunController
from qcs_gui.widgets.files import ask_open

__all__ = ["OpeningController", "RecentMenu"]

ARRAYS = (".npz", ".mat", ".npy", ".csv")
NETWORKS = (".pth", ".pt", ".ckpt", ".safetensors")
MOST = 10


def _holds_result(path: Path) -> bool:
    """Whether an archive is an exported result, whatever it is called."""
    try:
        with zipfile.ZipFile(path) as file:
            return {"mean.npy", "recipe.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _picture_and_kernel(names: list[str]) -> tuple[str, str] | None:
    """The larger and the smaller of two pictures, where one is less than half as wide and high as the other."""
    sizes = []
    for name in names:
        size = QImageReader(name).size() if Path(name).suffix.lower() in SUFFIXES else QSize()
        if not size.isValid():
            return None
        sizes.append((size.width(), size.height(), name))
    (width, height, kernel), (wide, high, picture) = sorted(sizes)
    return (picture, kernel) if 2 * width < wide and 2 * height < high else None


def _has_recipe(path: Path) -> bool:
    """Whether it is a picture that this program exported: dropping one brings back its set-up."""
    try:
        return read_recipe(path) is not None
    except InputError:
        return False


def _read_spec(path: Path) -> RunSpec:
    """The set-up in a run file, or in an exported PNG."""
    if path.suffix.lower() != ".png":
        return read_run_file(path)
    refuse_no_file(path)
    recipe = read_recipe(path)
    if recipe is None:
        raise InputError(f"'{path.name}' carries no recipe; only pictures exported by this program do.")
    return RunSpec.from_json(recipe)


class OpeningController(Feature):
    """Knows which feature a file is for."""

    def __init__(
        self, context: Context, runs: RunController, pictures: PictureController, own: OwnController,
        documents: DocumentController, training: TrainingController, imports: ImportController,
    ) -> None:  # fmt: skip
        super().__init__(context)
        self.runs, self.pictures, self.own, self.documents = runs, pictures, own, documents
        self.training, self.imports = training, imports
        self.window.image.open_button.clicked.connect(self.ask_image)
        self.window.dropped.connect(self.take)
        self.act(new=self.new, open_image=self.ask_image, open_run=self.ask_run_file)

    def new(self) -> None:
        """Back to the defaults, with an empty stage."""
        if self.session.state != State.IDLE:
            self.runs.cancel_then(self.new)
            return
        spec = RunSpec(device=self.context.preferences["device"])
        self.window.live_button.setChecked(False)
        self.session.begin_anew(spec)
        self.runs.panels.begin()
        self.runs.panels.clear()
        self.runs.panels.say_result()
        self.window.show_page(self.window.stage)
        self.pictures.load(spec.image, spec)

    def ask_image(self) -> None:
        patterns = " ".join(f"*{s}" for s in SUFFIXES)
        name = ask_open(self.window, "Open image", f"Pictures ({patterns})")
        if name:
            self.open(name)

    def ask_run_file(self) -> None:
        name = ask_open(self.window, "Open run file", "Run files and exported pictures (*.json *.png)")
        if name:
            self.open_run_file(name)

    def take(self, names: list[str]) -> None:
        """Files dropped together: a picture and a much smaller one are a camera's picture and its blur kernel; else the first."""
        pair = _picture_and_kernel(names) if len(names) == 2 else None
        if pair is None:
            self.open(names[0])
        else:
            self.own.open(*pair)

    def open(self, name: str) -> None:
        """A dropped or chosen file: run files restore the set-up, arrays are measurements, networks can be imported and
        folders trained on; all else must be a picture."""
        path = Path(name)
        ending = path.suffix.lower()
        if path.is_dir():
            self.training.open_with(name)
        elif ending in NETWORKS:
            self.imports.open_with(name)
        elif (
            ending == ".qcs" or path.name in ("result.json", "result.npz") or (ending == ".npz" and _holds_result(path))
        ):
            self.documents.open(name)
        elif ending == ".json" or (ending == ".png" and _has_recipe(path)):
            self.open_run_file(name)
        elif ending in ARRAYS:
            self.own.open(name)
        else:
            self.pictures.bring(name)

    def open_run_file(self, name: str) -> None:
        """Restores the set-up of a run file, or of the recipe inside an exported PNG."""
        try:
            spec = _read_spec(Path(name))
        except InputError as error:
            self.context.report(str(error))
            return
        if spec.measurement:
            self.own.restore(spec)
        else:
            self.pictures.load(spec.image, spec)


class RecentMenu(Feature):
    """File > Open recent: pictures, run files and kept runs, newest first; what is gone from the disk is not listed."""

    def __init__(self, context: Context, opening: OpeningController) -> None:
        super().__init__(context)
        self.settings, self.opening = context.preferences.settings, opening
        kept = self.settings.value("recent", []) if self.settings else []
        self.files = [str(f) for f in kept] if isinstance(kept, list) else [str(kept)] if kept else []
        self.menu = QMenu("Open re&cent", self.window)
        self.menu.aboutToShow.connect(self.fill)
        self.window.menu_named("&File").insertMenu(self.window.actions_by_name["open_run"], self.menu)
        context.file_used.connect(self.add)
        self.fill()

    def add(self, name: str) -> None:
        """Puts a file at the top."""
        if name.startswith("sample:"):
            return
        path = str(Path(name).absolute())
        self.files = [path, *(f for f in self.files if f != path)][:MOST]
        if self.settings is not None:
            self.settings.setValue("recent", self.files)

    def fill(self) -> None:
        self.menu.clear()
        there = [f for f in self.files if Path(f).is_file()]
        for name in there:
            action = self.menu.addAction(Path(name).name.replace("&", "&&"))
            action.setToolTip(name)
            action.triggered.connect(lambda _=False, name=name: self.opening.open(name))
        if not there:
            self.menu.addAction("Nothing yet").setEnabled(False)
