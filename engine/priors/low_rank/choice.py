"""The low-rank prior by name: how a picture is cut, and the rank of what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import InputError
from engine.priors.choice import PriorChoice, Shape
from engine.settings import flag, integer, number, one_of

if TYPE_CHECKING:
    from engine.priors.base import LowRankPrior

__all__ = ["LowRank"]

NOMINAL = (1, 64, 64)


@dataclass(frozen=True)
class LowRank(PriorChoice):
    """Low rank: the picture as a matrix, its patches as the rows of one, or the frames of a film as the columns of one."""

    name = "low-rank"
    label = "Low rank (matrix or tensor)"
    kind: ClassVar[str] = "low-rank"
    any_size: ClassVar[bool] = True

    form: str = one_of(
        "matrix",
        ("matrix", "patches", "frames"),
        "Form",
        "What has low rank: the picture itself (each colour by itself), the matrix whose rows are its patches, or the one "
        "whose columns are frames that lie one below the other in the picture. tucker-gd takes height x width x colours, "
        "patches, or height x width x frames.",
    )
    rank: int | None = integer(
        None, "Rank", "Of the matrix; auto counts what stands out of the spectral start.", low=1, high=100_000
    )
    patch: int = integer(8, "Patch", "Side of the patches.", unit="pixels", low=2, high=256, expert=True)
    overlap: bool = flag(
        True, "Patches overlap", "By half of their side; else each pixel lies in one patch.", expert=True
    )
    frames: int = integer(20, "Frames", "How many frames lie one below the other.", low=2, high=100_000)
    level: float = number(
        0.5,
        "Level",
        "Grey level that is taken off first: 0 if the picture itself has low rank.",
        low=0,
        high=1,
        expert=True,
    )

    @property
    def image_shape(self) -> Shape:
        return (1, 16 * self.frames, 64) if self.form == "frames" else NOMINAL

    @property
    def channels(self) -> tuple[int, ...]:
        return (1, 3)

    @property
    def facts(self) -> dict[str, Any]:
        card = {"name": self.name, "title": self.label, "data": "a formula, not trained", "licence": ""}
        return {"mean": self.level, "image_shape": self.image_shape, "card": card}

    def shape_for(self, picture: Shape, size: tuple[int, int] | None = None) -> Shape:
        shape = super().shape_for(picture, size)
        if shape != self.image_shape:  # which stands for pictures that are not known yet
            self._check(shape)
        return shape

    def _check(self, shape: Shape) -> None:
        """Raises InputError for a shape that cannot be cut as the settings say, or whose matrices have too short sides."""
        channels, height, width = shape
        if self.form == "frames":
            if height % self.frames:
                raise InputError(
                    f"A picture of height {height} does not hold frames={self.frames} of the same height; set the size, or a "
                    "number of frames that divides the height."
                )
            sides = (channels * (height // self.frames) * width, self.frames)
        elif self.form == "patches":
            if self.patch > min(height, width):
                raise InputError(
                    f"patch={self.patch} is larger than the picture of {width} x {height}; give a smaller one."
                )
            step = max(1, self.patch // 2) if self.overlap else self.patch
            sides = (math.prod(-(-(n - self.patch) // step) + 1 for n in (height, width)), channels * self.patch**2)
        else:
            sides = (height, width)
        if self.rank is not None and self.rank > min(sides):
            raise InputError(
                f"rank={self.rank} is above the shorter side of the {sides[0]:,} x {sides[1]:,} matrix; give at most "
                f"{min(sides)}, or auto."
            )

    def load(self, device: str = "cpu", shape: Shape | None = None) -> LowRankPrior:
        from engine.priors.base import Card
        from engine.priors.low_rank.forms import FORMS

        shape = shape or self.image_shape
        self._check(shape)
        prior = FORMS[self.form](self, shape)
        prior.rank, prior.mean, prior.variance = self.rank, self.level, 0.35**2
        prior.card = Card(self.name, self.label, data="a formula, not trained")
        return prior.to(device)
