"""Weights files by kind: which class reads each. A new kind of network is one new file and one line here."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.priors.header import read_header

if TYPE_CHECKING:
    from engine.priors.base import Prior

__all__ = ["KINDS", "load_prior", "read_prior"]

KINDS = {
    "edm": "engine.priors.networks.edm:EdmDenoiser",
    "ncsnv2": "engine.priors.networks.score_network:ScorePrior",
    "guided-diffusion": "engine.priors.networks.guided_prior:GuidedPrior",
    "diffusers": "engine.priors.networks.diffusers_prior:DiffusersPrior",
    "generator": "engine.priors.generators.network_prior:NetworkGenerator",
}
"""Kind named in a file's header to the class whose ``load(path)`` reads it."""


def read_prior(path: Path) -> Prior:
    """The prior of a weights file, on the CPU; raises InputError where the file is not one."""
    kind = read_header(path).get("kind", "edm")
    if kind not in KINDS:
        raise InputError(f"'{path}' holds a network of the unknown kind '{kind}'; a newer program made it.")
    module, name = KINDS[kind].split(":")
    return getattr(import_module(module), name).load(path)


def load_prior(path: Path, device: str = "cpu") -> Prior:
    """The prior of a weights file on a device; the newest few are kept in memory."""
    return _load(path, path.stat().st_mtime_ns, device)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, device: str) -> Prior:
    return read_prior(path).to(device)
