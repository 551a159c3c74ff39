"""The contract of reconstruction algorithms: an algorithm is an iterator of iterates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.priors.choice import KINDS, PriorChoice
from engine.seeds import RowGenerators, generator
from engine.settings import Choice, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = [
    "DATA_VIEWS",
    "ESTIMATE",
    "RESTARTS",
    "SAMPLES",
    "AlgorithmChoice",
    "Draws",
    "Iterate",
    "KnownError",
    "data_view",
    "likelihood_facts",
    "viewed",
]

SAMPLES, RESTARTS, ESTIMATE = "posterior samples", "restarts", "one estimate"
"""What the rows of a result are. Only samples have a posterior std. Restarts have a spread, and the best by measured loss is
the estimate. One estimate has neither."""
DATA_VIEWS = ("exact", "as-values")
"""How a method that its authors made for real values sees quantized data: by their exact likelihood, or, as published, by the
codes as if they were real values."""


@dataclass(frozen=True)
class Draws:
    """Which posterior samples of which images are wanted, and the random numbers that belong to each.

    ``images`` are absolute image numbers, ``samples`` sample numbers; a batch has one row per pair, image by image.
    """

    seed: int
    images: Sequence[int] = (0,)
    samples: Sequence[int] = (0,)

    def per_row(self, purpose: str) -> RowGenerators:
        """One generator per (image, sample)."""
        return RowGenerators([generator(self.seed, purpose, i, s) for i in self.images for s in self.samples])

    def per_image(self, purpose: str) -> RowGenerators:
        """One generator per image."""
        return RowGenerators([generator(self.seed, purpose, i) for i in self.images])


@dataclass(frozen=True)
class Iterate:
    """The state after one step. Tensors are never written to again by the algorithm.

    ``x`` and ``denoised`` are (rows, channels, height, width); rows are images * samples, or images alone while
    ``per_image`` is set (message passing does not know samples yet). ``mean`` (images, c, h, w) is the posterior mean
    where the method computes one itself, ``predicted_rmse`` (images,) its own estimate of the error of it. ``loss``
    (rows,) ranks restarts: the least is the estimate.
    ``statistics`` are scalars for curves: the mean over images of noise levels and message variances.
    """

    step: int
    steps: int
    x: Tensor
    network_calls: int
    denoised: Tensor | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    per_image: bool = False
    mean: Tensor | None = None
    predicted_rmse: Tensor | None = None
    loss: Tensor | None = None
    messages: Mapping[str, Tensor] = field(default_factory=dict)
    note: str = ""
    phase: str = "sampling"

    @property
    def is_last(self) -> bool:
        return self.step == self.steps


@dataclass(frozen=True)
class KnownError:
    """How far samples of a method lie from the exact posterior, least and most over the cases where that is known: ratio of their
    std to the exact one, and distance of their mean in posterior deviations."""

    std: tuple[float, float]
    mean: tuple[float, float]

    @property
    def of_std(self) -> str:
        """In words that follow 'the std is'."""
        (low, high) = (round(100 * (ratio - 1)) for ratio in self.std)
        if high <= 0:
            return f"{-high} to {-low} % too small"
        return f"{low} to {high} % too large" if low >= 0 else f"right within {max(-low, high)} %"

    @property
    def words(self) -> str:
        low, high = self.mean
        return f"the std is {self.of_std}, and the mean lies {low:g} to {high:g} deviations from the exact one"


@dataclass(frozen=True)
class AlgorithmChoice(Choice):
    """Settings of an algorithm; :meth:`iterates` runs it.

    ``takes`` are the kinds of prior it can work with and ``rows_are`` says what its rows mean; forms, errors, files and
    tables follow from these two. ``reconstructs`` is False for one that looks at no measurement.
    """

    takes: ClassVar[tuple[str, ...]] = ("denoiser",)
    rows_are: ClassVar[str] = SAMPLES
    reconstructs: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = True
    """Whether measurements that say nothing, as those that are left out to judge by, are as if they were not there."""
    known_error: ClassVar[KnownError | None] = None
    """How far its samples were from exact posteriors (``python -m studies.calibration``); None where within a tenth."""

    @property
    def shows_a_part(self) -> bool:
        """Whether its result is a part of the picture on purpose, which is not to be judged as if it were the whole."""
        return False

    def iterates(self, measurement: Measurement, prior: Any, draws: Draws) -> Iterator[Iterate]:
        """Runs on the device of the measurement. The last iterate's ``x`` are the rows: posterior samples or restarts,
        (images * samples, ...), or one estimate an image, which is also its ``mean``."""
        raise NotImplementedError

    def steps_for(self, samples: int) -> int:
        """How many iterates there will be at most."""
        raise NotImplementedError

    def work_for(self, samples: int) -> float:
        """Cost of one image in network evaluations of one row (a gradient counts as two more)."""
        raise NotImplementedError

    def refusal(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        """Why it does not go together with them, in one clause with the way out; None where it does."""
        if prior.kind not in self.takes:
            return self.takes_instead()
        return self.unsuited(operator, quantizer, prior)

    def takes_instead(self) -> str:
        """Which prior it takes, in one clause."""
        kinds = " or a ".join(KINDS[kind][0] for kind in self.takes)
        return f"{self.name} takes a {kinds}: choose {KINDS[self.takes[0]][1]}"

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        """:meth:`refusal` for a prior of a kind that it takes."""
        return None

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        """What to expect of a combination that runs but is known to do badly, in one clause; None where all is well."""
        return None


def data_view() -> str:
    """The setting that chooses one of :data:`DATA_VIEWS`."""
    help = "Their exact likelihood, or codes taken for real values."
    return one_of("exact", DATA_VIEWS, "Quantized data", help, expert=True)


def viewed(measurement: Measurement, data: str) -> Measurement:
    """The measurement as one of :data:`DATA_VIEWS` has it."""
    return measurement.decoded() if data == "as-values" and not measurement.is_linear else measurement


def likelihood_facts(likelihood) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Statistics and messages of the expectation propagation inside a likelihood, for an Iterate; empty for others."""
    if likelihood is None or not likelihood.residuals or likelihood.message is None:
        return {}, {}
    mean, variance = likelihood.message
    statistics = {"message_change": float(likelihood.residuals[-1]), "ep_iterations": float(len(likelihood.residuals))}
    return statistics, {"z_mean": mean, "z_variance": variance}
