"""How far what turbo reaches falls short of what state evolution predicts, measured once for each prior that ships.

State evolution takes the denoiser for optimal and what it is given for the picture plus white noise. With few rows, or single
bits of a contrast that the prior knows only roughly, neither holds quite. ``qcs benchmark --what prediction --write`` measures
the difference on held-out pictures and writes the table that is read here.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

__all__ = ["TABLE", "elsewhere", "shortfall", "with_rows"]

TABLE = Path(str(files("resources"))) / "predictions.json"
WITHOUT = 8.0
"""Bits that real values stand for, between the measured numbers of bits."""


def key_of(prior: str, channels: int) -> str:
    return f"{prior} {'colour' if channels == 3 else 'grey'}"


def shortfall(prior: str, channels: int, share: float, bits: float | None) -> float:
    """Predicted minus measured PSNR in dB at rows / pixels ``share`` with so many ``bits`` for each (None for real values),
    linear in log share and in bits between what was measured; 0 for priors that were not."""
    found = _tables().get(key_of(prior, channels))
    if found is None:
        return 0.0
    shares, all_bits, apart = found
    at = float(np.clip(math.log(max(share, 1e-9)), shares[0], shares[-1]))
    column = [float(np.interp(at, shares, line)) for line in apart]
    return float(np.interp(WITHOUT if bits is None else min(bits, WITHOUT), all_bits, column))


def with_rows(rows: list[dict], prior: str, channels: int, noise: float) -> dict:
    """The content of the table with the rows of one prior put in or replaced."""
    _content.cache_clear()
    content = _content()
    kept = [{k: row[k] for k in ("share", "bits", "predicted", "measured")} for row in rows]
    key = key_of(prior, channels)
    return dict(sorted((content | {key: content.get(key, {}) | {"noise": noise, "rows": kept}}).items()))


def elsewhere(prior: str, channels: int, bits: float | None) -> tuple[float, float] | None:
    """Between which dB above what is expected nine of ten pictures of another source lie, linear in bits between what was
    measured; None for priors for which nothing was."""
    found = _content().get(key_of(prior, channels), {}).get("elsewhere")
    if not found:
        return None
    at = [WITHOUT if row["bits"] is None else float(row["bits"]) for row in found]
    low, high = (
        float(np.interp(WITHOUT if bits is None else min(bits, WITHOUT), at, [r[end] for r in found]))
        for end in ("low", "high")
    )
    return low, high


@lru_cache(maxsize=1)
def _content() -> dict[str, dict]:
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """By prior: log shares and bits, both increasing, and predicted minus measured, (bits, shares)."""
    tables = {}
    for name, entry in _content().items():
        cells = {
            (WITHOUT if row["bits"] is None else float(row["bits"]), row["share"]): row["predicted"] - row["measured"]
            for row in entry["rows"]
        }
        all_bits, shares = (sorted({key[i] for key in cells}) for i in (0, 1))
        apart = np.array([[cells[b, s] for s in shares] for b in all_bits])
        tables[name] = (np.log(shares), np.array(all_bits), apart)
    return tables
