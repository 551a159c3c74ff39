"""Gain, dark level and offset: what was measured is in other units than the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Finding, Hypothesis, Mend
from engine.sensing.entries import assemble, units_of

__all__ = ["DarkLevel", "GainAndOffset", "LightOfPhotons"]

OUTSIDE = 0.3
"""How far beyond black and white the picture has to lie before units are called wrong: any prior leaves them a little."""
BLACK = 0.1
"""Share of the range of a negative picture that may lie above 0."""
MOSTLY = 0.9
"""Share of negative light from which signs are wrong."""
DARKEST, BRIGHTEST = 0.005, 0.995
"""Shares of pixels that are taken for the darkest and the brightest."""
FULL_SCALES = {"u1": 255.0, "u2": 65535.0}
SHIFTED = 5.0
"""Standard errors by which a dark level has to differ from none."""
FAR, SURER = 10.0, 0.6
"""Standard errors from which a level is beyond doubt, and the share of the usual ones that its bits then have to exceed."""
ACCURATE = 0.05
"""Standard error of what is taken for the darkest and the brightest pixel."""


class DarkLevel(Hypothesis):
    """A constant in all measurements, as matrices that do not see a constant alike in all rows tell it from a brighter
    picture."""

    name = "dark level"

    def mends(self, case: Case) -> Iterator[Mend]:
        return iter(())

    def findings(self, case: Case) -> Iterator[Finding]:
        if not case.measurement.is_linear:
            return
        found = case.score(dark=True)
        level, error = found.prediction.dark
        gain, dark = units_of(case.pieces, case.rows)
        if len(gain) > 1 or abs(level) < SHIFTED * error:
            return
        dark = dark + level * gain
        fault = f"there is a dark level of {level * float(gain[0]):.4g} in all measurements"
        told = self.compared(
            case.scored, found, fault, case.with_entries(dark=dark if len(dark) > 1 else np.array(dark[0]))
        )
        # a few rows at the edge of what is seen tell nearly all of it: the level itself is the surer evidence
        yield replace(told, error=SURER * told.error) if abs(level) > FAR * error else told


class GainAndOffset(Hypothesis):
    """The picture that explains real values lies beyond black and white."""

    name = "gain and offset"
    turn = 1

    def mends(self, case: Case) -> Iterator[Mend]:
        return iter(())

    def findings(self, case: Case) -> Iterator[Finding]:
        measurement = case.measurement
        if not measurement.is_linear:
            return
        negative = self._negative(case)
        if negative > MOSTLY:
            mended = case.with_entries(y=self._turned(case))
            words, fault = "share of the light that is less than none", "all measurements have the wrong sign"
            after = self._negative(mended)
            yield Finding(self.name, fault, mended, negative - after, ACCURATE, words, negative, after)
            return
        low, high = self._range(case)
        before = max(-low, high - 1, 0.0)
        change = self._mended(case, low, high) if before > OUTSIDE else None
        if change is None:
            return
        fault, case = change
        low, high = self._range(case)
        after = max(-low, high - 1, 0.0)
        words = "distance of the picture from black to white"
        yield Finding(self.name, fault, case, before - after, ACCURATE, words, before, after)

    def _range(self, case: Case) -> tuple[float, float]:
        """The darkest and brightest pixels, whatever the file says of the noise: a wrong level makes wild pictures."""
        pixels = case.score(infer_noise=True).picture.numpy() + case.measurement.offset
        low, high = np.quantile(pixels, (DARKEST, BRIGHTEST))
        if (
            "kernel" in case.pieces
        ):  # what a lens adds up with weights from a scene lies within its range, all over the frame
            whole = assemble(case.pieces)
            white = float(np.asarray(case.pieces["kernel"], np.float64).sum())
            if whole.values is not None and white > 0 and whole.operator.non_negative:
                seen = np.quantile(whole.values[0].numpy() / white + whole.offset, (DARKEST, BRIGHTEST))
                low, high = min(low, seen[0]), max(high, seen[1])
        return float(low), float(high)

    def _negative(self, case: Case) -> float:
        """Share of the light measured that is less than none; 0 where rows have both signs or an offset was taken off."""
        measurement = case.measurement
        if not measurement.operator.non_negative or measurement.offset or measurement.values is None:
            return 0.0
        values = measurement.values.double()
        return float(-values.clamp_max(0).sum() / values.abs().sum().clamp_min(1e-300))

    def _turned(self, case: Case) -> np.ndarray:
        _, dark = units_of(case.pieces, case.pieces["y"].size)
        return 2 * dark.mean() - case.pieces["y"].astype(np.float64)

    def _mended(self, case: Case, low: float, high: float) -> tuple[str, Case] | None:
        y = case.pieces["y"]
        gain, dark = units_of(case.pieces, y.size)
        offset, spread = case.measurement.offset, high - low
        if high <= BLACK * spread and low >= -1 - OUTSIDE:
            return "all measurements have the wrong sign", case.with_entries(y=self._turned(case))
        if low >= -OUTSIDE * spread and high > 1 and (low <= OUTSIDE or spread > 1):
            scale = FULL_SCALES.get(y.dtype.str[1:], high)
            scale = scale if 0.2 * scale < high <= (1 + OUTSIDE) * scale else high
            total = gain * scale
            entry = np.array(total[0]) if len(total) == 1 else total
            return f"y is in other units: it is {float(np.mean(total)):.4g} times A x (the gain)", case.with_entries(
                gain=entry
            )
        if spread <= 1 + OUTSIDE:
            right = next((o for o in (0.5, 0.45, 0.0) if -low - 0.1 <= o - offset <= 1 - high + 0.1), None)
            right = round(offset - low + 0.5 * max(0.0, 1 - spread) * (low > 0), 3) if right is None else right
            if not 0 <= right <= 1:
                shift = low if low > 0 else high - 1
                white = float(case.scored.response.white.mean())
                level = shift * white
                darker = dark + level * gain
                entry = np.array(darker[0]) if len(darker) == 1 else darker
                return (
                    f"there is a dark level of {level * float(gain.mean()):.4g} in all measurements",
                    case.with_entries(dark=entry),
                )
            return f"what was measured is A (x - {right:g}) (the offset)", case.with_entries(offset=np.array(right))
        total = gain * spread
        entry = np.array(total[0]) if len(total) == 1 else total
        words = f"the gain is about {float(np.mean(total)):.4g}, and what was measured is A (x - {-low / spread:.2g})"
        fault = f"y is in other units: {words}"
        return fault, case.with_entries(gain=entry, offset=np.array(min(1.0, max(0.0, -low / spread))))


class LightOfPhotons(Hypothesis):
    """Gain and dark counts of photons."""

    name = "light"
    FACTORS, DARK = (0.1, 0.3, 0.6, 1.7, 3.0, 10.0), (0.0, 0.1, 0.3, 1.0, 3.0)

    def mends(self, case: Case) -> Iterator[Mend]:
        if "photons" not in case.pieces:
            return
        gain, dark = units_of(case.pieces, case.rows)
        for factor in self.FACTORS:
            fault = f"the gain of the photons is about {float((gain * factor).mean()):.3g}"
            yield Mend(fault, case.with_entries(gain=gain * factor))
        typical = float(np.asarray(case.pieces["y"], np.float64).mean())
        for share in self.DARK:
            level = np.full_like(dark, share * typical)
            if not np.allclose(level, dark):
                yield Mend(f"the dark level is about {share * typical:.3g} photons", case.with_entries(dark=level))
