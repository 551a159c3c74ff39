"""Runs over one or two settings: what can be varied, the values to try, and the set-ups of a grid. Torch-free."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.priors.choice import Shape
from engine.priors.library import priors
from engine.runs.spec import RunSpec
from engine.runs.wording import name_of_choice
from engine.sensing.quantizers import QUANTIZERS
from engine.settings import Setting

__all__ = ["MOST_RUNS", "Variable", "grid", "variables"]

MOST_RUNS = 36
BITS = ("one-bit", "dithered", "uniform bits=2", "uniform bits=3", "uniform bits=4", "uniform bits=6", "none")
FIRST = ("operator.measurements", "quantizer", "noise", "algorithm", "prior", "samples", "seed")
"""What is most often asked for, before all other settings."""


@dataclass(frozen=True)
class Variable:
    """A setting that can be varied: its ``key`` and ``label``; of a choice the ``options`` (written form and words), of a number
    its ``setting`` and the ``suggested`` values."""

    key: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    setting: Setting | None = None
    suggested: tuple[Any, ...] = ()

    def read(self, words: str) -> list[Any]:
        """Numbers separated by commas; InputError says what is wrong with one."""
        assert self.setting is not None
        found = [self.setting.check(self.label, w.strip()) for w in words.replace(";", ",").split(",") if w.strip()]
        if not found:
            raise InputError(f"Give values of '{self.label}', separated by commas.")
        if len(set(found)) < len(found):
            raise InputError(f"A value of '{self.label}' was given twice.")
        return found

    def written(self) -> str:
        """The suggested values as :meth:`read` takes them."""
        assert self.setting is not None
        return ", ".join(self.setting.written(v) for v in self.suggested)

    def applied(self, spec: RunSpec, value: Any) -> RunSpec:
        """The set-up with that value."""
        family, _, name = self.key.partition(".")
        if not name:
            return spec.replace(**{family: value})
        return spec.replace(**{family: getattr(spec, family).replace(**{name: value})})


def variables(spec: RunSpec, shape: Shape) -> list[Variable]:
    """What can be varied of a set-up whose picture has a shape, the usual first. Of own measurements only how they are
    reconstructed."""
    found = {}
    if not spec.measurement:
        found["quantizer"] = Variable(
            "quantizer", "Bits (quantizer)", tuple((q, QUANTIZERS.parse(q).in_words) for q in BITS)
        )
    fitting = [
        (n, name_of_choice(c))  # type: ignore[arg-type]
        for n, c in ALGORITHMS.choices.items()
        if c.reconstructs
        and ALGORITHMS.parse(n).refusal(spec.instrument.operator, spec.instrument.quantizer, spec.prior) is None
    ]
    found["algorithm"] = Variable("algorithm", "Algorithm", tuple(fitting))
    suited = [
        (n, name_of_choice(c))  # type: ignore[arg-type]
        for n, c in priors().choices.items()
        if c.kind in spec.algorithm.takes and priors().parse(n).takes(shape)
    ]
    if len(suited) > 1:
        found["prior"] = Variable("prior", "Prior", tuple(suited))
    settings = RunSpec.settings()
    for key in ("samples", "seed") if spec.measurement else ("noise", "samples", "seed"):
        found[key] = _numeric(key, settings[key], getattr(spec, key))
    for family in ("algorithm",) if spec.measurement else ("operator", "quantizer", "algorithm"):
        choice = getattr(spec, family)
        for name, setting in choice.settings().items():
            key, value = f"{family}.{name}", getattr(choice, name)
            if name == "measurements" and value is None:
                value = choice.rows_for(shape)
            if setting.kind in (int, float) and value is not None and key != "quantizer.bits":
                of = f" ({name_of_choice(choice)})" if name != "measurements" else ""
                found[key] = _numeric(key, setting, value, f"{setting.label}{of}")
    return [found[k] for k in sorted(found, key=lambda k: FIRST.index(k) if k in FIRST else len(FIRST))]


def _numeric(key: str, setting: Setting, value: float, label: str = "") -> Variable:
    """Half of it, itself and twice of it, as far as they are allowed; seeds count."""
    if key == "seed":
        tried: list[Any] = [value, value + 1, value + 2]
    elif not value:
        tried = [0, 0.05, 0.2] if key == "noise" else [0, 0.1, 0.2]
    else:
        tried = [value / 2, value, value * 2]
    allowed = []
    for candidate in tried:
        try:
            allowed.append(setting.check(key, round(candidate) if setting.kind is int else float(f"{candidate:.6g}")))
        except InputError:
            continue
    name = {"noise": "Noise"}.get(key, setting.label)
    return Variable(key, label or name, setting=setting, suggested=tuple(dict.fromkeys(allowed)))


def grid(
    spec: RunSpec, across: tuple[Variable, Sequence[Any]], down: tuple[Variable, Sequence[Any]] | None = None
) -> list[RunSpec]:
    """A set-up for each value, or pair of values, the first fastest. What the base leaves to advice is settled once for all, so
    that nothing changes but what is varied. Raises InputError for what does not go together, and for too many runs."""
    axes = [across] if down is None else [down, across]
    keys = [v.key for v, _ in axes]
    if len(set(keys)) < len(keys):
        raise InputError("Choose two different settings.")
    if any(len(values) < 2 for _, values in axes):
        raise InputError("Give at least two values of each setting.")
    count = len(across[1]) * (len(down[1]) if down is not None else 1)
    if count > MOST_RUNS:
        raise InputError(f"That is {count} runs; a grid has at most {MOST_RUNS}.")
    fixed = spec.replace(algorithm=spec.algorithm)
    # a choice before its own settings
    order = sorted(range(len(axes)), key=lambda i: "." in keys[i])
    found = []
    for values in itertools.product(*(v for _, v in axes)):
        made = fixed
        for i in order:
            made = axes[i][0].applied(made, values[i])
        found.append(made)
    return found
