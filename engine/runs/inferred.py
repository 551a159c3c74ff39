"""Numbers that were inferred beside a picture, and how they are told. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["HEADINGS", "SAID", "Inferred", "columns", "lines", "table"]

HEADINGS = ("Inferred", "Value", "\N{PLUS-MINUS SIGN}", "Unit", "From")
SAID = "Inferred from what was measured:"


@dataclass(frozen=True)
class Inferred:
    """A number that was inferred, with its standard error where that is known; ``unit`` is what it counts, ``source`` what it was
    found from."""

    name: str
    value: float
    error: float | None
    unit: str = ""
    source: str = ""

    @property
    def words(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        error = "" if self.error is None else f" +- {self.error:.2g}"
        return f"{self.name} {self.value:.4g}{error}{unit}"

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """A line of the table: name, value, standard error, unit and source, in words."""
        return self.name, f"{self.value:.4g}", "" if self.error is None else f"{self.error:.2g}", self.unit, self.source

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table(found: tuple[Inferred, ...]) -> str:
    """All of them in one sentence."""
    return f"{SAID} {'; '.join(each.words for each in found)}."


def columns(found: Sequence[Mapping[str, Any]]) -> str:
    """A result's ``inferred`` as a table for a terminal."""
    told = [HEADINGS, *lines(found)]
    widths = [max(len(line[k]) for line in told) for k in range(len(HEADINGS))]
    return "\n".join("  ".join(word.ljust(w) for word, w in zip(line, widths, strict=True)).rstrip() for line in told)


def lines(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A line of words for each of a result's ``inferred``, as the headings have them."""
    return [Inferred(**each).cells for each in found]
