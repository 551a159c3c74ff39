"""RunSpec: everything that fixes a run, in the words of the command line. Torch-free."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

from engine.algorithms import ALGORITHMS, AlgorithmChoice
from engine.errors import InputError
from engine.foreign.json_text import parsed_json
from engine.priors.choice import Shape
from engine.priors.library import PriorChoice, priors
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS, OperatorChoice
from engine.sensing.quantizers import QUANTIZERS, QuantizerChoice
from engine.settings import check_noise, suggest, whole

__all__ = ["MEASURED", "RunSpec", "check_offset", "read_size"]

MEASURED = ("image", "operator", "quantizer", "noise", "offset", "size")
"""What a measurement file decides in the place of the spec."""


def check_offset(offset: Any) -> float | None:
    if offset is None or offset == "auto":
        return None
    try:
        value = float(offset)
    except (TypeError, ValueError):
        value = math.nan
    if not -10 <= value <= 10:
        raise InputError(f"offset={offset} is not valid: give a number from -10 to 10 or auto.")
    return value


LARGEST_SIDE = 8192


def read_size(size: Any) -> str:
    """``auto``, or width and height as ``320x240``; one number is a square. InputError for anything else."""
    words = str(size).lower().replace(" ", "").split("x")
    if words == ["auto"]:
        return "auto"
    sides = [int(w) for w in words if w.isascii() and w.isdigit() and len(w) < 6 and 2 <= int(w) <= LARGEST_SIDE]
    if len(sides) != len(words) or len(sides) > 2:
        raise InputError(
            f"size={size} is not valid: give auto, a side or WIDTHxHEIGHT, from 2 to {LARGEST_SIDE:,} pixels."
        )
    return f"{sides[0]}x{sides[-1]}"


@dataclass(frozen=True)
class RunSpec:
    """A run file holds it, the window edits it, the command line parses it, an exported picture carries it.

    ``image`` names a picture file or a bundled sample (``sample:NAME``); ``measurement`` a measurement file instead.
    ``offset``: what is measured is A (x - offset); None follows prior and operator (see :meth:`measured_offset`).
    ``algorithm`` may be left or given as ``auto``: then it is the one that suits operator and quantizer.
    ``size`` is ``auto``, or the WIDTHxHEIGHT that the picture is cropped and resized to, for priors that take any size.
    ``first_sample`` is the number of the first posterior sample: adding samples to a finished run continues there.
    """

    image: str = "sample:digit-3"
    measurement: str = ""
    operator: OperatorChoice = field(default_factory=lambda: OPERATORS.parse("gaussian"))
    quantizer: QuantizerChoice = field(default_factory=lambda: QUANTIZERS.parse("one-bit"))
    noise: float = 0.05
    offset: float | None = None
    prior: PriorChoice = field(default_factory=lambda: priors().parse("mnist"))
    algorithm: AlgorithmChoice = "auto"  # type: ignore[assignment]  # resolved at once
    samples: int = 8
    seed: int = 0
    device: str = "auto"
    first_sample: int = 0
    size: str = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.prior, PriorChoice):
            object.__setattr__(self, "prior", priors().parse(self.prior))
        families = {"operator": OPERATORS, "quantizer": QUANTIZERS, "algorithm": ALGORITHMS}
        for name, family in families.items():
            written = getattr(self, name)
            if name == "algorithm" and written == "auto":
                written = recommend(self.operator, self.quantizer, self.prior)[0]
            object.__setattr__(self, name, family.parse(written))  # type: ignore[attr-defined]
        object.__setattr__(self, "size", read_size(self.size))
        if not self.measurement:
            self.shape_for(self.prior.image_shape)  # a size that the prior does not take
        object.__setattr__(self, "noise", check_noise(self.noise))
        object.__setattr__(self, "offset", check_offset(self.offset))
        object.__setattr__(self, "samples", whole("samples", self.samples, 1, 4096))
        object.__setattr__(self, "seed", whole("seed", self.seed, 0, 2**53))
        object.__setattr__(self, "first_sample", whole("first_sample", self.first_sample, 0, 2**31))
        if self.device not in ("auto", "cpu", "cuda"):  # Apple GPUs lack the float64 that the likelihoods need
            raise InputError(f"device={self.device} is not valid: give auto, cpu or cuda.")
        if self.measurement:  # the file decides the operator; the kind of prior is known already
            reason = None if self.prior.kind in self.algorithm.takes else self.algorithm.takes_instead()
        else:
            reason = self.algorithm.refusal(self.operator, self.quantizer, self.prior)
        if reason:
            raise InputError(f"The algorithm '{self.algorithm.name}' does not fit here: {reason}.")

    def replace(self, **changes: Any) -> RunSpec:
        return dataclasses.replace(self, **changes)

    def shape_for(self, picture: Shape) -> Shape:
        """The shape (channels, height, width) in which a picture of shape ``picture`` is reconstructed."""
        size = None if self.size == "auto" else tuple(int(n) for n in self.size.split("x"))[::-1]
        return self.prior.shape_for(picture, size)  # type: ignore[arg-type]

    def image_shape(self) -> Shape:
        """The shape in which the spec's picture is reconstructed; reads the picture where the prior takes any size."""
        if not self.prior.any_size:
            return self.shape_for(self.prior.image_shape)
        from pathlib import Path

        from engine.images import picture_shape
        from engine.images.samples import sample_path

        return self.shape_for(picture_shape(sample_path(self.image) or Path(self.image)))

    @property
    def measured_offset(self) -> float:
        """The offset in force: the one set, else the prior's mean pixel value, so that no measurement is spent on what is
        known; 0 where the operator has its thresholds about mid-grey already."""
        if self.offset is not None:
            return self.offset
        return round(float(self.prior.facts["mean"]), 3) if self.operator.offset_helps else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, choices in their written form."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        if self.measurement:  # these come from the measurement file
            for key in MEASURED:
                del values[key]
        values = {k: "auto" if v is None else v for k, v in values.items()}
        return {k: v if isinstance(v, str | int | float) else str(v) for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: Any) -> RunSpec:
        """Reads :meth:`as_dict` back; unknown keys and bad values raise InputError."""
        known = [f.name for f in dataclasses.fields(cls)]
        if not isinstance(values, dict):
            raise InputError("A run file must hold one JSON object; save one from the window to see its form.")
        for key in values:
            if key not in known:
                raise InputError(f"The run file has an unknown key '{key}'{suggest(str(key), known)}.")
        for key in ("image", "measurement", "device", "size"):
            if not isinstance(values.get(key, ""), str):
                raise InputError(f"The run file's '{key}' must be text.")
        return cls(**values)

    def as_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2)

    @classmethod
    def from_json(cls, content: str) -> RunSpec:
        if len(content) > 1 << 20:
            raise InputError("The run file is larger than 1 MB; that is not a run file.")
        try:
            values = parsed_json(content)
        except ValueError as error:
            raise InputError(f"The run file is not JSON ({error}).") from None
        return cls.from_dict(values)

    def as_command(self) -> str:
        """The command line that repeats the run."""
        import shlex

        source = ["--measurement", self.measurement] if self.measurement else ["--image", self.image]
        words = ["qcs", "run", *source]
        if not self.measurement:
            words += ["--operator", str(self.operator), "--quantizer", str(self.quantizer), "--noise", repr(self.noise)]
            if self.offset is not None:
                words += ["--measurement-offset", repr(self.offset)]
        words += ["--prior", str(self.prior), "--algorithm", str(self.algorithm), "--samples", str(self.samples)]
        words += ["--seed", str(self.seed), "--device", self.device]
        if self.size != "auto":
            words += ["--size", self.size]
        if self.first_sample:
            words += ["--first-sample", str(self.first_sample)]
        return shlex.join([*words, "--out", "result"])
