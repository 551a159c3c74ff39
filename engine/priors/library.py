"""Every prior that can be named: those that ship with the program and those the user added."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from engine.errors import InputError
from engine.settings import Choice, Family

if TYPE_CHECKING:
    from engine.priors.base import DenoiserPrior

__all__ = ["PriorChoice", "load_prior", "priors", "user_folder"]


@dataclass(frozen=True)
class PriorChoice(Choice):
    """A prior that can be chosen by name; what its card says is known before torch is imported."""

    image_shape: ClassVar[tuple[int, int, int]]
    path: ClassVar[Path]
    facts: ClassVar[dict]

    @classmethod
    def summary(cls) -> str:
        card = cls.facts["card"]
        licence = card.get("licence", "")
        return card.get("data", "") + (f". {licence}." if licence else "")

    @classmethod
    def describe(cls) -> dict:
        facts = {k: cls.facts[k] for k in ("image_shape", "sigma_min", "sigma_max", "card")}
        return super().describe() | facts

    def load(self, device: str = "cpu") -> DenoiserPrior:
        return load_prior(self.path, device)


def load_prior(path: Path, device: str = "cpu") -> DenoiserPrior:
    """The prior of a weights file on a device; the newest few are kept in memory."""
    return _load(path, path.stat().st_mtime_ns, device)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, device: str) -> DenoiserPrior:
    from engine.priors.edm import EdmDenoiser

    return EdmDenoiser.load(path).to(device)


def user_folder() -> Path:
    """Where priors that the user trained or imported are kept; the variable QCS_STUDIO_DATA moves it."""
    from platformdirs import user_data_path

    base = os.environ.get("QCS_STUDIO_DATA")
    return (Path(base) if base else user_data_path("qcs-studio", appauthor=False)) / "priors"


def priors() -> Family[PriorChoice]:
    """The priors there are now; a user's prior of the same name takes the place of a shipped one."""
    found: dict[str, type[PriorChoice]] = {}
    for folder in (Path(str(files("resources"))) / "priors", user_folder()):
        for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
            try:
                choice = _choice(path, path.stat().st_mtime_ns)
            except InputError:
                continue  # a damaged file must not take the other priors down; naming it gives "unknown prior"
            found[choice.name] = choice
    return Family("prior", list(found.values()))


@lru_cache(maxsize=256)
def _choice(path: Path, _modified: int) -> type[PriorChoice]:
    from engine.priors.header import read_header

    facts = read_header(path)
    card = facts["card"]
    body = {
        "__doc__": card.get("data", ""), "__annotations__": {}, "name": card["name"], "label": card.get("title", card["name"]),
        "image_shape": tuple(facts["image_shape"]), "path": path, "facts": facts,
    }  # fmt: skip
    return dataclass(frozen=True)(type("TrainedPrior", (PriorChoice,), body))
