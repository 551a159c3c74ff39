"""One self-contained HTML file about a run, or about several side by side: pictures, tables, curves, recipes."""

from __future__ import annotations

import base64
import html
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.files import write_atomically
from engine.runs.comparison import Comparison, compare, truths_among
from engine.runs.reconstruction import STD_FULL_SCALE, tile
from engine.runs.uncertainty import calibration_of

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["report", "write_report"]

MOST_SAMPLES = 24
COLOURS = {"psnr_mean": "#2368b0", "sigma": "#f0a13a", "consistency": "#3a9d5d", "predicted_rmse": "#b0488c"}
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#1c1e21;background:#fff}"
    "figure{display:inline-block;margin:0 1em 1em 0;text-align:center}img{image-rendering:pixelated;border:1px solid #ccc}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.25em .7em;text-align:left}"
    "td.best{font-weight:700;background:#e3f3e7}pre{background:#f4f5f7;padding:.7em;overflow-x:auto;white-space:pre-wrap}"
    ".wide{overflow-x:auto}figcaption{max-width:18em;margin:auto}.failed{color:#b3261e;font-weight:600}"
)


def write_report(path: Path | str, results: Sequence[Reconstruction]) -> Path:
    """Writes :func:`report`; raises InputError where the file system refuses."""
    return write_atomically(path, lambda p: p.write_text(report(results), encoding="utf-8"))


def report(results: Sequence[Reconstruction]) -> str:
    """The page; it names nothing outside of itself."""
    title = "Comparison of runs" if len(results) > 1 else f"{results[0].spec.algorithm.label}: a reconstruction"
    parts = [f"<h1>{_text(title)}</h1><p>Made by QCS Studio on {time.strftime('%Y-%m-%d %H:%M')}.</p>"]
    found = compare(results)
    if len(results) > 1:
        parts.append(_comparison(results, found))
    for number, (result, name) in enumerate(zip(results, found.columns, strict=True), start=1):
        parts.append(_run(result, f"{number}. {name}" if len(results) > 1 else result.spec.algorithm.label))
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _comparison(results: Sequence[Reconstruction], found: Comparison) -> str:
    table = found.table()
    head = "".join(f"<th>{_text(name)}</th>" for name in ("", *table.head))
    rows = []
    for i, (label, cells) in enumerate(table.lines):
        written = "".join(
            f"<td{' class=best' if (i, j) in table.best else ''}>{_text(cell)}</td>" for j, cell in enumerate(cells)
        )
        rows.append(f"<tr><th>{_text(label)}</th>{written}</tr>")
    pictures = []
    for truth, numbers in truths_among(results):
        pictures += [] if truth is None else [_picture(truth, "Truth")]
        pictures += [_picture(results[n].mean, found.columns[n]) for n in numbers]
    scrolled = f"<div class=wide><table><tr>{head}</tr>{''.join(rows)}</table></div>"
    return f"<p>{_text(found.sentence)}</p>{''.join(pictures)}{scrolled}"


def _run(result: Reconstruction, title: str) -> str:
    parts = [f"<h2>{_text(title)}</h2>"]
    if result.failed:
        parts.append(f"<p class=failed>Failed: {_text(result.failed)}</p>")
    if result.truth is not None:
        parts.append(_picture(result.truth, "Truth"))
    parts.append(_picture(result.mean, "Posterior mean" if result.std is not None else "Estimate"))
    if result.std is not None:
        parts.append(_picture(result.std / STD_FULL_SCALE, f"Posterior std, white = {STD_FULL_SCALE}"))
    if len(result.samples) > 1:
        parts.append("<br>" + _picture(tile(result.samples[:MOST_SAMPLES]), f"{len(result.samples)} samples"))
    metrics = {k: v for k, v in result.metrics().items() if v is not None}
    metrics |= {"seconds": result.seconds, "network_calls": result.network_calls}
    rows = "".join(f"<tr><th>{_text(k)}</th><td>{v:.4g}</td></tr>" for k, v in metrics.items())
    parts.append(f"<table>{rows}</table>")
    found = calibration_of(result.posterior_samples, result.mean, result.truth)
    if found:
        parts.append(f"<p>{_text(found.sentence)}</p>")
    parts += [f"<p>{_text(note)}</p>" for note in result.notes]
    parts.append(_curves(result.history))
    parts.append(
        f"<h3>Recipe</h3><pre>{_text(result.spec.as_json())}</pre><pre>{_text(result.spec.as_command())}</pre>"
    )
    return "".join(parts)


def _picture(pixels: np.ndarray, caption: str) -> str:
    from PIL import Image

    shown = (np.clip(np.nan_to_num(pixels), 0, 1) * 255).round().astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(shown.transpose(1, 2, 0) if len(shown) == 3 else shown[0]).save(content, "PNG")
    width = max(160, min(640, pixels.shape[2])) if pixels.shape[2] < 160 else min(pixels.shape[2], 640)
    data = base64.b64encode(content.getvalue()).decode()
    return (
        f'<figure><img width="{width}" alt="{_text(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def _curves(history: dict[str, list]) -> str:
    """The curves as one small drawing each."""
    drawn = []
    for key, colour in COLOURS.items():
        points = [(s, v) for s, v in zip(history.get("step", []), history.get(key, []), strict=False) if v is not None]
        if len(points) < 2:
            continue
        steps, values = np.array(points, float).T
        if key == "sigma" and values.min() > 0:
            values = np.log10(values)
        x = 300 * (steps - steps[0]) / max(np.ptp(steps), 1e-9) + 5
        y = 95 - 85 * (values - values.min()) / max(np.ptp(values), 1e-9)
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        ends = f"{points[0][1]:.3g} to {points[-1][1]:.3g}"
        drawn.append(
            f'<figure><svg width="310" height="100" role="img" aria-label="{_text(key)}"><polyline points="{line}" fill="none" '
            f'stroke="{colour}" stroke-width="1.5"/></svg><figcaption>{_text(key)}: {ends}</figcaption></figure>'
        )
    return "".join(drawn)


def _text(value: object) -> str:
    return html.escape(str(value))
