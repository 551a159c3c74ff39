"""Whether a picture suits a prior, and what to take instead. Torch-free."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from engine.errors import InputError
from engine.priors.choice import PriorChoice, Shape
from engine.priors.library import priors
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.base import OperatorChoice

__all__ = [
    "Fit",
    "begin_with",
    "fit_between",
    "is_untouched",
    "nearest_size",
    "scaled_rows",
    "suited",
    "with_share_of_rows",
]

SHRINKS = 2.0
"""How much smaller than the picture the prior's size may be before another prior is offered."""
LONGEST = 256
"""The longer side, in pixels, that a photograph begins with: seconds to a first picture, not minutes."""
FIRST_SAMPLES = 2
"""Samples that a photograph begins with; more can be added to what they give."""
LARGEST_DENSE = 1 << 28
"""Bytes of a dense matrix above which a fast operator is taken with a large picture."""


@dataclass(frozen=True)
class Fit:
    """``sentence`` says what happens to the picture, empty where nothing does; ``instead`` is a prior that would keep it."""

    sentence: str = ""
    instead: str = ""


def _words(shape: Shape) -> str:
    return f"{shape[2]} x {shape[1]} {'colour' if shape[0] == 3 else 'grey'}"


def fit_between(picture: Shape, spec: RunSpec) -> Fit:
    """What the spec's prior makes of a picture of this shape (channels, height, width)."""
    taken = spec.shape_for(picture)
    if taken == picture:
        made_for = _made_for(picture) if spec.prior.any_size else ""
        return Fit(f"The prior '{made_for}' is made for pictures of this size", made_for) if made_for else Fit()
    shrinks = min(picture[1] / taken[1], picture[2] / taken[2])
    loses_colour = picture[0] == 3 and taken[0] == 1
    says = f"{_words(picture)} becomes {_words(taken)}, which is what the prior '{spec.prior.name}' is for"
    if spec.prior.any_size:
        return Fit(f"{_words(picture)} becomes {_words(taken)}")
    if shrinks < SHRINKS and not loses_colour:
        return Fit(says)
    return Fit(says, _better(picture, spec.prior))


def _better(picture: Shape, prior: PriorChoice) -> str:
    """A prior of exactly that shape, else one for any size that keeps the colour."""
    others = {n: c() for n, c in priors().choices.items() if n not in (prior.name, "gaussian", "mixture")}
    for wanted in (lambda c: c.image_shape == picture, lambda c: c.any_size and c.takes(picture)):
        for name, choice in others.items():
            if wanted(choice):
                return name
    return ""


def _made_for(picture: Shape) -> str:
    """The trained prior of exactly that shape; of several the digits', which pictures of that size mostly are."""
    trained = {
        n: c() for n, c in priors().choices.items() if c().kind == "denoiser" and n not in ("gaussian", "mixture")
    }
    fits = [n for n, c in trained.items() if not c.any_size and c.image_shape == picture]
    return "mnist" if "mnist" in fits else fits[0] if fits else ""


def _rows_are_counted(operator: OperatorChoice) -> bool:
    """Whether a setting says how many rows there are, and not the picture's size."""
    return getattr(operator, "measurements", None) is not None


def scaled_rows(spec: RunSpec, was: Shape, now: Shape) -> RunSpec:
    """The spec for a picture of another shape: where its rows do not fit, the share of the pixels that was measured stays."""
    operator = spec.operator
    if not _rows_are_counted(operator) or was == now:
        return spec
    try:
        operator.rows_for(now)
    except InputError:
        share = math.prod(now) / math.prod(was)
        kept = max(1, round(operator.measurements * share))  # type: ignore[attr-defined]
        return spec.replace(operator=dataclasses.replace(operator, measurements=kept))  # type: ignore[call-arg]
    return spec


