"""JSON that others wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from engine.files import is_finite

__all__ = ["parsed_json", "some_entries"]


def parsed_json(content: str | bytes) -> Any:
    """The value; ValueError where it is none, also for one nested too deeply and for numbers that are not finite."""
    try:
        return json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def some_entries(content: bytes, keys: Sequence[str]) -> dict[str, Any]:
    """The entries of a JSON object that have these keys. What follows the last of them is not looked at; ValueError where
    the object is damaged before, or one has a number that is not finite."""
    text = content.decode()
    found: dict[str, Any] = {}
    at = _SPACE.match(text).end()  # type: ignore[union-attr]
    if text[at : at + 1] != "{":
        raise ValueError("it is no object")
    try:
        while len(found) < len(keys):
            key, at = _DECODER.raw_decode(text, _SPACE.match(text, at + 1).end())  # type: ignore[union-attr]
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if not isinstance(key, str) or text[at : at + 1] != ":":
                raise ValueError("it is no object")
            value, at = _DECODER.raw_decode(text, _SPACE.match(text, at + 1).end())  # type: ignore[union-attr]
            if key in keys:
                found[key] = value
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != ",":
                break
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not is_finite(found):
        raise ValueError("it has a number beyond what can be computed with")
    return found


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _finite(word: str) -> float:
    value = float(word)
    return value if abs(value) < float("inf") else _refuse(word[:20])


_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_constant=_refuse)
