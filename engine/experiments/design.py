"""The best split of a budget into measurements and bits, predicted by state evolution before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import InputError
from engine.priors.choice import Shape
from engine.runs.expectation import expect
from engine.runs.spec import RunSpec

__all__ = ["BUDGETS", "Design", "design"]

BITS = (1, 2, 3, 4, 5, 6)
DITHERS = ("dithered", "dithered known=false")
BUDGETS = ("bits", "rows")


@dataclass(frozen=True)
class Split:
    """One way to spend the budget: ``quantizer`` as it is written, with its range settled, and what it is expected to give
    (PSNR in dB on average, and between what four of five pictures lie)."""

    quantizer: str
    label: str
    bits: int
    rows: int
    noise: float
    psnr: float
    low: float
    high: float


@dataclass(frozen=True)
class Design:
    """``splits`` by bits, ``best`` the one with the highest expected PSNR; ``spec`` takes it over."""

    splits: tuple[Split, ...]
    best: Split
    spec: RunSpec

    def as_dict(self) -> dict[str, Any]:
        return {
            "best": asdict(self.best),
            "splits": [asdict(s) for s in self.splits],
            "operator": str(self.spec.operator),
            "prior": self.spec.prior.name,
            "command": self.spec.as_command(),
        }


def design(
    spec: RunSpec, shape: Shape, budget: float, kind: str = "bits", fixed_time: bool = False,
    quantizers: Sequence[str] = (),
) -> Design:  # fmt: skip
    """Compares all splits of a budget.

    Arguments: ``spec`` gives operator (a random-like one, whose rows are replaced), prior, noise and offset; ``budget`` is
    bits per pixel value with ``kind`` bits, or rows per pixel value with ``kind`` rows; with ``fixed_time`` the time of all
    measurements together is given, so that fewer rows are measured for longer each: the noise of M of N rows is
    noise sqrt(M / N). Raises InputError where nothing can be predicted.
    """
    if kind not in BUDGETS:
        raise InputError(f"budget={kind} is not valid: give one of {', '.join(BUDGETS)}.")
    if not 0 < budget <= 64:
        raise InputError(f"A budget of {budget:g} {kind} per pixel is not valid: give a number above 0, up to 64.")
    if not spec.operator.random_like or "measurements" not in spec.operator.settings():
        raise InputError(f"With the operator '{spec.operator.name}' nothing can be predicted; take dct or gaussian.")
    pixels = shape[0] * shape[1] * shape[2]
    written = quantizers or (*("one-bit", *DITHERS), *(f"uniform bits={b}" for b in BITS[1:]))
    tried = []
    for text in written:
        one = spec.replace(quantizer=text, algorithm="turbo", image=spec.image)
        bits = one.quantizer.bits_per_measurement or 32
        rows = int(budget * pixels / bits) if kind == "bits" else int(budget * pixels)
        operator = _with_rows(spec, shape, rows) if rows else None
        if operator is None:
            continue
        noise = spec.noise * (operator.measurements / pixels) ** 0.5 if fixed_time else spec.noise
        tried.append((text, bits, one.replace(operator=operator, noise=noise)))
    if not tried:
        raise InputError("The budget is too small for a single measurement; give more.")
    splits = []
    for text, bits, one in tried:
        found = expect(one, shape)
        if found is None:
            raise InputError(
                f"Nothing can be predicted for the prior '{spec.prior.name}' with '{spec.operator.name}': take a random-like "
                "operator, as dct, and a prior whose card tells the errors of single pictures, as mnist or natural."
            )
        rows = one.operator.rows_for(shape)
        splits.append(Split(text, one.quantizer.label, bits, rows, one.noise, found.psnr, found.low, found.high))
    best = max(range(len(splits)), key=lambda i: splits[i].psnr)
    return Design(tuple(splits), splits[best], tried[best][2])


def _with_rows(spec: RunSpec, shape: Shape, rows: int):
    """The operator with so many rows, or as many as it can have; None where it cannot have any."""
    channels = shape[0] if getattr(spec.operator, "colour", "joint") == "per-channel" else 1
    for count in (rows // channels, shape[0] * shape[1] * shape[2] // channels):
        if count < 1:
            continue
        operator = spec.operator.replace(measurements=count)
        try:
            operator.rows_for(shape)
        except InputError:
            continue
        return operator
    return None
