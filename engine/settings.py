"""Typed settings: the one definition from which forms, command line, run files, checks and documentation come.

A :class:`Record` is a frozen dataclass whose fields are made by :func:`integer`, :func:`number`, :func:`flag`, :func:`one_of`,
:func:`text`, :func:`path` and :func:`chosen`. A *choice* (an operator, a quantizer, an algorithm, ...) is a record with a name; a
:class:`Family` lists the choices of one kind and reads them from the written form ``NAME key=value ...``.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from engine.errors import InputError

__all__ = [
    "DEVICE",
    "LARGEST_SEED",
    "NOISE",
    "OFFSET",
    "SEED",
    "Choice",
    "Family",
    "Record",
    "Setting",
    "chosen",
    "field_of",
    "flag",
    "integer",
    "number",
    "one_of",
    "path",
    "suggest",
    "text",
    "whole",
]


@dataclass(frozen=True)
class Setting:
    """What a form, a check or a manual has to know about one field. ``optional`` adds the value ``auto`` (None);
    ``files`` marks a file name and says which files a dialog offers; ``family`` gives the choices of a field that holds one;
    ``reads`` brings a word of its own form into the one way it is written, or raises InputError; ``expert`` marks what most
    people leave as it is, which forms fold away."""

    kind: type
    label: str
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    files: str = ""
    family: Callable[[], Family] | None = None
    reads: Callable[[Any], Any] | None = None
    expert: bool = False

    def check(self, name: str, value: Any) -> Any:
        """The value in its own type; raises InputError with the name of the field and what it takes."""
        if value is None or (value == "auto" and "auto" not in self.choices):
            if self.optional:
                return None
            raise InputError(f"{name} needs a value: {self.expected()}.")
        if self.family is not None:
            return self.family().parse(value)
        if self.reads is not None:
            return self.reads(value)
        try:
            value = self._converted(value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{name}={_short(value)} is not valid: {self.expected()}.") from None
        if self.kind in (int, float):
            bad = self.kind is float and not math.isfinite(value)
            bad = bad or (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
            bad = bad or (self.above is not None and value <= self.above)
        else:
            bad = bool(self.choices) and value not in self.choices
        if bad:
            hint = suggest(str(value), self.choices) if self.choices else ""
            raise InputError(f"{name}={_short(value)} is not valid: {self.expected()}{hint}.")
        return value

    def written(self, value: Any) -> str:
        """The value as run files, commands and boxes have it; :meth:`check` reads it back."""
        if value is None:
            return "auto"
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _converted(self, value: Any) -> Any:
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            words = {
                "true": True,
                "yes": True,
                "on": True,
                "1": True,
                "false": False,
                "no": False,
                "off": False,
                "0": False,
            }
            return words[str(value).lower()] if str(value).lower() in words else float("x")
        if isinstance(value, bool):
            raise ValueError
        if self.kind is str and not isinstance(value, str):
            raise ValueError
        if self.kind is int and isinstance(value, str) and not value.strip().lstrip("+-").isdigit():
            value = float(value)  # 1e3 is whole too
        if self.kind is int and isinstance(value, float):
            if value != int(value):
                raise ValueError
            return int(value)
        return self.kind(value)

    def expected(self) -> str:
        """What the field takes, in words."""
        if self.family is not None:
            words = "NAME key=value ..."
        elif self.choices:
            words = "one of " + ", ".join(self.choices)
        elif self.kind is bool:
            words = "true or false"
        elif self.kind is str:
            words = ("a folder" if self.files == "folder" else "the name of a file") if self.files else "text"
        else:
            words = "a whole number" if self.kind is int else "a finite number"
            if self.above is not None:
                words += f" above {_plain(self.above)}"
            if self.low is not None and self.high is not None:
                words += f" from {_plain(self.low)} to {_plain(self.high)}"
            elif self.low is not None:
                words += f" of at least {_plain(self.low)}"
            elif self.high is not None:
                words += f" of at most {_plain(self.high)}"
        return words + (" or auto" if self.optional else "")

    def describe(self) -> dict:
        """A JSON-ready description."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("family", "reads")]
        facts = {k: v for k in names if (v := getattr(self, k)) not in (None, "", (), False)}
        return facts | {"kind": self.kind.__name__, "takes": self.expected()}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _field(default: Any, setting: Setting) -> Any:
    return dataclasses.field(default=default, metadata={"setting": setting})


def integer(default: int | None, label: str, help: str, **limits: Any) -> Any:
    """A whole-number field."""
    return _field(default, Setting(int, label, help, optional=default is None, **limits))


def number(default: float | None, label: str, help: str, **limits: Any) -> Any:
    """A real-number field; not-a-number and infinity are refused."""
    return _field(default, Setting(float, label, help, optional=default is None, **limits))


def flag(default: bool, label: str, help: str, **more: Any) -> Any:
    """A yes-or-no field."""
    return _field(default, Setting(bool, label, help, **more))


def one_of(default: str, choices: Sequence[str], label: str, help: str, **more: Any) -> Any:
    """A field that takes one of a few words."""
    return _field(default, Setting(str, label, help, choices=tuple(choices), **more))


def text(default: str, label: str, help: str, **more: Any) -> Any:
    """A free-text field (a file name, say)."""
    return _field(default, Setting(str, label, help, **more))


def path(default: str, label: str, help: str, files: str) -> Any:
    """A field that takes the name of a file."""
    return _field(default, Setting(str, label, help, files=files))


