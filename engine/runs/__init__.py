"""One run, from its recipe to its document. The names below are imported when they are first used, so that a form that
needs the recipe alone does not wait for torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runs.document import open_run, save_run
    from engine.runs.job import Job, load_truth, measure, prepare, reconstruct
    from engine.runs.reconstruction import Reconstruction
    from engine.runs.spec import RunSpec

__all__ = [
    "Job",
    "Reconstruction",
    "RunSpec",
    "load_truth",
    "measure",
    "open_run",
    "prepare",
    "reconstruct",
    "save_run",
]

_HOMES = {"RunSpec": "spec", "Reconstruction": "reconstruction", "open_run": "document", "save_run": "document"}


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'engine.runs' has no attribute '{name}'")
    return getattr(import_module(f"engine.runs.{_HOMES.get(name, 'job')}"), name)
