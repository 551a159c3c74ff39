"""What was seen lies in another order than the rows of the matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from engine.doctor.case import Case
from engine.doctor.hypotheses.base import Hypothesis, Mend

__all__ = ["OrderOfMeasurements"]

PACKED = 8


class OrderOfMeasurements(Hypothesis):
    """Pictures of the sensor that are transposed, flipped or written column by column; lists that run backwards, that begin one
    late, or whose bits were packed into bytes from the other end."""

    name = "order of measurements"

    def mends(self, case: Case) -> Iterator[Mend]:
        seen = case.pieces.get("y", case.pieces.get("lower"))
        assert seen is not None
        order = np.arange(seen.size)
        sheet = self._sheet(case, seen)
        if sheet is not None:
            yield from self._of_pictures(case, order.reshape(sheet), flat=seen.ndim != 2)
        if seen.ndim != 2 or 1 in seen.shape:
            yield Mend("the measurements run backwards", case.with_entries(order=order[::-1].copy()))
            for shift, words in ((-1, "late"), (1, "early")):
                yield Mend(f"the measurements begin one {words}", case.with_entries(order=np.roll(order, shift)))
        one_bit = case.measurement.codes is not None and case.measurement.codes.max() <= 1
        if one_bit and seen.size >= PACKED:
            turned, whole = order.copy(), seen.size // PACKED * PACKED
            turned[:whole] = order[:whole].reshape(-1, PACKED)[:, ::-1].reshape(-1)
            yield Mend("the bits of each byte are in reverse order", case.with_entries(order=turned))

    def _sheet(self, case: Case, seen: np.ndarray) -> tuple[int, int] | None:
        """Height and width of what was seen as a picture."""
        if seen.ndim == 2 and min(seen.shape) > 1:
            return seen.shape[0], seen.shape[1]
        operator = case.measurement.operator
        for name in ("sensor", "scan"):
            sheet = getattr(operator, name, None)
            if sheet is not None and math.prod(sheet) == seen.size:
                return sheet[0], sheet[1]
        _, height, width = operator.image_shape
        if height * width == seen.size and not case.pieces.keys() & {"A", "indptr"}:
            return height, width
        return None

    def _of_pictures(self, case: Case, order: np.ndarray, flat: bool) -> Iterator[Mend]:
        height, width = order.shape

        def like(turned: np.ndarray) -> Case:
            return case.with_entries(order=turned.reshape(-1).copy() if flat else np.ascontiguousarray(turned))

        words = "transposed" if height == width else "written column by column"
        by_columns = order.reshape(width, height).T
        yield Mend(f"the picture of the sensor is {words}", like(by_columns))
        yield Mend("the picture of the sensor is flipped from left to right", like(order[:, ::-1]))
        yield Mend("the picture of the sensor is upside down", like(order[::-1]))
        yield Mend("the picture of the sensor is turned by 180 degrees", like(order[::-1, ::-1]))
        if height == width:
            yield Mend("the picture of the sensor is turned by 90 degrees", like(by_columns[::-1]))
            yield Mend("the picture of the sensor is turned by -90 degrees", like(by_columns[:, ::-1]))
