"""The contract of a hypothesis: one usual fault of measurement files, and how a file that has it is mended."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.doctor.case import Case, Scored

__all__ = ["Finding", "Hypothesis", "Mend"]

SURE, WORTH, WORTH_MIRRORED = 5.0, 0.02, 0.002
"""Standard errors by which measurements have to be predicted better, and bits of each, before a fault is named; mirror images are
compared measurement by measurement, and explain nearly the same."""

RARELY = 0.1
"""Share of the impossible reports that may be left by a mend."""


@dataclass(frozen=True)
class Mend:
    """``fault``: what would be wrong, in one clause. ``case`` is the file without it. ``mirrored`` says that a mend changes the
    picture into its mirror image or the like, between which only the prior of the sharp look can tell."""

    fault: str
    case: Case
    mirrored: bool = False
    turned: bool = False
    """Whether that is the picture turned or seen in a mirror, which priors of pictures of any size find as good."""


@dataclass(frozen=True)
class Finding:
    """A fault with its evidence. ``gain`` is in bits of a measurement, ``error`` its standard error; ``before`` and ``after`` are
    what the evidence is about, in words of ``evidence``."""

    hypothesis: str
    fault: str
    case: Case
    gain: float
    error: float
    evidence: str
    before: float
    after: float
    mirrored: bool = False
    alternatives: tuple[str, ...] = ()
    """Other faults that explain as much."""

    @property
    def is_significant(self) -> bool:
        return self.gain > max(SURE * self.error, WORTH_MIRRORED if self.mirrored else WORTH)

    @property
    def words(self) -> str:
        """The fault and its evidence, in one line."""
        fault = self.fault[:1].upper() + self.fault[1:]
        digits = 4 if self.mirrored else 2
        before, after, gain, error = (f"{v:.{digits}f}" for v in (self.before, self.after, self.gain, self.error))
        fault += "".join(f"; or {other}" for other in self.alternatives)
        return f"{fault} ({self.evidence}: {before}, without the fault {after}; better by {gain} +- {error})"

    def as_dict(self) -> dict[str, Any]:
        values = {
            k: getattr(self, k)
            for k in ("hypothesis", "fault", "gain", "error", "evidence", "before", "after", "alternatives")
        }
        return {k: round(v, 6) if isinstance(v, float) and np.isfinite(v) else v for k, v in values.items()}


class Hypothesis(ABC):
    """One kind of fault."""

    name: ClassVar[str]
    turn: ClassVar[int] = 0
    """Faults of a later turn are looked for when none of an earlier one is left: they would make up for those in part.
    Mirror images
    are looked at between the turns 1 and 2."""

    @abstractmethod
    def mends(self, case: Case) -> Iterator[Mend]:
        """Files that lack the fault, where this one might have it."""

    def findings(self, case: Case) -> Iterator[Finding]:
        """Every mend with the evidence for it: how much better each measurement is predicted by the others."""
        for mend in self.mends(case):
            if not mend.mirrored:
                yield self.compared(case.scored, mend.case.scored, mend.fault, mend.case)
                yield from self.made_possible(case, mend)

    def made_possible(self, case: Case, mend: Mend) -> Iterator[Finding]:
        """The evidence that reports which no picture gives are possible with the mend: to a Gaussian model a negative is as
        likely as any picture, and thresholds that are never reached are no surprise."""
        before = case.impossible
        after = mend.case.impossible if before else None
        if before and after is not None and after < RARELY * before:
            error = math.sqrt(before * (1 - before) / case.rows)
            words = "share of the reports that no picture between black and white gives"
            yield Finding(self.name, mend.fault, mend.case, before - after, error, words, before, after)

    def compared(self, before: Scored, after: Scored, fault: str, case: Case) -> Finding:
        gain, error = after.gain_over(before)
        return Finding(
            self.name, fault, case, gain, error, "bits that other measurements tell of each", before.bits, after.bits
        )
