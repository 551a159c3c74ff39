"""Several runs side by side: only the settings that differ, and the best value of each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.files import write_atomically

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["Comparison", "compare", "difference"]

METRICS: dict[str, tuple[str, str, int]] = {
    "psnr_mean": ("PSNR (dB)", "{:.2f}", 1), "ssim_mean": ("SSIM", "{:.3f}", 1), "cosine_mean": ("Cosine", "{:.4f}", 1),
    "consistency": ("Consistency", "{:.1%}", 0), "coverage_90": ("In 90 % interval", "{:.1%}", 0),
    "seconds": ("Seconds", "{:.1f}", -1), "network_calls": ("Network calls", "{:.0f}", -1),
}  # fmt: skip
"""Label, form, and whether more (1) or less (-1) is better; 0 where neither is."""


@dataclass(frozen=True)
class Comparison:
    """A table: one ``column`` per run, ``rows`` of a label and its cells, and ``best`` cells as (row, column)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    best: frozenset[tuple[int, int]]
    measurements: int = 1
    """How many different measurements the runs are of."""

    @property
    def sentence(self) -> str:
        """Whether the runs saw the same data, in words."""
        if len(self.columns) < 2:
            return ""
        if self.measurements == 1:
            return f"One measurement, {len(self.columns)} reconstructions."
        return f"These runs saw {self.measurements} different measurements, so what differs is not the reconstruction alone."

    def as_csv(self) -> str:
        import csv
        import io

        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["", *self.columns])
        writer.writerows([label, *cells] for label, cells in self.rows)
        return out.getvalue()

    def write_csv(self, path: Path | str) -> Path:
        """Writes the table; raises InputError where the file system refuses."""
        return write_atomically(path, lambda p: p.write_text(self.as_csv(), encoding="utf-8"))


def compare(results: Sequence[Reconstruction]) -> Comparison:
    """The table of the runs: metrics that any of them has, then the settings that all have and that differ."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    best: set[tuple[int, int]] = set()
    told = [r.metrics() | {"seconds": r.seconds, "network_calls": r.network_calls} for r in results]
    for key, (label, form, better) in METRICS.items():
        values = [t.get(key) for t in told]
        if all(v is None for v in values):
            continue
        cells = tuple("" if v is None else form.format(v) for v in values)
        if better and len(set(cells)) > 1:
            known = [v for v in values if v is not None]
            wins = max(known) if better > 0 else min(known)
            best |= {(len(rows), i) for i, v in enumerate(values) if v is not None and v == wins}
        rows.append((label, cells))
    recipes = [_settings(r) for r in results]
    for key in recipes[0] if recipes else ():
        if all(key in recipe for recipe in recipes):  # a setting that one run does not have does not differ
            cells = tuple(recipe[key] for recipe in recipes)
            if len(set(cells)) > 1:
                rows.append((key, cells))
    names = tuple(_name(r, results) for r in results)
    return Comparison(names, tuple(rows), frozenset(best), len({_data_of(r) for r in results}))


def _data_of(result: Reconstruction) -> tuple:
    """What tells one measurement from another: how it was made and of what, or the data themselves."""
    measured, truth = result.spec.measured, result.truth
    if measured.is_settled and not measured.measurement:
        return (measured, None if truth is None else truth.tobytes())
    return tuple((key, np.asarray(value).tobytes()) for key, value in sorted(result.measured.items())) or (id(result),)


def difference(one: Reconstruction, other: Reconstruction) -> np.ndarray | None:
    """``one``'s mean less ``other``'s, (c, h, w); None where they are of different shapes."""
    return None if one.mean.shape != other.mean.shape else one.mean - other.mean


def _settings(result: Reconstruction) -> dict[str, str]:
    """Every setting of the run by a readable name; choices are taken apart, so that one changed number shows alone."""
    found: dict[str, str] = {}
    for key, value in result.spec.as_dict().items():
        choice = getattr(result.spec, key)
        found[key] = choice.name if hasattr(choice, "settings") else str(value)
        if hasattr(choice, "settings"):
            values = {s.label: getattr(choice, name) for name, s in choice.settings().items()}
            found |= {f"{key}: {label}": "auto" if value is None else str(value) for label, value in values.items()}
    return found


def _name(result: Reconstruction, among: Sequence[Reconstruction]) -> str:
    """The algorithm where it tells the runs apart, else what does."""
    for choice in ("algorithm", "quantizer", "operator", "prior"):
        names = [str(getattr(r.spec, choice)) for r in among]
        if len(set(names)) == len(names):
            label = getattr(result.spec, choice).label
            labels = [getattr(r.spec, choice).label for r in among]
            return label if len(set(labels)) == len(labels) else str(getattr(result.spec, choice))
    return f"{result.spec.algorithm.label} {[r is result for r in among].index(True) + 1}"
