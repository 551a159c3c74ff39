"""Which operator, quantizer, likelihood, algorithm and kind of prior go together: the rules that grey the forms, as tables."""

from __future__ import annotations

from engine.algorithms import ALGORITHMS
from engine.likelihoods import LIKELIHOODS
from engine.priors.choice import KINDS, PriorChoice
from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS, OperatorChoice
from engine.sensing.quantizers import QUANTIZERS

__all__ = ["kinds", "markdown", "rows"]

VARIANTS = ("correlated convention=element-wise", "gaussian measurements=20000")
"""Settings that change what an operator goes with, listed beside the operators themselves."""
YES, WARNS, NO = "yes", "warns", "no"


def kinds() -> dict[str, PriorChoice]:
    """Kinds of prior that something is there for, each with the first prior of the kind."""
    found: dict[str, PriorChoice] = {}
    for name in priors().choices:
        choice = priors().parse(name)
        found.setdefault(choice.kind, choice)
    return {kind: found[kind] for kind in KINDS if kind in found}


def _columns(kind: str) -> list[str]:
    """Algorithms that take the kind in their written form, once per likelihood where they have one."""
    columns = []
    for name, cls in ALGORITHMS.choices.items():
        if not cls.reconstructs or kind not in cls.takes:
            continue
        likelihood = cls.settings().get("likelihood")
        columns += [f"{name} likelihood={each}" for each in LIKELIHOODS] if likelihood else [name]
    return columns


def _operators() -> list[tuple[str, OperatorChoice]]:
    return [(name, OPERATORS.parse(name)) for name in (*OPERATORS.choices, *VARIANTS)]


def rows(kind: str = "denoiser") -> list[dict[str, str]]:
    """One row per operator and kind of measurement: ``yes``, ``warns`` or ``no`` per algorithm, and the one suggested, or
    ``-`` where none runs."""
    table, prior = [], kinds()[kind]
    for written, operator in _operators():
        for quantizer in ("none", "one-bit"):
            seen = QUANTIZERS.parse(quantizer)
            row = {"operator": written, "measurement": "real values" if quantizer == "none" else "cells"}
            for column in _columns(kind):
                algorithm = ALGORITHMS.parse(column)
                refused, warned = algorithm.refusal(operator, seen, prior), algorithm.warning(operator, seen, prior)
                row[column] = NO if refused else WARNS if warned else YES
            suggested = recommend(operator, seen, prior)[0]
            runs = ALGORITHMS.parse(suggested).refusal(operator, seen, prior) is None
            table.append(row | {"suggested": suggested if runs else "-"})
    return table


def markdown() -> str:
    """The tables for the documentation, one per kind of prior."""
    lines = []
    for kind in kinds():
        table = rows(kind)
        keys = list(table[0])
        lines += [f"### With a {KINDS[kind][0]}", ""]
        lines += ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
        lines += ["| " + " | ".join(row[key] for key in keys) + " |" for row in table]
        lines += [""]
    return "\n".join(lines)
