"""Tomography: every measurement is an integral along a ray through the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.sensing.operators.base import ImagingChoice, Operator, refuse_if_too_large
from engine.settings import integer, number, one_of

__all__ = ["Tomography"]

MOST_PER_PIXEL = 1.45
"""Rays one pixel apart that cross a pixel, at most, at an angle."""


@dataclass(frozen=True)
class Tomography(ImagingChoice):
    """Tomography: integrals along rays, parallel or in a fan, in units of pixels times brightness."""

    name = "tomography"
    label = "Tomography"

    beam: str = one_of(
        "parallel", ("parallel", "fan"), "Beam", "Rays side by side, or from one source to a flat detector."
    )
    angles: int = integer(60, "Angles", "Directions that are looked from, evenly over the range.", low=1, high=100_000)
    first: float = number(
        0.0, "First angle", "Anticlockwise; at 0 rays run upwards.", unit="degrees", low=-360, high=360, expert=True
    )
    range: float = number(
        180.0,
        "Range",
        "Of the angles; less than 180 is limited-angle tomography.",
        unit="degrees",
        above=0,
        high=360,
        expert=True,
    )
    detectors: int | None = integer(
        None, "Detectors", "Rays per angle; auto has them one pixel apart (at the middle of the picture).",
        unit="rays", low=1, high=100_000, expert=True)  # fmt: skip
    source: float = number(
        2.0,
        "Source distance",
        "From the middle, for a fan, in diagonals of the picture.",
        above=0.5,
        high=1000,
        expert=True,
    )

    @property
    def has_eigenbasis(self) -> bool:
        return False

    @property
    def sees_neighbours(self) -> bool:
        return False

    def _count(self, image_shape: tuple[int, int, int]) -> int:
        return self.detectors or math.ceil(self._seen_width(image_shape))

    def _seen_width(self, image_shape: tuple[int, int, int]) -> float:
        """Width at the middle, in pixels, of rays that cover the whole picture."""
        diagonal = math.hypot(*image_shape[1:])
        if self.beam == "parallel":
            return diagonal
        return 2 * self.source * diagonal * math.tan(math.asin(0.5 / self.source))

    def rows_for(self, image_shape: tuple[int, int, int]) -> int:
        return image_shape[0] * self.angles * self._count(image_shape)

    def mean_row_norm_squared(self, image_shape: tuple[int, int, int]) -> float:
        # the sum of lengths in a pixel is its area over the distance of rays; the mean square of a length over its mean is 0.945
        height, width = image_shape[1:]
        return 0.945 * height * width / self._seen_width(image_shape)

    def memory_for(self, image_shape: tuple[int, int, int]) -> int:
        from engine.sensing.operators.sparse import bytes_for

        pixels, count = math.prod(image_shape[1:]), self._count(image_shape)
        crossed = MOST_PER_PIXEL * pixels * max(count / self._seen_width(image_shape), 1e-3)
        nearer = 1.0 if self.beam == "parallel" else self.source / (self.source - 0.5)
        return bytes_for(math.ceil(self.angles * (nearer * crossed + count)), self.angles * count, pixels)

    def build(self, image_shape: tuple[int, int, int], seed: int) -> Operator:
        import numpy as np

        from engine.sensing.operators.scan import make_scan

        needed = self.memory_for(image_shape)
        refuse_if_too_large(2 * needed, "This scan", "take fewer angles or detectors, or a smaller picture")
        angles = np.radians(self.first + self.range * np.arange(self.angles) / self.angles)
        count, width = self._count(image_shape), self._seen_width(image_shape)
        if self.beam == "parallel":
            return make_scan(angles, count, width / count, image_shape)
        # the detector stands as far behind the middle as the source before it: everything is twice as wide there
        far = self.source * math.hypot(*image_shape[1:])
        return make_scan(angles, count, 2 * width / count, image_shape, far, far)
