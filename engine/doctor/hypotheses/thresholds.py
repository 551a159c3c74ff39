"""Thresholds or edges of cells that are shifted, or in other units than A x."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Finding, Hypothesis, Mend

__all__ = ["Thresholds"]

SHIFTS, FACTORS = (-1.5, -0.5, 0.5, 1.5), (0.1, 0.4, 2.5, 10.0)
FINER, LEAST_FACTOR = 3, 3.0


class Thresholds(Hypothesis):
    """All of them too high or too low by the same, or too large or small by the same factor."""

    name = "thresholds"

    def mends(self, case: Case) -> Iterator[Mend]:
        return iter(())

    def findings(self, case: Case) -> Iterator[Finding]:
        if case.measurement.lower is None or "dither" in case.pieces:
            return
        deviation = float(case.scored.response.gram.diagonal().mean()) ** 0.5
        for words, trials, change in (
            ("shifted by {:+.3g}", [deviation * s for s in SHIFTS], lambda t, by: t - by),
            ("too large by a factor of {:.3g}", list(FACTORS), lambda t, by: t / by),
        ):
            found = self._best(case, words, trials, change, 0.0 if "shift" in words else 1.0)
            yield found
            yield from self.made_possible(case, Mend(found.fault, found.case))

    def _best(self, case: Case, words: str, trials: list[float], change, nothing: float) -> Finding:
        """The best of the trials, made finer in turns."""
        tried = {nothing: case}

        def worth(by: float) -> float:
            if by not in tried:
                tried[by] = _changed(case, lambda t: change(t, by))
            return tried[by].scored.total

        known = sorted({nothing, *trials})
        for by in known:
            worth(by)
        for _ in range(FINER):
            known = sorted(tried)
            best = max(range(len(known)), key=lambda k: worth(known[k]))
            for k in (best - 1, best + 1):
                if 0 <= k < len(known):
                    pair = known[best], known[k]
                    worth((pair[0] * pair[1]) ** 0.5 if nothing else sum(pair) / 2)
        by = max(tried, key=worth)
        fault = f"the thresholds are {words.format(by)}"
        found = self.compared(case.scored, tried[by].scored, fault, tried[by])
        # a picture of another contrast than the usual looks like a factor
        usual = by == nothing or (nothing and 1 / LEAST_FACTOR < by < LEAST_FACTOR)
        return replace(found, gain=0.0) if usual else found


def _changed(case: Case, change) -> Case:
    entries: dict[str, np.ndarray] = {
        k: change(np.asarray(case.pieces[k], np.float64)) for k in ("thresholds", "lower", "upper") if k in case.pieces
    }
    if not entries:  # signs alone: the threshold is 0
        entries = {"thresholds": change(np.zeros(1))}
        y = case.pieces["y"]
        entries["y"] = (np.asarray(y, np.float64) > 0).astype(np.int64)
    return case.with_entries(**entries)
