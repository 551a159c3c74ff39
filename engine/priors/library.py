"""Every prior that can be named: the exact ones, those that ship as files, and those the user added."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.priors.choice import DenoiserFile, FilePrior, PriorChoice
from engine.priors.exact.choices import EXACT
from engine.priors.header import read_header
from engine.priors.low_rank import LOW_RANK
from engine.priors.sparsity import SPARSITY
from engine.settings import Family

__all__ = ["PriorChoice", "also_from", "priors", "user_folder"]

_more: list[Path] = []
"""Folders with priors that only this process knows (:func:`also_from`)."""


def user_folder() -> Path:
    """Where priors that the user trained or imported are kept; the variable QCS_STUDIO_DATA moves it."""
    from platformdirs import user_data_path

    base = os.environ.get("QCS_STUDIO_DATA")
    return (Path(base) if base else user_data_path("qcs-studio", appauthor=False)) / "priors"


def priors() -> Family[PriorChoice]:
    """The priors there are now; a user's prior of the same name takes the place of a shipped one."""
    found: dict[str, type[PriorChoice]] = {}
    for folder in (Path(str(files("resources"))) / "priors", user_folder(), *_more):
        paths = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
        found |= _of_files(tuple((p, p.stat().st_mtime_ns) for p in paths))
    return Family("prior", [*found.values(), *(c for c in [*EXACT, *SPARSITY, *LOW_RANK] if c.name not in found)])


def also_from(folder: Path) -> None:
    """Knows the priors of one more folder until this process ends; they take the place of others of the same names."""
    if folder not in _more:
        _more.append(folder)


@lru_cache(maxsize=64)
def _of_files(paths: tuple[tuple[Path, int], ...]) -> dict[str, type[PriorChoice]]:
    """Files of the same name with different numbers of channels are one prior."""
    variants: dict[str, dict[int, tuple[Path, dict[str, Any]]]] = {}
    for path, _ in paths:
        try:
            facts = read_header(path)
            variants.setdefault(facts["card"]["name"], {})[int(facts["image_shape"][0])] = (path, facts)
        except (InputError, KeyError, TypeError, ValueError, IndexError):
            continue  # a damaged file must not take the other priors down; naming it gives "unknown prior"
    return {name: _choice(name, of) for name, of in variants.items()}


def _label(name: str, variants: dict[int, tuple[Path, dict[str, Any]]]) -> str:
    """The title of its card; of several, for grey and for colour, what they begin with."""
    titles = [facts["card"].get("title") or name for _, facts in variants.values()]
    shared = "".join(
        letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*titles, strict=False))
    )
    return shared.rstrip(" ,(:-") or titles[0]


def _choice(name: str, variants: dict[int, tuple[Path, dict[str, Any]]]) -> type[PriorChoice]:
    facts = variants[min(variants)][1]
    base, kind = (FilePrior, "generator") if facts.get("kind") == "generator" else (DenoiserFile, "denoiser")
    body = {
        "__doc__": facts["card"].get("data", ""), "__annotations__": {}, "name": name, "variants": variants,
        "label": _label(name, variants), "kind": kind,
        "any_size": all(f.get("any_size", False) for _, f in variants.values()),
    }  # fmt: skip
    return dataclass(frozen=True)(type("TrainedPrior", (base,), body))