def with_share_of_rows(picture: Shape, before: RunSpec, now: RunSpec) -> RunSpec:
    """The changed spec ``now``; where its size asks for more orthogonal rows than there are pixels, the share of the
    pixels that ``before`` measured stays."""
    operator = now.operator
    if not operator.orthogonal_rows or not _rows_are_counted(operator) or operator != before.operator:
        return now
    was, pixels = (math.prod(spec.shape_for(picture)) for spec in (before, now))
    try:
        rows = operator.rows_for(before.shape_for(picture))
    except InputError:  # it did not fit before either
        return now
    if rows <= pixels:
        return now
    per_row = max(1, rows // operator.measurements)  # type: ignore[attr-defined]  # colour channels measured alike
    kept = max(1, round(rows * pixels / was) // per_row)
    return now.replace(operator=dataclasses.replace(operator, measurements=kept))  # type: ignore[call-arg]


def suited(picture: Shape, spec: RunSpec, prior: str) -> RunSpec:
    """The spec with another prior; a matrix that cannot be held for the picture's size gives way to ``dct``, and few rows
    for many pixels to half as many rows as pixels."""
    changed = spec.replace(prior=prior, size="auto", colour="auto")
    shape = changed.shape_for(picture)
    pixels = shape[0] * shape[1] * shape[2]
    operator: OperatorChoice = changed.operator
    too_few = operator.random_like and operator.rows_for(shape) < pixels // 20
    if operator.memory_for(shape) > LARGEST_DENSE or too_few:
        changed = changed.replace(operator=OPERATORS.parse(f"dct measurements={pixels // 2}"), algorithm="auto")
    return changed


def begin_with(picture: Shape, spec: RunSpec) -> RunSpec:
    """The set-up to begin with for a picture of this shape (channels, height, width), where nobody has chosen one: the spec as it
    is where it keeps the picture, the prior that would keep it else. A photograph takes ``natural`` at no more than ``LONGEST``
    pixels a side, half a bit for each of its values, and few samples."""
    instead = fit_between(picture, spec).instead
    if not instead:
        return spec
    if instead != "natural":
        return suited(picture, spec, instead)
    scale = min(1.0, LONGEST / max(picture[1:]))
    height, width = (max(2, round(n * scale / 2) * 2) for n in picture[1:])
    values = picture[0] * height * width
    return spec.replace(
        prior="natural", size=f"{width}x{height}", colour="auto", operator=f"dct measurements={values // 2}",
        quantizer="one-bit", noise=0.01, offset=None, algorithm="auto", samples=FIRST_SAMPLES,
    )  # fmt: skip


def is_untouched(spec: RunSpec, picture: Shape | None = None) -> bool:
    """Whether nobody has chosen any of it: it is the default, or what a picture of this shape began with; image, seed and device
    aside."""
    plain = RunSpec(image=spec.image, seed=spec.seed, device=spec.device)
    return not spec.measurement and (spec == plain or (picture is not None and spec == begin_with(picture, plain)))


def nearest_size(spec: RunSpec, shape: Shape) -> tuple[int, int] | None:
    """(width, height) of the largest crop of a picture of this shape (channels, height, width) that the operator can measure,
    where the shape itself does not divide as it must; None where there is none, or no need of one."""
    try:
        spec.operator.rows_for(shape)
        return None
    except InputError:
        pass
    channels, height, width = shape
    found: tuple[int, int] | None = None
    for step in range(2, 129):
        tried = (width // step * step, height // step * step)
        if min(tried) and (found is None or math.prod(tried) > math.prod(found)):
            try:
                spec.operator.rows_for((channels, tried[1], tried[0]))
            except InputError:
                continue
            if spec.prior.takes((channels, tried[1], tried[0])):
                found = tried
    powers = tuple(1 << (n.bit_length() - 1) for n in (width, height))
    if found is None and spec.prior.takes((channels, powers[1], powers[0])):
        try:
            spec.operator.rows_for((channels, powers[1], powers[0]))
        except InputError:
            return None
        found = powers  # type: ignore[assignment]
    return found
