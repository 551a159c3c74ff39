"""What ships with the program to be tried, named ``sample:NAME``: pictures, and files that instruments wrote."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from engine.errors import InputError
from engine.settings import suggest

__all__ = ["MEASUREMENT", "PICTURE", "name_without", "sample_names", "sample_path"]

PREFIX = "sample:"
PICTURE, MEASUREMENT = ".png", ".npz"
_WORDS = {PICTURE: "image", MEASUREMENT: "measurement"}


def sample_names(kind: str = PICTURE) -> list[str]:
    """Names without the prefix of one kind, sorted."""
    return sorted(p.stem for p in _folder().glob(f"*{kind}"))


def sample_path(named: str, kind: str = PICTURE) -> Path | None:
    """The file of ``sample:NAME``; None where the text names no sample. InputError for an unknown one, or one of the other
    kind."""
    if not named.startswith(PREFIX):
        return None
    name, known = name_without(named), sample_names(kind)
    if name in known:
        return _folder() / f"{name}{kind}"
    other = MEASUREMENT if kind == PICTURE else PICTURE
    if name in sample_names(other):
        raise InputError(f"The sample '{name}' is no {_WORDS[kind]}; give it as --{_WORDS[other]}.")
    raise InputError(f"Unknown sample {_WORDS[kind]} '{name}'{suggest(name, known)} (known: {', '.join(known)}).")


def name_without(named: str) -> str:
    """The same without what says that it is a sample."""
    return named.removeprefix(PREFIX)


def _folder() -> Path:
    return Path(str(files("resources"))) / "samples"
