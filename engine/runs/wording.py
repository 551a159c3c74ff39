"""Set-ups in the words of people: what one is, and what tells several apart. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.images.bundled import name_without
from engine.runs.spec import RunSpec

if TYPE_CHECKING:
    from engine.settings import Choice

__all__ = ["MAJOR", "Axis", "Fact", "Naming", "facts", "name_of_choice", "name_of_picture"]

MAJOR = (
    "image",
    "measurement",
    "operator",
    "operator.measurements",
    "size",
    "quantizer",
    "noise",
    "prior",
    "algorithm",
)
"""What is named wherever it differs; anything else only where these leave two runs alike."""
NEVER = ("device", "first_sample")


@dataclass(frozen=True)
class Fact:
    """One thing that is set: the ``label`` of what it is, its ``value``, how a table and a heading say it, and the ``number``
    that it is, if it is one."""

    label: str
    value: Any
    cell: str
    phrase: str
    number: float | None = None


@dataclass(frozen=True)
class Axis:
    """A setting that runs differ in: its ``key`` and ``label``, and its values in words and, where all are numbers, as these."""

    key: str
    label: str
    words: tuple[str, ...]
    numbers: tuple[float, ...] | None


def name_of_choice(choice: Choice) -> str:
    """Its label without what stands in brackets or tells sizes: "Gaussian", "MNIST digits"."""
    return choice.label.split(" (")[0].split(", ")[0]


def name_of_picture(image: str) -> str:
    """A sample's or a file's name as people say it: "digit 3", "holiday 2019"."""
    stem = Path(name_without(image)).stem
    if stem.startswith("drawing-"):
        return "drawing"
    return stem.replace("-", " ").replace("_", " ").strip() or "picture"


def facts(spec: RunSpec) -> dict[str, Fact]:
    """Everything that is set, by key; the settings of a choice by ``family.name``, its number of measurements next to it."""
    found: dict[str, Fact] = {}
    settings = RunSpec.settings()
    for key in spec.as_dict():
        value = getattr(spec, key)
        label = settings[key].label
        if not hasattr(value, "settings"):
            found[key] = _plain(key, label, value)
            continue
        words = value.in_words if key == "quantizer" else name_of_choice(value)
        found[key] = Fact(label, value.name if key != "quantizer" else words, words, words, _bits(key, value))
        for name, setting in value.settings().items():
            inner = getattr(value, name)
            cell = setting.written(inner) if inner != "" else "none"
            unit = {"px": " px", "degrees": "°"}.get(setting.unit, "")
            if name == "measurements":
                unit = "pixels" if setting.unit == "pixels" else "measurements"
                phrase = f"{inner:,} {unit if inner != 1 else unit[:-1]}" if inner else f"all {unit}"
            else:
                phrase = f"{setting.label[0].lower()}{setting.label[1:]} {cell}{unit}"
            found[f"{key}.{name}"] = Fact(setting.label, inner, cell, phrase, _number(inner))
    return found


def _plain(key: str, label: str, value: Any) -> Fact:
    cell = "auto" if value is None else str(value)
    phrases = {
        "image": lambda: name_of_picture(str(value)), "measurement": lambda: name_of_picture(str(value)),
        "noise": lambda: f"noise {value:g}" if value else "no noise", "samples": lambda: f"{value} sample{'s' * (value != 1)}",
        "size": lambda: cell.replace("x", " x "), "offset": lambda: f"offset {cell}", "colour": lambda: f"colour {cell}",
        "measurement_seed": lambda: f"measured with seed {cell}", "held_out": lambda: f"{cell} held out",
    }  # fmt: skip
    phrase = phrases.get(key, lambda: f"{label.lower()} {cell}")()
    label = {"noise": "Noise"}.get(key, label)
    return Fact(label, value, name_of_picture(str(value)) if key == "image" and value else cell, phrase, _number(value))


def _bits(key: str, value: Any) -> float | None:
    """Quantizers lie on an axis by their bits, where they have any."""
    return None if key != "quantizer" or value.bits_per_measurement is None else float(value.bits_per_measurement)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


class Naming:
    """What tells set-ups apart. ``headings`` has one line for each, without two alike; ``keys`` are what they are made of."""

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self.facts = [facts(s) for s in specs]
        self.keys = self._telling()
        lines = [", ".join(f[k].phrase for k in self.keys if k in f) for f in self.facts]
        if not self.keys:  # nothing differs: by the method, and a number where there are several
            lines = [f["algorithm"].phrase for f in self.facts]
        self.headings = tuple(
            f"{_capital(line)} ({lines[: i + 1].count(line)})" if lines.count(line) > 1 else _capital(line)
            for i, line in enumerate(lines)
        )

    def differing(self) -> list[str]:
        """The keys that all have and that differ: a setting that one choice does not have does not differ."""
        if not self.facts:
            return []
        shared = [k for k in self.facts[0] if all(k in f for f in self.facts)]
        return [k for k in shared if len({f[k].value for f in self.facts}) > 1]

    def _telling(self) -> tuple[str, ...]:
        if not self.facts:
            return ()
        known = {k for f in self.facts for k in f} - set(NEVER)
        differs = {k for k in known if len({f[k].value for f in self.facts if k in f}) > 1}
        keys = [k for k in MAJOR if k in differs]
        if "operator" in keys and "operator.measurements" in keys and self._groups(["operator"]) == len(self.facts):
            keys.remove("operator.measurements")  # each matrix has its own number of rows: the name is enough
        for key in [k for f in self.facts for k in f if k in differs and k not in keys]:
            if self._groups(keys) == len(self.facts):
                break
            if key not in keys and self._groups([*keys, key]) > self._groups(keys):
                keys.append(key)
        return tuple(keys)

    def _groups(self, keys: Sequence[str]) -> int:
        return len({tuple(f[k].value if k in f else None for k in keys) for f in self.facts})

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """One or two settings over which these set-ups are a whole line or grid, the one that changes fastest first; none
        where they are not."""
        keys = [k for k in self.keys if all(k in f for f in self.facts)]
        if len(keys) != len(self.keys) or not 1 <= len(keys) <= 2 or len(self.facts) < 2:
            return ()
        axes = [self._axis(k) for k in keys]
        size = 1
        for axis in axes:
            size *= len(axis.words)
        if size != len(self.facts) or self._groups(keys) != size:
            return ()
        first, second = self.facts[0], self.facts[1]
        return tuple(sorted(axes, key=lambda a: first[a.key].value == second[a.key].value))

    def _axis(self, key: str) -> Axis:
        seen = list({f[key].value: f[key] for f in self.facts}.values())
        numbers = tuple(f.number for f in seen)
        known = tuple(n for n in numbers if n is not None)
        return Axis(key, seen[0].label, tuple(f.phrase for f in seen), known if len(known) == len(seen) else None)

    def place(self, number: int, axes: Sequence[Axis]) -> tuple[int, ...]:
        """Where a set-up lies on the axes."""
        return tuple(a.words.index(self.facts[number][a.key].phrase) for a in axes)


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]
