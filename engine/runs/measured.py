"""What is measured, apart from how it is reconstructed. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.priors.choice import PriorChoice, Shape
from engine.runs.levels import levels_of
from engine.sensing.operators import OPERATORS, OperatorChoice
from engine.sensing.own import Instrument
from engine.sensing.quantizers import QUANTIZERS, QuantizerChoice
from engine.sensing.quantizers.base import rounded
from engine.settings import NOISE, OFFSET, SEED, Record, Setting, chosen, field_of, one_of, path

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.sensing.operators import Operator

__all__ = ["SIZE", "Measured"]

LARGEST_SIDE = 8192
COLOURS = {"grey": 1, "colour": 3}
PICTURES = "Pictures (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.webp *.npy)"
MEASUREMENTS = "Measurements (*.npz *.mat *.npy *.csv *.txt *.tif *.tiff)"


def _read_size(size: Any) -> str | None:
    """Width and height as ``320x240``; one number is a square. InputError for anything else."""
    words = str(size).lower().replace(" ", "").split("x")
    sides = [int(w) for w in words if w.isascii() and w.isdigit() and len(w) < 6 and 2 <= int(w) <= LARGEST_SIDE]
    if len(sides) != len(words) or len(sides) > 2:
        raise InputError(
            f"size={str(size)[:40]} is not valid: give auto, a side or WIDTHxHEIGHT, from 2 to {LARGEST_SIDE:,} pixels."
        )
    return f"{sides[0]}x{sides[-1]}"


SIZE = Setting(
    str,
    "Size",
    "Pictures are cropped and resized to this, WIDTHxHEIGHT; auto takes the prior's, or the picture's own where any is taken.",
    optional=True,
    reads=_read_size,
)


@dataclass(frozen=True)
class Measured(Record):
    """A picture and how it is measured, or a measurement file (``measurement``), which decides all the rest.

    What is ``auto`` (None) is settled once, with a prior as adviser: :meth:`settled`. From then on no prior changes what was
    measured. ``instrument`` is what a measurement file was found to hold, where it has been read.
    """

    image: str = path("sample:digit-3", "Image", "A picture file, or sample:NAME.", PICTURES)
    measurement: str = path(
        "",
        "Measurement",
        "A measurement file (.npz, .mat, .npy or .csv), or sample:NAME, in the place of a picture; operator, noise and offset "
        "complete what it does not say.",
        MEASUREMENTS,
    )
    operator: OperatorChoice = chosen("gaussian", lambda: OPERATORS, "Sensing matrix", "How the picture is measured.")
    quantizer: QuantizerChoice = chosen("one-bit", lambda: QUANTIZERS, "Quantizer", "What is kept of each measurement.")
    noise: float = field_of(0.05, NOISE)
    offset: float | None = field_of(None, OFFSET)
    size: str | None = field_of(None, SIZE)
    colour: str = one_of(
        "auto", ("auto", *COLOURS), "Colour", "Grey or colour; auto takes the picture's, where the prior knows it."
    )
    measurement_seed: int | None = field_of(
        None,
        Setting(
            int, "Measurement seed", "Seed of matrix, noise and dither; auto takes the run's seed.",
            low=SEED.low, high=SEED.high, optional=True, expert=True,
        ),
    )  # fmt: skip
    instrument: Instrument | None = field(default=None, compare=False, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings that say something here: of a measurement file its name alone."""
        return ("measurement",) if self.measurement else tuple(k for k in self.settings() if k != "measurement")

    def shape_for(self, picture: Shape, prior: PriorChoice) -> Shape:
        """The shape (channels, height, width) in which a picture of shape ``picture`` is measured; InputError where that is not
        one that the prior takes."""
        size = None if self.size is None else tuple(int(n) for n in self.size.split("x"))[::-1]
        channels = COLOURS.get(self.colour)
        shape = prior.shape_for(picture if channels is None else (channels, *picture[1:]), size)  # type: ignore[arg-type]
        if channels not in (None, shape[0]):
            raise InputError(
                f"What is measured is a {self.colour} picture, which the prior '{prior.name}' is not for; set the colour to "
                "auto, or take another prior."
            )
        return shape

    def offset_with(self, adviser: PriorChoice) -> float:
        """The offset set, else the prior's mean pixel value, so that no measurement is spent on what is known; 0 where the
        operator has its thresholds about mid-grey already."""
        if self.offset is not None:
            return self.offset
        return round(float(adviser.facts["mean"]), 3) if self.operator.offset_helps else 0.0

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left open that a prior, the picture or a run could decide."""
        if self.measurement:
            return True
        open_ones = (self.offset, self.size, self.measurement_seed)
        settled = self.quantizer.is_settled and all(
            getattr(self.operator, k) is not None for k in self.operator.settings()
        )
        return settled and None not in open_ones and self.colour != "auto"

    def settled(
        self, adviser: PriorChoice, shape: Shape, seed: int, built: Callable[[], Operator] | None = None
    ) -> Measured:
        """The same with every ``auto`` a number, for a picture measured in ``shape``, by a run with that ``seed``.

        ``adviser`` is the prior whose mean and denoising errors the offset and the quantizer's range follow. ``built`` gives
        the operator, which is asked for its response where that is not known before; by default it is built.
        """
        if self.is_settled:
            return self
        seed = seed if self.measurement_seed is None else self.measurement_seed
        colour = next((word for word, channels in COLOURS.items() if channels == shape[0]), "auto")
        found = self.replace(
            operator=self.operator.settled(shape), offset=rounded(self.offset_with(adviser)), colour=colour,
            size=f"{shape[2]}x{shape[1]}", measurement_seed=seed,
        )  # fmt: skip
        if found.quantizer.is_settled:
            return found
        build = built or (lambda: found.operator.build(shape, seed))
        levels = levels_of(found.operator, adviser, shape, found.noise, found.offset or 0.0, seed, build)
        return found.replace(quantizer=found.quantizer.settled(levels))
