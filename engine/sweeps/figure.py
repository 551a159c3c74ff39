"""The curves of a sweep as a picture fit for a paper: SVG, PDF and PNG, drawn by matplotlib (the extra ``figures``)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import write_atomically
from engine.sweeps.definition import Sweep
from engine.sweeps.records import Record
from engine.sweeps.table import Curve, curves, values_along

__all__ = ["SUFFIXES", "draw", "label_of"]

SUFFIXES = (".svg", ".pdf", ".png")
WIDTH, HEIGHT, DOTS = 3.4, 2.7, 200
"""Inches of one panel (a column of a paper is about that wide), and dots an inch of the PNG."""
SYMBOL, CHARACTER, TITLE = 0.6, 0.065, 0.075
"""Inches that the line of an entry of the legend, a letter of it, and one of the title take."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31", "#7f7f7f", "#6a3d9a")
"""Okabe and Ito's, which colour-blind readers can tell apart, and three more."""
MARKERS = "osD^vPX*<>"
LABELS = {
    "psnr_mean": "PSNR (dB)", "psnr_sample": "PSNR of a sample (dB)", "psnr_matched_mean": "PSNR, norm matched (dB)",
    "ssim_mean": "SSIM", "ssim_sample": "SSIM of a sample", "cosine_mean": "cosine similarity",
    "cosine_sample": "cosine similarity of a sample", "rmse_mean": "RMSE", "seconds": "seconds", "consistency": "consistency",
    "network_calls": "network calls", "coverage_90": "coverage of 90 % intervals", "psnr_predicted": "predicted PSNR (dB)",
    "psnr_expected": "expected PSNR (dB)",
    "psnr_trivial": "PSNR without a method (dB)", "operator.measurements": "measurements M",
    "quantizer.bits": "bits", "noise": "noise sigma", "operator.condition": "condition number",
    "mse_mean": "mean squared error",
}  # fmt: skip


def label_of(column: str) -> str:
    """What an axis of a figure says of a column."""
    return LABELS.get(column, column.rpartition(".")[2].replace("_", " "))


def draw(folder: Path | str, sweep: Sweep, records: Iterable[Record], suffixes: Iterable[str] = SUFFIXES) -> list[Path]:
    """Writes ``figure.svg``, ``figure.pdf`` and ``figure.png``: a panel for each y (a row of panels where the sweep has
    them), a line for each value of the axis ``lines``, and error bars. InputError where matplotlib is not installed, or
    where the sweep does not say what is drawn."""
    if sweep.figure is None:
        raise InputError("The sweep does not say what is drawn: add a table [figure] with x and y to its file.")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("Figures need matplotlib: pip install 'qcs-studio[figures]'.") from None
    records = list(records)
    found = curves(sweep, records)
    across = values_along(sweep, sweep.figure.panels, records)
    rows, columns = (1, len(sweep.figure.y)) if across == [None] else (len(sweep.figure.y), len(across))
    style: dict[str, Any] = {
        "font.size": 8, "axes.linewidth": 0.6, "svg.hashsalt": "qcs", "svg.fonttype": "none", "pdf.fonttype": 42,
        "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with matplotlib.rc_context(style):
        picture = Figure(figsize=(WIDTH * columns, HEIGHT * rows + 0.4), layout="constrained")
        axes = picture.subplots(rows, columns, squeeze=False)
        for number, y in enumerate(sweep.figure.y):
            for place, value in enumerate(across):
                panel = axes[0][number] if across == [None] else axes[number][place]
                _panel(panel, sweep, [c for c in found if c.y == y and c.panel == value], records)
                panel.set_ylabel(label_of(y))
                if value is not None:
                    panel.set_title(f"{label_of(sweep.figure.panels)} {value}", fontsize=8)
        handles: dict[str, Any] = {}
        for panel in axes.flat:
            handles |= {label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
        if sweep.figure.lines and handles:
            widest = SYMBOL + CHARACTER * max(len(label) for label in handles)
            columns_of_legend = max(1, min(len(handles), int(WIDTH * columns / widest)))
            picture.legend(
                handles.values(), handles, loc="outside lower center", ncols=columns_of_legend, frameon=False
            )
        if sweep.title:
            picture.suptitle("\n".join(textwrap.wrap(sweep.title, int(WIDTH * columns / TITLE))), fontsize=9)
        plain = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        return [
            write_atomically(
                Path(folder) / f"figure{suffix}",
                lambda path, suffix=suffix: picture.savefig(path, dpi=DOTS, metadata=plain.get(suffix)),  # type: ignore[misc]
            )
            for suffix in suffixes
        ]


def _panel(panel: Any, sweep: Sweep, found: list[Curve], records: list[Record]) -> None:
    figure = sweep.figure
    assert figure is not None
    labels = values_along(sweep, figure.x, records)
    numbers = all(isinstance(label, (int, float)) for label in labels)
    lines = values_along(sweep, figure.lines, records)
    for curve in found:
        place = lines.index(curve.line)
        x = curve.x if numbers else [labels.index(value) for value in curve.x]
        panel.errorbar(
            x, curve.mean, yerr=curve.error if figure.errors != "none" else None,
            label=None if curve.line is None else str(curve.line), color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)], markersize=3.5, linewidth=1.1, capsize=2, elinewidth=0.7,
        )  # fmt: skip
    if not numbers:
        panel.set_xticks(range(len(labels)), [str(label) for label in labels])
    elif figure.log_x:
        panel.set_xscale("log")
    if figure.log_y:
        panel.set_yscale("log")
    panel.set_xlabel(figure.x_label or label_of(figure.x))
    panel.grid(alpha=0.25, linewidth=0.5)
