"""Results that earlier versions wrote: ``result.npz`` with the arrays and the recipe, ``result.json`` with all the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.foreign.arrays import read_arrays
from engine.foreign.json_text import parsed_json
from engine.runs.reconstruction import Reconstruction
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
    arrays = read_arrays(arrays_file)
    try:
        told = _told(json_file) if json_file.is_file() else {}
        spec = RunSpec.from_json(str(arrays["recipe"])) if "recipe" in arrays else RunSpec.from_dict(told["recipe"])
        metrics, samples, mean = told.get("metrics", {}), _pictures(arrays["samples"], 4), _pictures(arrays["mean"], 3)
        known = {"recipe", "command", "status", "metrics", "samples", "network_calls", "seconds", "notes", "history"}
        return Reconstruction(
            spec=spec, samples=samples, mean=mean, std=arrays.get("std"),
            own_mean=bool(len(samples) and not np.allclose(samples.mean(0), mean, atol=1e-5)) or not len(samples),
            truth=arrays.get("truth"), consistency=metrics.get("consistency"),
            consistency_truth=metrics.get("consistency_truth"), predicted_rmse=metrics.get("predicted_rmse"),
            network_calls=int(told.get("network_calls", 0)), seconds=float(told.get("seconds", 0.0)),
            status=str(told.get("status", "done")), history=dict(told.get("history", {})),
            facts={k: v for k, v in told.items() if k not in known}, notes=tuple(told.get("notes", ())),
        )  # fmt: skip
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OSError):
        raise InputError(f"'{path}' is damaged or not a result of this program; run it again.") from None


def _told(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_JSON:
        raise ValueError
    told = parsed_json(path.read_bytes())
    if not isinstance(told, dict):
        raise ValueError
    return told


def _pictures(array: np.ndarray, dimensions: int) -> np.ndarray:
    if array.ndim != dimensions or array.dtype.kind != "f":
        raise ValueError
    return array
