"""The gallery: run files that ship with the program, each with a title, a line and a thumbnail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from engine.errors import InputError
from engine.runs.spec import RunSpec
from engine.settings import suggest

__all__ = ["SECTIONS", "Preset", "preset", "presets"]


SECTIONS = {
    "first": "Begin here",
    "pictures": "Pictures from little",
    "instruments": "From real instruments",
    "specialists": "For specialists",
}
"""Of the gallery, with their headings."""


@dataclass(frozen=True)
class Preset:
    """One entry: its run files, of a picture or of a sample that an instrument measured, in the order in which they are compared
    (mostly one), and whether one draws its picture. ``fails``
    says of an expected failure what there is to see in it, ``view`` what the stage shows while it runs (empty for what it shows
    anyway)."""

    name: str
    title: str
    line: str
    runs: tuple[str, ...]
    draw: bool = False
    section: str = "first"
    fails: str = ""
    view: str = ""

    def specs(self) -> list[RunSpec]:
        """What is run; several are compared on the same picture."""
        return [RunSpec.from_json((_folder() / f"{run}.json").read_text(encoding="utf-8")) for run in self.runs]

    @property
    def thumbnail(self) -> Path:
        """A picture of the result; may be missing before ``python -m qcs_gui.gallery.thumbnails`` has made it."""
        return _folder() / f"{self.name}.png"

    @property
    def forming(self) -> Path:
        """Square pictures of the run in a row, from its beginning to its result; may be missing, as the other may."""
        return _folder() / f"{self.name}-forming.png"


def presets() -> list[Preset]:
    """All of them, in the order of the gallery. Torch-free."""
    entries = json.loads((_folder() / "gallery.json").read_text(encoding="utf-8"))
    return [
        Preset(
            e["name"],
            e["title"],
            e["line"],
            tuple(e.get("runs", [e["name"]])),
            e.get("draw", False),
            e["section"],
            e.get("fails", ""),
            e.get("view", ""),
        )
        for e in entries
    ]


def preset(name: str) -> Preset:
    """The one of that name; InputError for an unknown one."""
    known = {p.name: p for p in presets()}
    if name not in known:
        raise InputError(f"There is no preset '{name}'{suggest(name, list(known))} (known: {', '.join(known)}).")
    return known[name]


def _folder() -> Path:
    return Path(str(files("resources"))) / "presets"
