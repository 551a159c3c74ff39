"""The results of a sweep as one table: a row for each cell, a column for each axis, setting and metric; as CSV, and as Parquet
where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.files import write_atomically
from engine.sweeps.definition import Sweep
from engine.sweeps.records import Record

__all__ = ["Curve", "curves", "rows_of", "write_tables"]

SETTINGS = ("operator", "quantizer", "noise", "offset", "prior", "algorithm", "samples", "seed", "size")
"""Keys of a run that are columns of the table, as they were settled, beside the axes."""
LAST = ("network_calls", "seconds", "failed", "error")
TABLE, PARQUET, CURVES = "table.csv", "table.parquet", "curves.csv"


def rows_of(sweep: Sweep, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows with the same columns each, in one order: axes, image, settings, metrics and scores (those that the sweep names, where
    it names any), costs, and why a cell has failed or has no result."""
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
        written.append(_write_csv(folder / CURVES, [row for curve in curves(sweep, records) for row in curve.rows()]))
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


class Curve:
    """One line of a figure: ``mean`` of the column ``y`` over pictures at each value ``x`` of an axis, with ``error`` bars;
    ``count`` pictures each. Everything else that varies is averaged over."""

    def __init__(
        self, y: str, x_name: str, line_name: str, line: Any, points: dict[Any, list[float]], errors: str
    ) -> None:
        self.y, self.x_name, self.line_name, self.line = y, x_name, line_name, line
        self.x = list(points)
        values = [np.array(points[x], float) for x in self.x]
        self.count = [len(v) for v in values]
        self.mean = [float(v.mean()) if len(v) else float("nan") for v in values]
        self.error = [_error(v, errors) for v in values]

    def rows(self) -> list[dict[str, Any]]:
        """As a table."""
        lines = {self.line_name: self.line} if self.line_name else {}
        return [
            {"y": self.y, **lines, self.x_name: x, "mean": mean, "error": error, "count": count}
            for x, mean, error, count in zip(self.x, self.mean, self.error, self.count, strict=True)
        ]


def _error(values: np.ndarray, errors: str) -> float:
    if errors == "none" or len(values) < 2:
        return 0.0
    deviation = float(values.std(ddof=1))
    return deviation / len(values) ** 0.5 if errors == "standard-error" else deviation


def curves(sweep: Sweep, records: Iterable[Record]) -> list[Curve]:
    """The curves of the sweep's figure; cells without a result are left out."""
    figure, records = sweep.figure, list(records)
    if figure is None:
        return []
    by_name = {axis.name: axis for axis in sweep.axes}
    lines: Sequence[Any] = by_name[figure.lines].labels if figure.lines else [None]
    found = []
    for y in figure.y:
        for line in lines:
            points: dict[Any, list[float]] = {x: [] for x in by_name[figure.x].labels}
            for record in records:
                value = record.values.get(y)
                if (line is None or record.labels[figure.lines] == line) and isinstance(value, (int, float)):
                    points[record.labels[figure.x]].append(float(value))
            points = {x: values for x, values in points.items() if values}
            if points:
                found.append(Curve(y, figure.x, figure.lines, line, points, figure.errors))
    return found
