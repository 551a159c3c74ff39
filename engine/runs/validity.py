"""Which operator, quantizer, likelihood and algorithm go together: the rules that grey the forms, as one table."""

from __future__ import annotations

from engine.algorithms import ALGORITHMS
from engine.likelihoods import LIKELIHOODS
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS, OperatorChoice
from engine.sensing.quantizers import QUANTIZERS

__all__ = ["markdown", "rows"]

VARIANTS = ("correlated convention=element-wise", "gaussian measurements=20000")
"""Settings that change what an operator goes with, listed beside the operators themselves."""
YES, WARNS, NO = "yes", "warns", "no"


def _columns() -> list[str]:
    """Algorithms in their written form, once per likelihood where they take one."""
    columns = []
    for name, cls in ALGORITHMS.choices.items():
        if not cls.reconstructs:
            continue
        kinds = cls.settings().get("likelihood")
        columns += [f"{name} likelihood={kind}" for kind in LIKELIHOODS] if kinds else [name]
    return columns


def _operators() -> list[tuple[str, OperatorChoice]]:
    return [(name, OPERATORS.parse(name)) for name in (*OPERATORS.choices, *VARIANTS)]


def rows() -> list[dict[str, str]]:
    """One row per operator and kind of measurement: ``yes``, ``warns`` or ``no`` per algorithm, and the one suggested."""
    table = []
    for written, operator in _operators():
        for quantizer in ("none", "one-bit"):
            seen = QUANTIZERS.parse(quantizer)
            row = {"operator": written, "measurement": "real values" if quantizer == "none" else "cells"}
            for column in _columns():
                algorithm = ALGORITHMS.parse(column)
                refused, warned = algorithm.refusal(operator, seen), algorithm.warning(operator, seen)
                row[column] = NO if refused else WARNS if warned else YES
            row["suggested"] = recommend(operator, seen)[0]
            table.append(row)
    return table


def markdown() -> str:
    """The table for the documentation."""
    table = rows()
    keys = list(table[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(row[key] for key in keys) + " |" for row in table]
    return "\n".join(lines) + "\n"
