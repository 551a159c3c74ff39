"""The kernel of a camera is turned or flipped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Hypothesis, Mend

__all__ = ["KernelTurned"]


class KernelTurned(Hypothesis):
    """Turned by 180 degrees (correlation for convolution), flipped, or transposed."""

    name = "kernel"

    def mends(self, case: Case) -> Iterator[Mend]:
        kernel = case.pieces.get("kernel")
        if kernel is None:
            return
        # the spectrum of a picture has no direction, so that a kernel and its mirror image blur it to the same covariance
        for fault, turned, mirrored in (
            ("the kernel is turned by 180 degrees", kernel[::-1, ::-1], True),
            ("the kernel is flipped from left to right", kernel[:, ::-1], False),
            ("the kernel is upside down", kernel[::-1], False),
            ("the kernel is transposed", kernel.T, False),
        ):
            if turned.shape == kernel.shape and not np.array_equal(turned, kernel):
                yield Mend(fault, case.with_entries(kernel=np.ascontiguousarray(turned)), mirrored)
