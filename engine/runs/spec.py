"""RunSpec: everything that fixes a run, in the words of the command line. Torch-free."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.algorithms import ALGORITHMS, AlgorithmChoice
from engine.errors import InputError
from engine.foreign.json_text import parsed_json
from engine.priors.choice import PriorChoice, Shape
from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.runs.measured import Measured
from engine.sensing.own import Instrument
from engine.settings import DEVICE, SEED, Record, Setting, chosen, field_of, integer, number, suggest

if TYPE_CHECKING:
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Reconstructed", "RunSpec", "flag_of"]


@dataclass(frozen=True)
class Reconstructed(Record):
    """How a measurement is reconstructed. ``algorithm`` None is ``auto``: the one that suits what is measured and the prior.
    ``first_sample`` is the number of the first posterior sample: adding samples to a finished run continues there."""

    prior: PriorChoice = chosen("mnist", priors, "Prior", "What pictures look like.")
    algorithm: AlgorithmChoice | None = chosen(
        None, lambda: ALGORITHMS, "Algorithm", "How the picture is found; auto takes what suits the operator."
    )
    samples: int = integer(8, "Posterior samples", "Their spread is the uncertainty.", low=1, high=4096)
    seed: int = field_of(0, SEED)
    device: str = field_of("auto", DEVICE)
    held_out: float | None = number(
        None,
        "Held out",
        "Share of what was measured that is left out of the reconstruction and predicted from it: a score that needs no truth. "
        "auto leaves 5 % out of what a file with its own matrix or kernel holds, and nothing of what is simulated.",
        low=0,
        high=0.5,
        expert=True,
    )
    first_sample: int = integer(0, "First sample", "Number of the first posterior sample.", low=0, high=2**31)


@dataclass(frozen=True, init=False)
class RunSpec:
    """A run file holds it, the window edits it, the command line parses it, an exported picture carries it.

    What is measured and how that is reconstructed; both are read and written as one flat set of keys, so that
    ``RunSpec(image="sample:digit-3", prior="mnist", samples=4).noise`` is what it seems.
    """

    measured: Measured
    reconstructed: Reconstructed

    if TYPE_CHECKING:
        image: str
        measurement: str
        operator: OperatorChoice
        quantizer: QuantizerChoice
        noise: float
        offset: float | None
        size: str | None
        colour: str
        measurement_seed: int | None
        prior: PriorChoice
        samples: int
        seed: int
        device: str
        first_sample: int

    def __init__(
        self, measured: Measured | None = None, reconstructed: Reconstructed | None = None, **values: Any
    ) -> None:
        """Parts, and single keys that replace what stands in them; raises InputError for what does not go together."""
        for key in values:
            if key not in self.settings():
                raise TypeError(f"RunSpec has no '{key}'")
        parts = {"measured": measured or Measured(), "reconstructed": reconstructed or Reconstructed()}
        for name, part in parts.items():
            mine = {key: value for key, value in values.items() if key in part.settings()}
            object.__setattr__(self, name, part.replace(**mine) if mine else part)
        self._check()

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in _SETTINGS:
            raise AttributeError(key)
        return getattr(self.measured if key in Measured.settings() else self.reconstructed, key)

    def _check(self) -> None:
        algorithm, prior = self.algorithm, self.prior
        if self.measurement and self.measured.instrument is None:  # the file decides the rest, and was not read yet
            reason = None if prior.kind in algorithm.takes else algorithm.takes_instead()
        else:
            reason = algorithm.refusal(self.instrument.operator, self.instrument.quantizer, prior)
        if reason:
            raise InputError(f"The algorithm '{algorithm.name}' does not fit here: {reason}.")
        if not self.measurement:
            self.shape_for(prior.image_shape)  # a size that the prior does not take

    @classmethod
    def settings(cls) -> Mapping[str, Setting]:
        """Every key with its Setting, what is measured first."""
        return _SETTINGS

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return Measured.defaults() | Reconstructed.defaults()

    @property
    def instrument(self) -> Instrument:
        """What the picture is measured by: the operator and quantizer chosen, or what a measurement file holds."""
        return self.measured.instrument or Instrument(self.operator, self.quantizer)

    @cached_property
    def algorithm(self) -> AlgorithmChoice:
        """The algorithm set, else the one that is advised."""
        return self.reconstructed.algorithm or ALGORITHMS.parse(self.advice[0])

    @property
    def advice(self) -> tuple[str, str]:
        """The written form of the algorithm that suits what is measured and the prior, and why."""
        return recommend(self.instrument.operator, self.instrument.quantizer, self.prior)

    @property
    def matrix_seed(self) -> int:
        """The seed of what is measured."""
        return self.seed if self.measurement_seed is None else self.measurement_seed

    def replace(self, **changes: Any) -> RunSpec:
        """The same with other values of some keys, or other parts. Another file has another instrument."""
        if changes.keys() & {"measurement", "image"}:
            changes = {"measured": dataclasses.replace(self.measured, instrument=None)} | changes
        parts = {name: changes.pop(name, getattr(self, name)) for name in ("measured", "reconstructed")}
        return RunSpec(**parts, **changes)

    def reading(self, instrument: Instrument) -> RunSpec:
        """The same once its measurement file was read: refusals and advice go by what the file holds."""
        return self.replace(measured=dataclasses.replace(self.measured, instrument=instrument))

    def shape_for(self, picture: Shape) -> Shape:
        """The shape (channels, height, width) in which a picture of shape ``picture`` is measured and reconstructed."""
        return self.measured.shape_for(picture, self.prior)

    def image_shape(self) -> Shape:
        """The shape in which the spec's picture is reconstructed; reads the picture where the prior takes any size."""
        if not self.prior.any_size:
            return self.shape_for(self.prior.image_shape)
        from pathlib import Path

        from engine.images import picture_shape
        from engine.images.bundled import sample_path

        return self.shape_for(picture_shape(sample_path(self.image) or Path(self.image)))

    def settled(self, shape: Shape, adviser: PriorChoice | None = None, **how: Any) -> RunSpec:
        """The same with every ``auto`` of what is measured a number (see :meth:`Measured.settled`), by this spec's own prior
        unless another advised."""
        return self.replace(measured=self.measured.settled(adviser or self.prior, shape, self.seed, **how))

    @property
    def measured_offset(self) -> float:
        """The offset in force."""
        return self.measured.offset_with(self.prior)

    # -- written forms ---------------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Plain values, choices in their written form; ``auto`` where that is set."""
        keys = (*self.measured.keys, *Reconstructed.settings())
        values = {
            key: getattr(self.measured if key in Measured.settings() else self.reconstructed, key) for key in keys
        }
        return {
            k: v if isinstance(v, str | int | float) else "auto" if v is None else str(v) for k, v in values.items()
        }

    @classmethod
    def from_dict(cls, values: Any) -> RunSpec:
        """Reads :meth:`as_dict` back; unknown keys and bad values raise InputError."""
        if not isinstance(values, dict):
            raise InputError("A run file must hold one JSON object; save one from the window to see its form.")
        for key, value in values.items():
            if key not in cls.settings():
                raise InputError(f"The run file has an unknown key '{key}'{suggest(str(key), list(cls.settings()))}.")
            if cls.settings()[key].kind is str and not isinstance(value, str):
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
        """The command line that repeats the run: every value that is set, or is not the default."""
        import shlex

        words, unset = ["qcs", "run"], {"auto", ""}
        for key, value in self.as_dict().items():
            if value not in unset and (key != "first_sample" or value):
                words += [flag_of(key), repr(value) if isinstance(value, float) else str(value)]
        return shlex.join([*words, "--out", "result"])


_SETTINGS = Measured.settings() | Reconstructed.settings()


def flag_of(key: str) -> str:
    """The command line's name of a key."""
    return {"offset": "--measurement-offset"}.get(key, f"--{key.replace('_', '-')}")
