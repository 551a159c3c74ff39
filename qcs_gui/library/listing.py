"""Kept runs as a list shows them: what tells one from another, and repeats folded into one. No Qt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs.library import is_made_up
from engine.runs.wording import name_of_choice, name_of_picture
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

if TYPE_CHECKING:
    from engine.runs.library import Entry

__all__ = ["Listed", "folded", "lines_of", "measured_in_words"]

SAME = ("image", "operator", "quantizer", "prior", "algorithm", "noise", "samples", "seed", "status", "psnr_mean")
"""Runs alike in all of these are repeats."""


@dataclass
class Listed:
    """A run with its thumbnail (PNG) and the older runs that repeat it."""

    entry: Entry
    thumbnail: bytes | None
    repeats: list[Entry] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [self.entry.name, *(e.name for e in self.repeats)]


def folded(entries: Sequence[tuple[Entry, bytes | None]]) -> list[Listed]:
    """Repeats under the first of them. What was pinned or named by somebody stands for itself."""
    found: list[Listed] = []
    first: dict[tuple[Any, ...], Listed] = {}
    for entry, thumbnail in entries:
        key = tuple(entry.values.get(k) for k in SAME)
        own = bool(entry.pinned) or not is_made_up(entry.name)
        if not own and key in first:
            first[key].repeats.append(entry)
            continue
        listed = Listed(entry, thumbnail)
        found.append(listed)
        if not own:
            first[key] = listed
    return found


def _parsed(family: Any, written: str | None) -> Any:
    """The choice, None where this version does not know it."""
    try:
        return family.parse(written or "")
    except InputError:
        return None


def measured_in_words(operator: str | None, quantizer: str | None) -> tuple[str, str, str]:
    """Quantizer, number of measurements and operator, in words; as they are written where this version does not know them."""
    op, q = _parsed(OPERATORS, operator), _parsed(QUANTIZERS, quantizer)
    rows = getattr(op, "measurements", None)
    unit = "pixels" if rows and op.settings()["measurements"].unit == "pixels" else "measurements"
    words = (operator or "").split(" ")[0] if op is None else name_of_choice(op)
    return (quantizer or "").split(" ")[0] if q is None else q.in_words, f"{rows:,} {unit}" if rows else "", words


DOT = "  \N{MIDDLE DOT}  "


def lines_of(listed: Listed) -> tuple[str, str, str, str, str]:
    """What it is of and how often, how good it is, what was measured, by what and with which prior, how and when."""
    entry = listed.entry
    named = name_of_picture(entry.image or "") if is_made_up(entry.name) else entry.name
    mark = "\N{BLACK STAR} " if entry.pinned else ""
    times = f"  \N{MULTIPLICATION SIGN}{1 + len(listed.repeats)}" if listed.repeats else ""
    good = "failed" if entry.failed else "" if entry.psnr_mean is None else f"{entry.psnr_mean:.1f} dB"
    if not good and entry.status not in (None, "done"):
        good = str(entry.status)
    quantizer, rows, operator = measured_in_words(entry.operator, entry.quantizer)
    algorithm, prior = _parsed(ALGORITHMS, entry.algorithm), _parsed(priors(), entry.prior)
    how = (entry.algorithm or "").split(" ")[0] if algorithm is None else name_of_choice(algorithm)
    which = (entry.prior or "").split(" ")[0] if prior is None else name_of_choice(prior)
    when = time.localtime(entry.created)
    today = time.strftime("%j %Y") == time.strftime("%j %Y", when)
    told = time.strftime("%H:%M" if today else "%d %b %H:%M", when)
    measured = DOT.join(w for w in (quantizer, rows) if w) or "own measurements"
    return f"{mark}{named}{times}", good, measured, DOT.join(w for w in (operator, which) if w), DOT.join((how, told))