def chosen(default: str | None, family: Callable[[], Family], label: str, help: str) -> Any:
    """A field that holds a choice of a family, given as one or in its written form."""
    return _field(default, Setting(Choice, label, help, optional=default is None, family=family))


def field_of(default: Any, setting: Setting) -> Any:
    """A field with a Setting that others have too."""
    return _field(default, setting)


def suggest(word: str, known: Sequence[str]) -> str:
    """``; did you mean X?`` where a known word is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


LARGEST_SEED = 2**53
"""Beyond it, JSON readers of other languages round whole numbers."""
NOISE = Setting(
    float, "Noise", "Standard deviation sigma of the Gaussian noise n, in the units of z = A x.", low=0, high=1e6
)
OFFSET = Setting(
    float,
    "Offset",
    "What is measured is A (x - offset): taking the mean brightness away leaves the quantizer its range. auto takes the prior's "
    "mean, and 0 for masks and light.",
    low=-10,
    high=10,
    optional=True,
    expert=True,
)
SEED = Setting(
    int, "Seed", "Seed of matrix, noise and samples: the same seed gives the same picture.", low=0, high=LARGEST_SEED
)
DEVICE = Setting(str, "Device", "auto takes a GPU where there is one.", choices=("auto", "cpu", "cuda"))
"""Apple's GPUs lack the float64 that the likelihoods need."""


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, or InputError that names what it is for."""
    return Setting(int, name, "", low=low, high=high).check(name, value)


@dataclass(frozen=True)
class Record:
    """Fields that carry their Setting, each checked when it is made."""

    def __post_init__(self) -> None:
        for key, setting in self.settings().items():
            object.__setattr__(self, key, setting.check(key, getattr(self, key)))

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Field name to Setting, in the order of declaration."""
        return {f.name: f.metadata["setting"] for f in dataclasses.fields(cls) if "setting" in f.metadata}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {f.name: f.default for f in dataclasses.fields(cls) if "setting" in f.metadata}

    def replace(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Choice(Record):
    """Base of every choice. Subclasses give ``name`` and ``label``; the docstring's first line is the summary.

    ``presets`` maps a name to values for some of the settings; ``preset=NAME`` in the written form applies it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    presets: ClassVar[dict[str, dict[str, Any]]] = {}

    @classmethod
    def summary(cls) -> str:
        return (cls.__doc__ or "").strip().split("\n")[0]

    @classmethod
    def describe(cls) -> dict:
        """A JSON-ready description of the choice and all its settings."""
        defaults = cls.defaults()
        return {
            "name": cls.name,
            "label": cls.label,
            "summary": cls.summary(),
            "presets": cls.presets,
            "settings": {k: s.describe() | {"default": defaults[k]} for k, s in cls.settings().items()},
        }

    def __str__(self) -> str:
        """The written form with every setting spelled out; :meth:`Family.parse` reads it back."""
        return " ".join(
            [self.name, *(f"{k}={shlex.quote(s.written(getattr(self, k)))}" for k, s in self.settings().items())]
        )


C = TypeVar("C", bound=Choice)


class Family(Generic[C]):
    """All choices of one kind (``operator``, ``quantizer``, ...), by name."""

    def __init__(self, kind: str, choices: Sequence[type[C]]) -> None:
        self.kind = kind
        self.choices = {c.name: c for c in choices}

    def get(self, name: str) -> type[C]:
        """The settings class of that name; InputError names the known ones."""
        if name not in self.choices:
            known = ", ".join(self.choices)
            raise InputError(f"Unknown {self.kind} '{name}'{suggest(name, list(self.choices))} (known: {known}).")
        return self.choices[name]

    def make(self, name: str, values: dict[str, Any]) -> C:
        """The choice with these settings; unknown keys are refused."""
        cls = self.get(name)
        if "preset" in values:
            preset = values["preset"]
            if preset not in cls.presets:
                known = ", ".join(cls.presets) or "none"
                raise InputError(f"The {self.kind} '{name}' has no preset '{preset}' (presets: {known}).")
            values = cls.presets[preset] | {k: v for k, v in values.items() if k != "preset"}
        for key in values:
            if key not in cls.settings():
                known = ", ".join(cls.settings()) or "none"
                near = suggest(key, list(cls.settings()))
                raise InputError(f"The {self.kind} '{name}' has no setting '{key}'{near} (settings: {known}).")
        return cls(**values)

    def parse(self, written: str | C) -> C:
        """Reads ``NAME key=value ...``; raises InputError for unknown names, keys and bad values."""
        if isinstance(written, Choice):
            return written
        if not isinstance(written, str):
            raise InputError(f"The {self.kind} must be text of the form NAME key=value ..., not {written!r}.")
        try:
            words = shlex.split(written)
        except ValueError:
            raise InputError(f"The {self.kind} '{written}' has an unclosed quote; close it.") from None
        if not words:
            raise InputError(f"No {self.kind} was given; choose one of {', '.join(self.choices)}.")
        values: dict[str, Any] = {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise InputError(f"'{word}' after {self.kind} '{words[0]}' is not of the form key=value.")
            if key in values:
                raise InputError(f"The setting '{key}' of {self.kind} '{words[0]}' was given twice.")
            values[key] = value
        return self.make(words[0], values)

    def describe(self) -> list[dict]:
        return [c.describe() for c in self.choices.values()]
