"""Checks a measurement file: whether what was seen, matrix and noise can belong together, and which usual fault it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses import HYPOTHESES, Finding, Hypothesis
from engine.doctor.hypotheses.noise import FACTORS, NoiseLevel
from engine.doctor.sharp_look import compare, default_prior, tells
from engine.errors import InputError
from engine.priors.choice import PriorChoice

__all__ = ["Report", "check"]

MOST_FAULTS = 3
AS_GOOD = 2.0
"""Standard errors within which a likelier fault explains as much as the best."""
MOST_NAMED = 2
TELLING, BELONGS, CERTAIN, MOSTLY = 0.02, 0.2, 4.0, 0.5
"""Bits that a measurement must tell of another before anything can be said, the share of what is expected that has to be
found, how sure that must be, and the share that needs not to be sure."""

POSSIBLE = 0.02
"""Share of impossible reports up to which dead pixels and the like may be meant."""


@dataclass(frozen=True)
class Report:
    """``found`` are the faults, each mended before the next was looked for; ``pieces`` the entries with all mends. ``bits``
    is how much the other measurements say of one, of the file as it is and as mended; ``expected`` what they would where
    all is right."""

    found: tuple[Finding, ...]
    pieces: dict[str, np.ndarray]
    bits: float
    bits_mended: float
    error: float
    expected: float
    judged: bool = True
    seen: bool = False
    """Whether a reconstruction with a prior that knows edges predicts the rest, where the numbers above say less."""
    impossible: float = 0.0
    """Share of the reports that no picture between black and white gives."""

    @property
    def belongs(self) -> bool:
        """Whether y and matrix, as mended, belong together as far as can be seen."""
        if self.impossible > POSSIBLE:
            return False
        if not self.judged or not self._telling or self.seen:
            return True
        least = max(BELONGS * self.expected, CERTAIN * self.error)
        return bool(self.bits_mended > min(least, MOSTLY * self.expected))

    @property
    def verdict(self) -> str:
        """One or two sentences."""
        if not self.judged:
            return "Nothing can be said: the operator is not linear."
        if self.impossible > POSSIBLE:
            share = f"{100 * self.impossible:.0f} % of what was reported no picture between black and white gives"
            return f"{self._faults}y and the matrix do not seem to belong together: {share}.".strip()
        if not self._telling:
            said = "The measurements say too little of each other to be checked against one another."
            return said if not self.found else f"{self._faults}{said[:1].lower()}{said[1:]}"
        numbers = f"the other measurements tell {self.bits_mended:.2f} bits of each, {self.expected:.2f} are expected"
        if not self.belongs:
            return f"{self._faults}y and the matrix do not seem to belong together: {numbers}.".strip()
        if self.seen:
            numbers += ", and a reconstruction from a part predicts the rest"
        return f"{self._faults}y, matrix and noise can belong together: {numbers}."

    @property
    def _telling(self) -> bool:
        """Whether the measurements are expected to say enough of each other for their silence to mean something."""
        return bool(self.expected >= max(TELLING, CERTAIN * self.error))

    @property
    def _faults(self) -> str:
        if not self.found:
            return ""
        count = len(self.found)
        return f"{'A fault was' if count == 1 else f'{count} faults were'} found. As mended, "

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "belongs": self.belongs, "faults": [f.as_dict() for f in self.found],
            "bits": round(self.bits, 4), "bits_mended": round(self.bits_mended, 4), "expected": round(self.expected, 4),
        }  # fmt: skip


def check(
    pieces: Mapping[str, np.ndarray], prior: PriorChoice | None = None, progress: Callable[[float, str], None] | None = None,
    hypotheses: tuple[Hypothesis, ...] = HYPOTHESES,
) -> Report:  # fmt: skip
    """Checks the entries of a measurement file. ``prior`` (a denoiser) decides between mirror images; ``progress`` hears the
    share
    done and what is looked at. Raises InputError where the entries are no measurement."""
    case = Case.of(pieces)
    if not case.measurement.operator.is_linear:
        return Report((), dict(pieces), 0.0, 0.0, 0.0, 0.0, judged=False)
    case.choose_exponent()
    first, found = case, []
    for turn in range(MOST_FAULTS + 1):

        def tell(share: float, what: str, turn: int = turn) -> None:
            if progress is not None:
                progress(1 - 0.5**turn * (1 - 0.5 * share), what)

        significant = _findings(case, prior or default_prior(), hypotheses, tell)
        if not significant or turn == MOST_FAULTS:
            break
        best = _likeliest(significant)
        found.append(best)
        case = best.case
    bits, error = _certainty(case)
    expected = case.scored.prediction.expected / np.log(2)
    beyond = case.impossible or 0.0
    report = Report(tuple(found), case.pieces, first.scored.bits, bits, error, expected, impossible=beyond)
    if not report.belongs and (told := tells(case, prior or default_prior())) is not None:
        report = replace(report, seen=told[0] > max(TELLING, CERTAIN * told[1]))
    if progress is not None:
        progress(1.0, "")
    return report


def _certainty(case: Case) -> tuple[float, float]:
    gained = case.scored.prediction.log_prob - case.scored.prediction.chance
    return case.scored.bits, float(gained.std()) / len(gained) ** 0.5 / np.log(2)


def _findings(
    case: Case, prior: PriorChoice, hypotheses: tuple[Hypothesis, ...], tell: Callable[[float, str], None]
) -> list[Finding]:
    """The significant ones. What a later look would have to be repeated for is not looked at: mirror images wait until
    nothing else
    is wrong, and what makes up for other faults in part comes last."""
    found: list[Finding] = []
    looks = [(h, False) for turn in (0, 1) for h in hypotheses if h.turn == turn]
    looks += [(h, True) for h in hypotheses] + [(h, False) for h in hypotheses if h.turn > 1]
    reached = 0
    for number, (hypothesis, mirrored) in enumerate(looks):
        if found and (mirrored or hypothesis.turn > reached):
            break
        reached = max(reached, hypothesis.turn)
        tell(number / len(looks), hypothesis.name)
        with suppress(InputError):  # what such a mend makes of the file is no measurement
            seen = _mirrored(hypothesis, case, prior) if mirrored else hypothesis.findings(case)
            found += [f for f in seen if f.is_significant and (mirrored or _despite_noise(case, f))]
    return found


def _despite_noise(case: Case, found: Finding) -> bool:
    """Whether a mend of reports explains more than another noise would: with one that is far too large, reports that lie at the
    edges are likelier, and wrong ones do."""
    measurement = case.measurement
    if (
        found.hypothesis == NoiseLevel.name
        or measurement.is_linear
        or "photons" in case.pieces
        or not measurement.noise
    ):
        return True
    levels = [factor * measurement.noise for factor in (*FACTORS, 1.0)]
    before, after = (max(c.score(noise=level).total for level in levels) for c in (case, found.case))
    return after > before


def _mirrored(hypothesis: Hypothesis, case: Case, prior: PriorChoice) -> Iterator[Finding]:
    for mend in hypothesis.mends(case):
        decidable = mend.mirrored and not (mend.turned and prior.any_size)
        if decidable and (told := compare(case, mend.case, prior)) is not None:
            words = "bits that a reconstruction from a part tells of what was left out"
            yield Finding(hypothesis.name, mend.fault, mend.case, *told[:2], words, *told[2:], mirrored=True)


def _tells_little(case: Case) -> bool:
    return bool(case.scored.bits < MOSTLY * case.scored.prediction.expected / np.log(2))


def _likeliest(found: list[Finding]) -> Finding:
    """The first, in the order of the hypotheses, that explains as much as the best within the error of that; before it those
    after whose mend the measurements say of each other what is expected."""
    best = max(found, key=lambda f: f.gain)
    as_good = [f for f in found if f.gain > best.gain - max(AS_GOOD * best.error, 0.01 * best.gain)]
    if len(as_good) > 1:
        as_good.sort(key=lambda f: _tells_little(f.case))
    return replace(as_good[0], alternatives=tuple(f.fault for f in as_good[1 : 1 + MOST_NAMED]))
