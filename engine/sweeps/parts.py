"""The parts of a sweep: an axis of settings that vary, one combination of them, and what is drawn. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.runs.spec import RunSpec

__all__ = ["IMAGE", "Axis", "Figure", "Point"]

IMAGE = "image"
"""The axis that the pictures are."""


@dataclass(frozen=True)
class Axis:
    """One thing that varies: ``changes`` maps the word or number that stands in the table to the keys of a run that it sets; a
    dotted key, ``operator.measurements``, sets one setting of a choice."""

    name: str
    changes: tuple[tuple[str | float | int, Mapping[str, Any]], ...]

    @property
    def labels(self) -> list[str | float | int]:
        return [label for label, _ in self.changes]

    @property
    def written(self) -> list[Any] | dict[str, Any]:
        """As a sweep file has it: a list of values where they are those of the key it is named after."""
        if all(dict(change) == {self.name: label} for label, change in self.changes):
            return self.labels
        return {str(label): dict(change) for label, change in self.changes}


@dataclass(frozen=True)
class Point:
    """One combination of the axes: its ``labels``, one an axis, and the recipe they make; ``refusal`` says, in one
    sentence, why there is none."""

    labels: Mapping[str, str | float | int]
    spec: RunSpec | None
    refusal: str = ""


@dataclass(frozen=True)
class Figure:
    """Curves of means over pictures: ``y`` columns over the axis ``x``, a line for each value of the axis ``lines`` and a
    panel for each of ``panels`` (one of all where these are empty), with ``errors`` as bars. ``image`` stands for the names
    of the pictures as an axis. Axes that are not named are averaged over."""

    x: str
    y: tuple[str, ...]
    lines: str = ""
    panels: str = ""
    errors: str = "standard-error"
    x_label: str = ""
    log_x: bool = False
    log_y: bool = False

    @property
    def axes(self) -> list[str]:
        """The axes that it names."""
        return [name for name in (self.x, self.lines, self.panels) if name and name != IMAGE]
