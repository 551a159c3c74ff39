"""The contract of reconstruction algorithms: an algorithm is an iterator of iterates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from engine.seeds import RowGenerators, generator
from engine.settings import Choice

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["AlgorithmChoice", "Draws", "Iterate", "likelihood_facts"]


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
    where the method computes one itself, ``predicted_rmse`` (images,) its own estimate of the error of it.
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
    messages: Mapping[str, Tensor] = field(default_factory=dict)
    note: str = ""
    phase: str = "sampling"

    @property
    def is_last(self) -> bool:
        return self.step == self.steps


@dataclass(frozen=True)
class AlgorithmChoice(Choice):
    """Settings of an algorithm; :meth:`iterates` runs it. ``reconstructs`` is False for one that looks at no measurement."""

    reconstructs: ClassVar[bool] = True

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        """Runs on the device of the measurement. The last iterate's ``x`` are the posterior samples."""
        raise NotImplementedError

    def steps_for(self, samples: int) -> int:
        """How many iterates there will be at most."""
        raise NotImplementedError

    def work_for(self, samples: int) -> float:
        """Cost of one image in network evaluations of one row (a gradient counts as two more)."""
        raise NotImplementedError

    def refusal(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        """Why it does not go together with operator or quantizer, in one clause; None where it does."""
        return None

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        """What to expect of a combination that runs but is known to do badly, in one clause; None where all is well."""
        return None


def likelihood_facts(likelihood) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Statistics and messages of the expectation propagation inside a likelihood, for an Iterate; empty for others."""
    if likelihood is None or not likelihood.residuals or likelihood.message is None:
        return {}, {}
    mean, variance = likelihood.message
    statistics = {"message_change": float(likelihood.residuals[-1]), "ep_iterations": float(len(likelihood.residuals))}
    return statistics, {"z_mean": mean, "z_variance": variance}
