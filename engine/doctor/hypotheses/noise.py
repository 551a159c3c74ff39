"""The noise is another than the file says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Finding, Hypothesis, Mend

__all__ = ["NoiseLevel"]

TOO_SMALL, TOO_LARGE, FAR_TOO_LARGE, FELT = 2.5, 3.0, 30.0, 0.15
"""Factors by which a noise level has to be wrong. One that is too large does little harm, and stands for a kernel that is not
known exactly, up to this share of the deviation of what was seen."""
FACTORS = (0.05, 0.15, 0.4, 2.5, 6.0, 20.0)


class NoiseLevel(Hypothesis):
    """Too small or too large by a factor."""

    name = "noise"
    turn = 2

    def mends(self, case: Case) -> Iterator[Mend]:
        return iter(())

    def findings(self, case: Case) -> Iterator[Finding]:
        measurement = case.measurement
        each = case.pieces.get("noise")
        if each is None or "photons" in case.pieces:
            return
        if measurement.is_linear:
            found = case.score(infer_noise=True)
            level = found.prediction.noise
            factor = level / max(measurement.noise, 1e-300)
            felt = float(np.median(each)) / max(float(np.std(case.pieces["y"])), 1e-300)
            blocks = case.scored.response.block > 1  # what lies within a block looks like noise
        else:
            trials = {f: case.score(noise=f * measurement.noise) for f in FACTORS} if measurement.noise > 0 else {}
            trials[1.0] = case.scored
            factor = max(trials, key=lambda f: trials[f].total)
            found, felt, blocks = trials[factor], 1.0, False
        wrong = (
            (factor > TOO_SMALL and not blocks)
            or factor < 1 / FAR_TOO_LARGE
            or (factor < 1 / TOO_LARGE and felt > FELT)
        )
        level = float(np.median(each)) * factor if measurement.noise > 0 else found.prediction.noise
        words = "small" if factor > 1 else "large"
        fault = f"the noise is about {level:.3g}: that of the file is too {words}"
        mended = case.with_entries(noise=each * factor if each.size > 1 else np.array(level))
        finding = self.compared(case.scored, found, fault, mended)
        yield finding if wrong else replace(finding, gain=0.0)
