"""The sample images that ship with the program, named ``sample:NAME``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from engine.errors import InputError
from engine.settings import suggest

__all__ = ["sample_names", "sample_path"]

PREFIX = "sample:"


def sample_names() -> list[str]:
    """Names without the prefix, sorted."""
    return sorted(p.stem for p in _folder().glob("*.png"))


def sample_path(image: str) -> Path | None:
    """The file of ``sample:NAME``; None where the text names no sample. InputError for an unknown one."""
    if not image.startswith(PREFIX):
        return None
    name = image[len(PREFIX) :]
    if name not in sample_names():
        raise InputError(
            f"Unknown sample image '{name}'{suggest(name, sample_names())} (known: {', '.join(sample_names())})."
        )
    return _folder() / f"{name}.png"


def _folder() -> Path:
    return Path(str(files("resources"))) / "samples"
