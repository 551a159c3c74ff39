"""The gallery: run files that ship with the program, each with a title, a line and a thumbnail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from engine.errors import InputError
from engine.runs.spec import RunSpec
from engine.settings import suggest

__all__ = ["Preset", "preset", "presets"]


@dataclass(frozen=True)
class Preset:
    """One entry: its run files in the order in which they are compared (mostly one), and whether one draws its picture."""

    name: str
    title: str
    line: str
    runs: tuple[str, ...]
    draw: bool = False

    def specs(self) -> list[RunSpec]:
        """What is run; several are compared on the same picture."""
        return [RunSpec.from_json((_folder() / f"{run}.json").read_text(encoding="utf-8")) for run in self.runs]

    @property
    def thumbnail(self) -> Path:
        """A picture of the result; may be missing before ``python -m qcs_gui.gallery.thumbnails`` has made it."""
        return _folder() / f"{self.name}.png"


def presets() -> list[Preset]:
    """All of them, in the order of the gallery. Torch-free."""
    entries = json.loads((_folder() / "gallery.json").read_text(encoding="utf-8"))
    return [
        Preset(e["name"], e["title"], e["line"], tuple(e.get("runs", [e["name"]])), e.get("draw", False))
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
