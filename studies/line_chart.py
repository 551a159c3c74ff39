"""Curves with a logarithmic axis as an SVG drawing, for the figures of experiments."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

__all__ = ["line_charts"]

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 320, 64, 34, 16, 44
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa7700", "#66ccee", "#aa3377")
DASHES = ("", "6 3", "2 3", "8 3 2 3")
MOST_POINTS = 400


def line_charts(
    title: str, charts: Sequence[tuple[str, Sequence[tuple[str, int, int, list[float], list[float]]]]]
) -> str:
    """Charts side by side under a title: each the words for its horizontal axis, and its curves (name, number of the colour,
    number of the dash, x, y). The vertical axis is the relative error, logarithmic."""
    body = [_chart(words, curves, i * WIDTH) for i, (words, curves) in enumerate(charts)]
    entries = [(name, colour, dash) for name, colour, dash, _, _ in charts[0][1]]
    legend = "".join(
        f'<g transform="translate({LEFT + 220 * (i % 4)},{HEIGHT + 14 + 18 * (i // 4)})">'
        f'<line x2="26" stroke="{COLOURS[colour % 6]}" stroke-width="2" stroke-dasharray="{DASHES[dash % 4]}"/>'
        f'<text x="32" y="4">{html.escape(name)}</text></g>'
        for i, (name, colour, dash) in enumerate(entries)
    )
    height = HEIGHT + 24 + 18 * math.ceil(len(entries) / 4)
    width = max(WIDTH * len(charts), LEFT + 220 * min(4, len(entries)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="{LEFT}" y="20" font-size="14">{html.escape(title)}</text>'
        f"{''.join(body)}{legend}</svg>\n"
    )


def _chart(words: str, curves: Sequence[tuple[str, int, int, list[float], list[float]]], at: int) -> str:
    drawn = [(c, d, *_thinned(x, y)) for _, c, d, x, y in curves if len(x) > 1]
    most = max((max(x) for _, _, x, _ in drawn), default=1.0)
    least = math.floor(math.log10(max(min((min(y) for *_, y in drawn), default=1.0), 1e-16)))
    top = math.ceil(math.log10(min(max((max(y) for *_, y in drawn), default=1.0), 1e6)))
    top = max(top, least + 1)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(min(max(y, 10.0**least), 10.0**top)) - least) / (top - least)
        return LEFT + wide * x / most, TOP + high * (1 - share)

    parts = []
    for power in range(least, top + 1, max(1, (top - least) // 6)):
        y = place(0, 10.0**power)[1]
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for k in range(5):
        x = LEFT + wide * k / 4
        parts.append(f'<text x="{x:.1f}" y="{TOP + high + 16}" text-anchor="middle">{most * k / 4:.3g}</text>')
    for colour, dash, xs, ys in drawn:
        line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in zip(xs, ys, strict=True))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[colour % 6]}" stroke-width="1.8" '
            f'stroke-dasharray="{DASHES[dash % 4]}"/>'
        )
    parts.append(f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(words)}</text>')
    return f'<g transform="translate({at},0)">{"".join(parts)}</g>'


def _thinned(x: list[float], y: list[float]) -> tuple[list[float], list[float]]:
    step = max(1, len(x) // MOST_POINTS)
    return [*x[::step], x[-1]], [*y[::step], y[-1]]
