"""Rows of the matrix, or what was seen through them, have the wrong sign."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Finding, Hypothesis, Mend
from engine.doctor.leave_one_out import predict_values
from engine.sensing.entries import units_of

__all__ = ["SignsOfRows"]

TURNS = 30
WORTH_SINGLE, SURER = 0.05, 0.6
"""Bits of each measurement that single rows must be worth, and the share of the usual standard errors that they must exceed."""
LIKELY, FEW = 0.5, 0.05
"""Nats by which a row has to be likelier with the other sign, and the share of wrong rows that is thought of at least: right ones
are taken for wrong less often where there are few."""


class SignsOfRows(Hypothesis):
    """Every other row, one half, one kind of wavelet, all bits, or single rows."""

    name = "signs of rows"

    def mends(self, case: Case) -> Iterator[Mend]:
        measurement = case.measurement
        rows = case.rows
        one_bit = (
            measurement.codes is not None and int(measurement.codes.max()) <= 1 and "thresholds" not in case.pieces
        )
        if "photons" in case.pieces or not (measurement.is_linear or one_bit):
            return
        if case.pieces.get("transform") is not None and str(case.pieces["transform"].reshape(-1)[0]) == "haar":
            rising = int(case.pieces.get("rising", np.array(0)).reshape(-1)[0])
            fault = "the details of the wavelets have the opposite sign (see 'rising')"
            # signs of details say next to nothing of each other to a prior that knows no edges
            yield Mend(fault, case.with_entries(rising=np.array(1 - rising)), mirrored=one_bit)
            yield from self._of_wavelets(case, one_bit)
        number = np.arange(rows)
        for words, wrong in (
            ("every other measurement", number % 2 == 1),
            ("one half of the measurements", 2 * number >= rows),
        ):
            yield Mend(f"{words} has the wrong sign", self._with_signs(case, wrong))
        if one_bit:
            yield Mend("all signs are swapped", self._with_signs(case, np.ones(rows, bool)), mirrored=True)

    def _of_wavelets(self, case: Case, one_bit: bool) -> Iterator[Mend]:
        _, height, width = case.measurement.operator.image_shape
        index = case.pieces.get("index", np.arange(height * width)).reshape(-1).astype(np.int64)
        row, column = index // width, index % width
        levels = int(case.pieces.get("levels", np.array(1)).reshape(-1)[0])
        across, along = np.zeros(len(index), bool), np.zeros(len(index), bool)
        for level in range(levels):
            high, wide = height >> (level + 1), width >> (level + 1)
            inside = (row < 2 * high) & (column < 2 * wide)
            across |= inside & (row >= high) & (column < wide)
            along |= inside & (row < high) & (column >= wide)
        for words, wrong in (("rows", across), ("columns", along)):
            if wrong.any():
                yield Mend(
                    f"the details across {words} have the wrong sign", self._with_signs(case, wrong), mirrored=one_bit
                )

    def _with_signs(self, case: Case, wrong: np.ndarray) -> Case:
        """The measurements that are ``wrong`` (rows,) with the other sign."""
        y = case.pieces["y"]
        flat = y.reshape(-1).astype(np.float64)
        if case.measurement.is_linear:
            _, dark = units_of(case.pieces, case.rows)
            turned = np.where(wrong, 2 * dark - flat, flat)
        else:
            low, high = flat.min(), flat.max()
            turned = np.where(wrong, low + high - flat, flat).astype(y.dtype)
        return case.with_entries(y=turned.reshape(y.shape))

    def findings(self, case: Case) -> Iterator[Finding]:
        yield from super().findings(case)
        single = self._single(case)
        if single is not None:
            yield single

    def _single(self, case: Case) -> Finding | None:
        """Single rows of real values: in turns, the rows that the others say have the other sign are turned, the surest first.
        Naming k of n rows costs ln (n over k)."""
        measurement, before = case.measurement, case.scored
        if not measurement.is_linear or case.is_part:
            return None
        assert measurement.values is not None
        response = before.response
        y = measurement.values[0, response.rows].double()
        # wrong signs look like noise
        found = predict_values(response, y, None)
        signs = torch.ones_like(y)
        for turn in range(TURNS):
            other = -0.5 * ((-signs * y - found.mean).square() - (signs * y - found.mean).square()) / found.variance
            share = min(max(float((signs < 0).double().mean()), FEW), 0.5)
            wrong = other > signs * max(math.log((1 - share) / share), LIKELY)
            most = max(1, int(wrong.sum()) // 2) if turn < TURNS - 1 else int(wrong.sum())
            if not bool(wrong.any()):
                break
            surest = other.argsort(descending=True)[:most]
            signs[surest[wrong[surest]]] *= -1
            found = predict_values(response, signs * y, None)
        if float(signs.mean()) < 0:
            signs = -signs
        turned, count = int((signs < 0).sum()), len(y)
        if not turned or 2 * turned > 0.9 * count:
            return None
        # the same for rows that were not looked at, by the picture
        picture = torch.nn.functional.interpolate(
            response.picture(found.weights)[None].float(), scale_factor=float(response.block)
        )
        _, height, width = measurement.operator.image_shape
        z = measurement.operator.forward(picture[..., :height, :width])[0].double()
        values = measurement.values[0].double()
        sure = found.variance.mean() * LIKELY
        wrong = (values * z < 0) & (2 * (values * z).abs() > sure)
        wrong[response.rows] = signs < 0
        mended = self._with_signs(case, wrong.numpy())
        cost = math.lgamma(count + 1) - math.lgamma(turned + 1) - math.lgamma(count - turned + 1)
        finding = self.compared(
            before, mended.scored, f"{int(wrong.sum()):,} of the measurements have the wrong sign", mended
        )
        gain = finding.gain - cost / count / math.log(2)
        # what the choice of rows costs is taken off, and few rows make all of the difference, so that its error is large
        return replace(finding, gain=gain if gain > WORTH_SINGLE else 0.0, error=SURER * finding.error)
