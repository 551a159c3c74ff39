"""Draws docs/floors.svg: the rooms of the program by floor, from the floors in pyproject.toml and the code's own imports; and
writes the table of what goes together into docs/correctness.md.

python docs/floors.py
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).resolve().parents[1]
WIDTH, BOX, GAP = 860, 40, 20
FILL, LINE, TEXT = "#eef3fa", "#5b7aa8", "#1c2733"


def floors() -> list[list[str]]:
    """Rooms of each floor, top floor first, as the import-linter contract states them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def rooms() -> tuple[list[list[str]], dict[str, int], dict[tuple[str, str], int]]:
    """The floors, the modules in each room, and the imports from room to room (those for type checking left out)."""
    graph, plan = grimp.build_graph("engine", "qcs_gui", exclude_type_checking_imports=True), floors()
    of = {}
    for module in graph.modules:
        for room in (r for floor in plan for r in floor):
            if module == room or module.startswith(room + "."):
                of[module] = room
    counts: dict[str, int] = {}
    arrows: dict[tuple[str, str], int] = {}
    for module, room in of.items():
        counts[room] = counts.get(room, 0) + 1
        for target in graph.find_modules_directly_imported_by(module):
            if target in of and of[target] != room:
                arrows[room, of[target]] = arrows.get((room, of[target]), 0) + 1
    return plan, counts, arrows


def svg() -> str:
    """The picture, as text; the same imports give the same text."""
    plan, counts, arrows = rooms()
    parts, centre = [], {}
    for number, floor in enumerate(plan):
        top = GAP + number * (BOX + GAP)
        width = (WIDTH - GAP) / len(floor) - GAP
        for place, room in enumerate(floor):
            left = GAP + place * (width + GAP)
            centre[room] = (left + width / 2, top)
            uses = sorted({target for source, target in arrows if source == room})
            title = f"{room}: {counts.get(room, 0)} modules; uses {', '.join(uses) or 'nothing below'}"
            name = room.removeprefix("engine.") if len(floor) > 3 else room
            parts.append(
                f'<g><title>{escape(title)}</title><rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{BOX}" rx="5" '
                f'fill="{FILL}" stroke="{LINE}"/><text x="{left + width / 2:.0f}" y="{top + 25}" text-anchor="middle" '
                f'font-family="sans-serif" font-size="13" fill="{TEXT}">{escape(name)} ({counts.get(room, 0)})</text></g>'
            )
    total = sum(arrows.values())
    height = GAP + len(plan) * (BOX + GAP) + 24
    parts.append(
        f'<text x="{GAP}" y="{height - 14}" font-family="sans-serif" font-size="12" fill="{TEXT}">Each floor imports only from '
        f"floors below it: {len(arrows)} pairs of rooms, {total} imports; in brackets the number of modules.</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>' + "".join(parts) + "</svg>\n"
    )


def with_table(page: str) -> str:
    """The page with the table of what goes together as the program has it now."""
    from engine.runs.validity import markdown

    start, end = page.index("### With a "), page.index("\n## ", page.index("### With a "))
    return page[:start] + markdown() + page[end:]


if __name__ == "__main__":
    page = ROOT / "docs/correctness.md"
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs/floors.svg").write_text(svg(), encoding="utf-8")
