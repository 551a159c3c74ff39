"""The results of a sweep as one table: a row for each cell, a column for each axis, setting and metric; as CSV, and as Parquet
where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.files import write_atomically
from engine.sweeps.definition import Sweep
from engine.sweeps.parts import IMAGE, Figure
from engine.sweeps.records import Record

__all__ = ["Curve", "curves", "rows_of", "values_along", "write_tables"]

SETTINGS = ("operator", "quantizer", "noise", "offset", "prior", "algorithm", "samples", "seed", "size")
"""Keys of a run that are columns of the table, as they were settled, beside the axes."""
LAST = ("network_calls", "seconds", "failed", "error")
TABLE, PARQUET, CURVES = "table.csv", "table.parquet", "curves.csv"


def rows_of(sweep: Sweep, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows with the same columns each, in one order: axes, image, settings, metrics and scores (those that the sweep names,
    where it names any), costs, and why a cell has failed or has no result."""
    records = list(records)
    axes = [axis.name for axis in sweep.axes]
    settings = [key for key in SETTINGS if key not in axes]
    measured = list(dict.fromkeys(key for record in records for key in record.values if key not in LAST))
    metrics = [key for key in measured if not sweep.metrics or key in sweep.metrics]
    return [
        {key: record.labels.get(key) for key in axes}
        | {"image": record.image, "index": record.index}
        | {key: record.recipe.get(key) for key in settings}
        | {key: record.values.get(key) for key in metrics}
        | {"network_calls": record.values.get("network_calls"), "seconds": record.values.get("seconds")}
        | {"failed": record.failed, "error": record.error}
        for record in records
    ]


def write_tables(folder: Path | str, sweep: Sweep, records: Iterable[Record]) -> list[Path]:
    """Writes ``table.csv``, ``table.parquet`` where that can be written, and ``curves.csv`` of what the sweep draws."""
    folder, records = Path(folder), list(records)
    rows = rows_of(sweep, records)
    written = [_write_csv(folder / TABLE, rows)]
    if rows and (parquet := _parquet(rows)) is not None:
        written.append(write_atomically(folder / PARQUET, lambda path: path.write_bytes(parquet)))
    if sweep.figure is not None:
        found = [row for curve in curves(sweep, records) for row in curve.rows(sweep.figure)]
        written.append(_write_csv(folder / CURVES, found))
    return written


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["image"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    content = text.getvalue()
    return write_atomically(path, lambda temporary: temporary.write_text(content, encoding="utf-8"))


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes | None:
    """None where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return None
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    for key, values in columns.items():  # an axis may hold words and numbers
        if len({type(value) for value in values if value is not None} - {int, float}) and not all(
            value is None or isinstance(value, str) for value in values
        ):
            columns[key] = [None if value is None else str(value) for value in values]
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class Curve:
    """One line of a figure: the ``mean`` of the column ``y`` over pictures at each value ``x`` of an axis, with ``error``
    bars, for ``count`` pictures each; ``line`` and ``panel`` are the values of the axes that tell lines and panels apart
    (None without)."""

    y: str
    line: Any
    panel: Any
    x: list[Any]
    mean: list[float]
    error: list[float]
    count: list[int]

    def rows(self, figure: Figure) -> list[dict[str, Any]]:
        """As a table."""
        told = {name: value for name, value in ((figure.panels, self.panel), (figure.lines, self.line)) if name}
        return [
            {"y": self.y, **told, figure.x: x, "mean": mean, "error": error, "count": count}
            for x, mean, error, count in zip(self.x, self.mean, self.error, self.count, strict=True)
        ]


def curves(sweep: Sweep, records: Iterable[Record]) -> list[Curve]:
    """The curves of the sweep's figure; cells without a result are left out."""
    figure, records = sweep.figure, list(records)
    if figure is None:
        return []
    found = []
    for y in figure.y:
        for panel in values_along(sweep, figure.panels, records):
            for line in values_along(sweep, figure.lines, records):
                chosen = [r for r in records if _along(r, figure.panels) == panel and _along(r, figure.lines) == line]
                points: dict[Any, list[float]] = {x: [] for x in values_along(sweep, figure.x, records)}
                for record in chosen:
                    value = record.values.get(y)
                    if isinstance(value, (int, float)):
                        points[_along(record, figure.x)].append(float(value))
                values = {x: np.array(v) for x, v in points.items() if v}
                if values:
                    means = [float(v.mean()) for v in values.values()]
                    errors = [_error(v, figure.errors) for v in values.values()]
                    found.append(Curve(y, line, panel, [*values], means, errors, [len(v) for v in values.values()]))
    return found


def values_along(sweep: Sweep, name: str, records: Sequence[Record]) -> list[Any]:
    """The values of an axis in their order, or the names of the pictures; None alone where no axis is named."""
    if name == IMAGE:
        return list(dict.fromkeys(record.image for record in records))
    return next((list(axis.labels) for axis in sweep.axes if axis.name == name), [None])


def _along(record: Record, name: str) -> Any:
    return record.image if name == IMAGE else record.labels.get(name)


def _error(values: np.ndarray, errors: str) -> float:
    if errors == "none" or len(values) < 2:
        return 0.0
    deviation = float(values.std(ddof=1))
    return deviation / len(values) ** 0.5 if errors == "standard-error" else deviation
