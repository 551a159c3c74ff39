"""Reading the parts of a sweep from plain values, as TOML gives them; every fault is one sentence. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.images.bundled import PREFIX, sample_path
from engine.runs.spec import RunSpec
from engine.settings import suggest
from engine.sweeps.parts import Axis, Figure

__all__ = ["axes_of", "figure_of", "fixed_of", "flag", "images_of", "text", "toml_text", "words"]

ERRORS = ("standard-error", "deviation", "none")
IMAGE_KEYS = ("image", "measurement", "first_sample")
"""Keys of a run that a sweep decides itself."""
RESERVED = ("image", "index", "seconds", "network_calls", "failed", "error")
"""Columns of the table that no axis may be named as."""


def _key(key: str) -> str:
    """The key of a run, or of a setting of one of its choices, or InputError."""
    known = [k for k in RunSpec.settings() if k not in IMAGE_KEYS]
    of, dot, setting = key.partition(".")
    if of not in known:
        raise InputError(f"A sweep has no key '{key}'{suggest(of, known)} (keys: {', '.join(known)}).")
    if dot and RunSpec.settings()[of].family is None:
        raise InputError(f"'{key}': '{of}' is a single value and has no settings.")
    if dot and not setting:
        raise InputError(f"'{key}' names no setting.")
    return key


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """TOML's ``operator.measurements = 200`` without quotes is a table in a table; here it is a dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            found[key] = value
    return found


def fixed_of(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise InputError("'fixed' must be a table of keys of a run.")
    return {_key(key): _plain(key, value) for key, value in _flat(values).items()}


def axes_of(values: Any) -> tuple[Axis, ...]:
    if not isinstance(values, dict):
        raise InputError("'axes' must be a table: each entry a list of values, or a table of named changes.")
    found: list[Axis] = []
    for name, entries in values.items():
        if isinstance(entries, dict) and entries and all(isinstance(v, list) for v in entries.values()):
            found += [_listed(f"{name}.{inner}", v) for inner, v in entries.items()]
        elif isinstance(entries, list):
            found.append(_listed(name, entries))
        elif isinstance(entries, dict) and all(isinstance(v, dict) for v in entries.values()):
            changes = [(label, fixed_of(change)) for label, change in entries.items()]
            found.append(Axis(name, tuple(changes)))
        else:
            raise InputError(
                f"The axis '{name}' must be a list of values, or a table of named changes such as {{ prior = \"mnist\" }}."
            )
    for axis in found:
        if not axis.changes:
            raise InputError(f"The axis '{axis.name}' has no values.")
        if len({str(label) for label in axis.labels}) < len(axis.labels):
            raise InputError(f"The axis '{axis.name}' has a value twice.")
        if axis.name in RESERVED:
            raise InputError(f"An axis cannot be called '{axis.name}', for the table has a column of that name.")
    keys = [key for axis in found for key in dict.fromkeys(k for _, change in axis.changes for k in change)]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        raise InputError(f"'{twice}' varies along two axes; name it in one.")
    return tuple(found)


def _listed(name: str, values: list[Any]) -> Axis:
    return Axis(_key(name), tuple((_plain(name, value), {name: value}) for value in values))


def _plain(key: str, value: Any) -> Any:
    if not isinstance(value, (str, int, float, bool)):
        raise InputError(f"The value of '{key}' must be a word or a number, not {type(value).__name__}.")
    return value


def images_of(value: Any, beside: Path | None) -> str | tuple[str, ...]:
    def found(name: Any) -> str:
        if not isinstance(name, str) or not name:
            raise InputError("'images' must be the name of a folder or file, or a list of files and sample:NAME.")
        if name.startswith(PREFIX):
            sample_path(name)  # an unknown one is refused here
            return name
        return str(Path(name) if beside is None else beside / name)

    if isinstance(value, (list, tuple)):
        if not value:
            raise InputError("The list of images is empty.")
        return tuple(found(name) for name in value)
    one = found(value)
    return (one,) if one.startswith(PREFIX) else one


def figure_of(values: Any) -> Figure | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise InputError("'figure' must be a table with x and y.")
    known = (*Figure.__dataclass_fields__,)
    for key in values:
        if key not in known:
            raise InputError(
                f"The figure has an unknown key '{key}'{suggest(str(key), known)} (known: {', '.join(known)})."
            )
    y = values.get("y", ())
    figure = Figure(
        x=text("x", values.get("x", "")),
        y=words("y", [y] if isinstance(y, str) else y),
        lines=text("lines", values.get("lines", "")),
        panels=text("panels", values.get("panels", "")),
        errors=text("errors", values.get("errors", ERRORS[0])),
        x_label=text("x_label", values.get("x_label", "")),
        log_x=flag("log_x", values.get("log_x", False)),
        log_y=flag("log_y", values.get("log_y", False)),
    )
    if not figure.x or not figure.y:
        raise InputError("The figure needs x, an axis of the sweep, and y, one or several columns of its table.")
    if figure.errors not in ERRORS:
        raise InputError(f"The figure's errors={figure.errors} is not one of {', '.join(ERRORS)}.")
    return figure


def text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"'{key}' must be text.")
    return value


def flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"'{key}' must be true or false.")
    return value


def words(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise InputError(f"'{key}' must be a list of names.")
    return tuple(value)


def toml_text(values: Mapping[str, Any]) -> str:
    """TOML of plain values: words, numbers, lists, tables, and tables of tables. What is empty, zero or false is left out at the
    top and in ``figure``, where it says nothing."""
    lines = [
        f"{_toml(key)} = {_toml_value(value)}" for key, value in values.items() if value and not isinstance(value, dict)
    ]
    for key, table in values.items():
        if isinstance(table, dict) and table:
            told = {k: v for k, v in table.items() if v} if key == "figure" else table
            lines += _table(key, told)
    return "\n".join(lines) + "\n"


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    """A table with its inner ones as sections, in their order; or within it where TOML knows no such order."""
    inner = [isinstance(value, dict) for value in table.values()]
    sections = [place for place, plain in enumerate(inner) if not plain and (place == 0 or inner[place - 1])]
    lines: list[str] = []
    before = ""
    for key, value in table.items():
        apart = isinstance(value, dict) and len(sections) <= 1
        header = f"[{name}.{_toml(key)}]" if apart else f"[{name}]"
        if header != before:
            lines += ["", header]
            before = header
        lines += [f"{_toml(k)} = {_toml_value(v)}" for k, v in (value if apart else {key: value}).items()]
    return lines


def _toml(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _toml_value(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(v) for v in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
