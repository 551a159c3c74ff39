"""The columns of the matrix are in another order than the pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Hypothesis, Mend

__all__ = ["OrderOfColumns"]


class OrderOfColumns(Hypothesis):
    """MATLAB's order, column by column; height and width exchanged; colours beside each other instead of one after another."""

    name = "order of columns"

    def mends(self, case: Case) -> Iterator[Mend]:
        if not case.pieces.keys() & {"A", "indptr"}:
            return
        channels, height, width = case.measurement.operator.image_shape
        pixels = np.arange(channels * height * width).reshape(channels, height, width)
        if min(height, width) > 1:
            by_columns = pixels.transpose(0, 2, 1).reshape(-1)
            # a square picture is only transposed by this
            yield Mend(
                "the columns of the matrix are in MATLAB's order, or height and width are exchanged",
                self._of(case, by_columns), mirrored=height == width, turned=height == width,
            )  # fmt: skip
        if channels > 1:
            together = pixels.transpose(1, 2, 0).reshape(-1)
            yield Mend("the columns of the matrix hold the colours of a pixel side by side", self._of(case, together))

    def _of(self, case: Case, place: np.ndarray) -> Case:
        """Column k of the file's matrix is that of pixel ``place[k]``."""
        if "A" in case.pieces:
            matrix = np.empty_like(case.pieces["A"])
            matrix[:, place] = case.pieces["A"]
            return case.with_entries(A=matrix)
        return case.with_entries(indices=place[case.pieces["indices"].astype(np.int64)])
