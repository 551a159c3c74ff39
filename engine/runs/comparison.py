"""Several runs side by side: only the settings that differ, and the best value of each metric. Window, table, figure and report
are made of the same headings, the same order and the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.files import write_atomically
from engine.runs.measured import Measured
from engine.runs.wording import MAJOR, Naming

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["Comparison", "Table", "compare", "difference", "truths_among"]

METRICS: dict[str, tuple[str, str, int]] = {
    "psnr_mean": ("PSNR (dB)", "{:.2f}", 1), "ssim_mean": ("SSIM", "{:.3f}", 1), "cosine_mean": ("Cosine", "{:.4f}", 1),
    "consistency": ("Consistency", "{:.1%}", 0), "coverage_90": ("In 90 % interval", "{:.1%}", 0),
    "seconds": ("Seconds", "{:.1f}", -1), "network_calls": ("Network calls", "{:.0f}", -1),
}  # fmt: skip
"""Label, form, and whether more (1) or less (-1) is better; 0 where neither is."""


FEW = 4
"""So many runs stand side by side as columns, as their pictures do; more are easier to read one below the other."""


@dataclass(frozen=True)
class Table:
    """The comparison as it is laid out: the ``head`` of the columns, ``lines`` of a heading and its cells, and the ``best`` cells
    as (line, column)."""

    head: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    best: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Comparison:
    """One ``column`` per run, headed by what tells it from the others; ``rows`` of a label and its cells, and ``best`` cells as
    (row, column)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    best: frozenset[tuple[int, int]]
    measurements: int = 1
    """How many different measurements the runs are of."""
    varied: tuple[str, ...] = ()
    """What of the measurement the headings tell apart, in words: what was compared on purpose."""

    def table(self) -> Table:
        """As it is shown, exported and printed."""
        if len(self.columns) <= FEW:
            return Table(self.columns, self.rows, self.best)
        lines = tuple((name, tuple(cells[i] for _, cells in self.rows)) for i, name in enumerate(self.columns))
        return Table(tuple(label for label, _ in self.rows), lines, frozenset((j, i) for i, j in self.best))

    @property
    def doubtful(self) -> bool:
        """Whether the runs saw different data although no heading says so."""
        return self.measurements > 1 and not self.varied

    @property
    def sentence(self) -> str:
        """Whether the runs saw the same data, in words."""
        if len(self.columns) < 2:
            return ""
        if self.measurements == 1:
            return f"One measurement, {len(self.columns)} reconstructions."
        if self.varied:
            return f"{self.measurements} measurements, which differ in {' and '.join(self.varied)}."
        return f"These runs saw {self.measurements} different measurements, so what differs is not the reconstruction alone."

    def as_csv(self) -> str:
        import csv
        import io

        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        table = self.table()
        writer.writerow(["", *table.head])
        writer.writerows([label, *cells] for label, cells in table.lines)
        return out.getvalue()

    def write_csv(self, path: Path | str) -> Path:
        """Writes the table; raises InputError where the file system refuses."""
        return write_atomically(path, lambda p: p.write_text(self.as_csv(), encoding="utf-8"))


def compare(results: Sequence[Reconstruction], naming: Naming | None = None) -> Comparison:
    """The table of the runs: metrics that any of them has, then the settings that all have and that differ. ``naming`` of their
    set-ups where it is at hand."""
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
    naming = naming or Naming([r.spec for r in results])
    rows += _settings(naming)
    measured = [k for k in naming.keys if k in MAJOR and k.split(".")[0] in Measured.settings()]
    varied = tuple(next(f[k].label for f in naming.facts if k in f).lower() for k in measured)
    return Comparison(naming.headings, tuple(rows), frozenset(best), len({_data_of(r) for r in results}), varied)


def _data_of(result: Reconstruction) -> tuple:
    """What tells one measurement from another: how it was made and of what, or the data themselves."""
    measured, truth = result.spec.measured, result.truth
    if measured.is_settled and not measured.measurement:
        return (measured, None if truth is None else truth.tobytes())
    return tuple((key, np.asarray(value).tobytes()) for key, value in sorted(result.measured.items())) or (id(result),)


def difference(one: Reconstruction, other: Reconstruction) -> np.ndarray | None:
    """``one``'s mean less ``other``'s, (c, h, w); None where they are of different shapes."""
    return None if one.mean.shape != other.mean.shape else one.mean - other.mean


def _settings(naming: Naming) -> list[tuple[str, tuple[str, ...]]]:
    """A row for every setting that differs; those of a choice are taken apart, so that one changed number shows alone."""
    keys = [k for k in naming.differing() if k != "quantizer.bits"]  # which the quantizer's name says
    labels = [naming.facts[0][k].label for k in keys]
    rows = []
    for key, label in zip(keys, labels, strict=True):
        told = label if labels.count(label) == 1 or "." not in key else f"{label} ({key.split('.')[0]})"
        rows.append((told, tuple(f[key].cell for f in naming.facts)))
    return rows


def truths_among(results: Sequence[Reconstruction]) -> list[tuple[np.ndarray | None, list[int]]]:
    """The runs by the picture that was measured, each once and before its runs: (truth, numbers of its runs)."""
    found: list[tuple[np.ndarray | None, list[int]]] = []
    for number, result in enumerate(results):
        for truth, numbers in found:
            if (truth is None) == (result.truth is None) and (
                truth is None or result.truth is None or np.array_equal(truth, result.truth)
            ):
                numbers.append(number)
                break
        else:
            found.append((result.truth, [number]))
    return found
