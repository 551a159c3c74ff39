"""Results that earlier versions wrote: ``result.npz`` with the arrays and the recipe, ``result.json`` with all the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.foreign.arrays import read_arrays
from engine.foreign.json_text import parsed_json
from engine.runs.document import is_history, pictures_fit
from engine.runs.reconstruction import Reconstruction
from engine.runs.score import Score
from engine.runs.spec import RunSpec

__all__ = ["open_earlier"]

LARGEST_JSON = 32 << 20


def open_earlier(path: Path) -> Reconstruction:
    """The result in a folder, or beside either of its two files; the arrays must be there, ``result.json`` may be missing."""
    folder = path if path.is_dir() else path.parent
    arrays_file = path if path.suffix.lower() == ".npz" else folder / "result.npz"
    json_file = path if path.suffix.lower() == ".json" else folder / "result.json"
    if not arrays_file.is_file():
        raise InputError(f"There is no '{arrays_file.name}' in '{folder}'; a result of an earlier version needs it.")
    arrays, told = read_arrays(arrays_file), _told(json_file) if json_file.is_file() else {}
    if not pictures_fit(arrays) or not _well_formed(told) or not {"recipe"} & (arrays.keys() | told.keys()):
        raise _damaged(path)
    spec = RunSpec.from_json(str(arrays["recipe"])) if "recipe" in arrays else RunSpec.from_dict(told["recipe"])
    metrics, samples, mean = told.get("metrics", {}), arrays["samples"], arrays["mean"]
    known = {
        "recipe", "command", "status", "metrics", "samples", "network_calls", "seconds", "notes", "history", "rows", "failed",
        "score", "unseen_failure",
    }  # fmt: skip
    return Reconstruction(
        spec=spec, samples=samples, mean=mean, std=arrays.get("std"),
        own_mean=bool(len(samples) and not np.allclose(samples.mean(0), mean, atol=1e-5)) or not len(samples),
        truth=arrays.get("truth"), consistency=metrics.get("consistency"),
        consistency_truth=metrics.get("consistency_truth"), predicted_rmse=metrics.get("predicted_rmse"),
        network_calls=int(told.get("network_calls", 0)), seconds=float(told.get("seconds", 0.0)),
        status=told.get("status", "done"), history=told.get("history", {}),
        facts={k: v for k, v in told.items() if k not in known}, notes=tuple(told.get("notes", ())),
        failed=str(told.get("failed", "")), score=Score.from_dict(told.get("score")),
        unseen_failure=str(told.get("unseen_failure", "")),
    )  # fmt: skip


def _told(path: Path) -> dict[str, Any]:
    try:
        told = parsed_json(path.read_bytes()) if path.stat().st_size <= LARGEST_JSON else None
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror or error}).") from None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise _damaged(path)
    return told


def _well_formed(told: dict[str, Any]) -> bool:
    metrics, notes = told.get("metrics", {}), told.get("notes", [])
    numbers = [told.get(k, 0) for k in ("network_calls", "seconds")]
    return (
        is_history(told.get("history", {}))
        and isinstance(metrics, dict)
        and isinstance(notes, list)
        and all(isinstance(note, str) for note in notes)
        and all(isinstance(v, (int, float)) for v in numbers)
        and all(isinstance(v, (int, float, type(None))) for v in metrics.values())
        and isinstance(told.get("status", ""), str)
    )


def _damaged(path: Path) -> InputError:
    return InputError(f"'{path}' is damaged or not a result of this program; run it again.")
