"""JSON that others wrote."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parsed_json"]


def parsed_json(content: str | bytes) -> Any:
    """The value; ValueError where it is none, also for one nested too deeply and for numbers that are not finite."""
    try:
        return json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _finite(word: str) -> float:
    value = float(word)
    return value if abs(value) < float("inf") else _refuse(word[:20])
