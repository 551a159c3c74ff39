"""Codes of several bits were written in another way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Hypothesis, Mend

__all__ = ["BitsOfCodes"]

WIDEST = 16


class BitsOfCodes(Hypothesis):
    """Bits in reverse order, the highest one swapped (two's complement), all swapped, Gray's code; bytes exchanged."""

    name = "bits of codes"

    def mends(self, case: Case) -> Iterator[Mend]:
        y, measurement = case.pieces.get("y"), case.measurement
        if y is None:
            return
        if y.dtype.kind in "iu" and y.dtype.itemsize == 2 and measurement.is_linear:
            yield Mend("the two bytes of each number are exchanged", case.with_entries(y=y.byteswap()))
        quantizer = measurement.quantizer
        if (
            measurement.codes is None
            or quantizer is None
            or quantizer.thresholds is None
            or "thresholds" not in case.pieces
        ):
            return
        bits = (int(quantizer.cells) - 1).bit_length()
        codes = np.rint(y.astype(np.float64)).astype(np.int64)
        if int(quantizer.cells) != 1 << bits or bits > WIDEST or codes.min() < 0:
            return
        top = 1 << (bits - 1)
        for fault, told in (
            ("all bits of the codes are swapped", ((1 << bits) - 1) - codes),
            ("the highest bit of the codes is swapped", codes ^ top),
            ("the bits of the codes are in reverse order", _reversed(codes, bits)),
            ("the codes are Gray's", _from_gray(codes, bits)),
            ("the codes were taken for Gray's", codes ^ (codes >> 1)),
        ):
            if not np.array_equal(told, codes):
                yield Mend(fault, case.with_entries(y=told.astype(y.dtype)))


def _reversed(codes: np.ndarray, bits: int) -> np.ndarray:
    out = np.zeros_like(codes)
    for k in range(bits):
        out |= ((codes >> k) & 1) << (bits - 1 - k)
    return out


def _from_gray(codes: np.ndarray, bits: int) -> np.ndarray:
    out, shift = codes.copy(), 1
    while shift < bits:
        out ^= out >> shift
        shift *= 2
    return out
