"""Results and set-ups to files; written in the background, reported either way."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication

from engine.files import write_atomically
from engine.runs.reconstruction import Reconstruction
from qcs_gui.context import Context, Feature
from qcs_gui.stage.timeline import RATES
from qcs_gui.widgets.files import ask_save

__all__ = ["ExportController"]

PICTURES = "PNG, 8 bit (*.png);;TIFF, 16 bit (*.tif);;NumPy archive with recipe (*.npz)"


def film_filters() -> str:
    """What a film can be written as here: MP4 only where the package that writes it is installed."""
    mp4 = ";;MP4 (*.mp4)" if importlib.util.find_spec("imageio_ffmpeg") is not None else ""
    return f"GIF (*.gif){mp4};;Folder of numbered PNG (*)"


def _write_text(path: Path, content: str) -> Path:
    return write_atomically(path, lambda p: p.write_text(content, encoding="utf-8"))


class ExportController(Feature):
    """Export mean, std, samples or everything; save the run file; copy the command line."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        asked: dict[str, tuple[str, str, str, Callable[[Path], None]]] = {
            "export_mean": ("Export mean", "mean.png", PICTURES, partial(self.export, "mean")),
            "export_std": ("Export std", "std.png", PICTURES, partial(self.export, "std")),
            "export_samples": ("Export samples", "samples.png", PICTURES, partial(self.export, "samples")),
            # a dialog to save, not one for folders: it takes the name of a folder that is not there yet
            "export_all": ("Folder for everything", "result", "A new or existing folder (*)", self.export_everything),
            "export_film": ("Export film", "film.gif", film_filters(), self.export_film),
            "export_report": ("Export report", "report.html", "Web page (*.html)", self.export_report),
            "save_run": ("Save run file", "run.json", "Run files (*.json)", self.save_run),
        }  # fmt: skip
        for name, (title, near, filters, export) in asked.items():
            self.act(**{name: partial(self._ask, title, near, filters, export)})
        self.act(copy_command=self.copy_command)
        self.session.observe(self._changed)
        self._changed("result")

    def _changed(self, what: str) -> None:
        if what in ("result", "live"):
            # never another picture than the one that is seen
            result = None if self.session.live else self.session.result
            there = dict.fromkeys(("mean", "all", "film", "report"), result is not None)
            there["std"] = result is not None and result.std is not None
            there["samples"] = result is not None and len(result.samples) > 0
            for name, enabled in there.items():
                self.window.actions_by_name[f"export_{name}"].setEnabled(enabled)

    def _ask(self, title: str, name: str, filters: str, export: Callable[[Path], None], *_: Any) -> None:
        path = ask_save(self.window, title, name, filters)
        if path is not None:
            export(path)

    def export(self, what: str, path: Path) -> None:
        result = self.session.result
        if result is not None:
            self._write(partial(result.export, path, what), result)

    def export_everything(self, folder: Path) -> None:
        result = self.session.result
        if result is not None:
            self._write(partial(result.write, folder), result)

    def export_film(self, path: Path) -> None:
        """The run shown, in the view on the stage where a film can show it."""
        from engine.runs.film import VIEWS, write_film

        result, view = self.session.result, self.window.stage.picture.key
        rate = RATES[self.window.stage.timeline.rate.currentText()]
        if result is not None:
            shown = view if view in VIEWS else "denoised"
            self._write(partial(write_film, result, path, shown, rate, self.window.strip.index))

    def export_report(self, path: Path) -> None:
        from engine.runs.report import write_report

        if self.session.result is not None:
            self._write(partial(write_report, path, [self.session.result]))

    def save_run(self, path: Path) -> None:
        self._write(partial(_write_text, path, self.session.spec.as_json() + "\n"))

    def copy_command(self) -> None:
        QGuiApplication.clipboard().setText(self.session.spec.as_command())
        self.context.say("The command line of this set-up is on the clipboard.", 4000)

    def _write(self, work: Callable[[], Path], result: Reconstruction | None = None) -> None:
        """Writes; where it is all of a ``result``'s numbers, that one counts as saved."""
        self.context.files.submit(work, partial(self._written, result))

    def _written(self, result: Reconstruction | None, path: Path) -> None:
        self.context.say_saved(path)
        if result is not None:
            self.session.saved(result)
