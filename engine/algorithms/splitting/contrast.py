"""The contrast of a picture of which only signs are seen, kept where it was while a denoiser is applied again and again.

Signs do not tell how far a picture goes from the grey level of their threshold, and a denoiser that is applied to a picture with
no noise takes a little of it each time: after a couple of dozen times nearly all. What is typical is the better guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from engine.algorithms.messages.contrast import pivot_of
from engine.algorithms.splitting.sign_changes import size_by_signs
from engine.priors.exact.fitting import power_law
from engine.priors.exact.gaussian import GaussianPrior
from engine.seeds import generator
from engine.sensing.channels import DitherChannel

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.seeds import RowGenerators
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import Operator

__all__ = ["NOTE", "KeptContrast", "spread_of"]

BLIND = 0.1
"""Thresholds that differ from the response to a flat picture by less than this share of a typical response tell no contrast."""
GUESS = 0.53
"""Share of the median contrast of a prior's pictures that a reconstruction from signs of patterns is given, where those see all
that matters: it misses a third of what is there, and too faint errs less than too strong (32 photographs, 64 x 64, the coarsest
quarter of the cosines: 0.65 has the best mean, by 0.3 dB, and is worse than no picture for the two faintest)."""
PLAIN = 0.8
"""That share from signs of any other rows, for one picture, which has most of what there is (ten photographs, 64 x 64, least to
most rows: ``tomography`` 1.5 dB above no picture, random matrices 3.4 to 5.3; at the response that the plainest picture has,
which follows the rows that look at details, -0.4, and 1.9 to 3.2)."""
SPREAD = 0.28
"""Logarithmic spread of the contrast of photographs, which samples have."""
UNLIKE = 0.3
"""Rows are unlike where no larger share of them, effectively, holds the power of photographs: 0.002 to 0.17 of patterns, in order
or picked at random, 0.55 to 0.95 of random matrices and single pixels."""
NOTE = "These signs leave the contrast open: it is a guess, typical of such pictures."
EXPONENT, DRAWN = 2.4, 16
"""Of the spectrum of photographs, and how many pictures of it tell how much rows see."""


@dataclass(frozen=True)
class KeptContrast:
    """``size`` (images,) is what the root-mean-square of A (x - pivot) is kept at, or where ``of_pixels`` that of x - pivot;
    ``pivot`` is the grey level of the thresholds."""

    measurement: Measurement
    pivot: float
    size: Tensor
    of_pixels: bool = False

    @classmethod
    def of(cls, measurement: Measurement, prior: DenoiserPrior) -> KeptContrast | None:
        """That which is typical, of the signs or else of the prior's pictures; None where the measurement tells it, or where
        pictures of the prior do not go with any contrast."""
        kept = cls.typical(measurement, prior)
        if kept is not None or not _is_open(measurement, prior):
            return kept
        assert prior.contrast is not None
        return cls._of_pixels(measurement, PLAIN * prior.contrast[0])

    @classmethod
    def typical(cls, measurement: Measurement, prior: DenoiserPrior) -> KeptContrast | None:
        """That which is typical of such signs of single pixels, or of what patterns see of such pictures; None where the
        measurement tells it, where pictures of the prior do not go with any contrast, or for other rows, whose signs together
        leave the network less of a choice (``split-gibbs`` behind a Gaussian matrix by itself: 1.7 dB above no picture)."""
        if not _is_open(measurement, prior):
            return None
        assert prior.contrast is not None
        pivot = pivot_of(measurement)
        told_by_signs = size_by_signs(measurement)
        if told_by_signs is not None:
            return cls(measurement, pivot, told_by_signs)
        coarse = _coarse_share(measurement.operator)
        if coarse is None:
            return None
        return cls._of_pixels(measurement, GUESS * prior.contrast[0] * math.sqrt(coarse))

    @classmethod
    def _of_pixels(cls, measurement: Measurement, guess: float) -> KeptContrast:
        size = torch.full((measurement.images,), guess, dtype=torch.float64, device=measurement.device)
        return cls(measurement, pivot_of(measurement), size, of_pixels=True)

    def size_of(self, x: Tensor) -> Tensor:
        apart = x - self.pivot if self.of_pixels else self.measurement.operator.forward(x - self.pivot)
        return apart.double().flatten(1).square().mean(1).sqrt().clamp_min(1e-12)

    def restore(self, x: Tensor, spread: Tensor | float = 1.0) -> Tensor:
        """``x`` (images, c, h, w) at the contrast that is kept, times ``spread`` (images,)."""
        factor = (spread * self.size / self.size_of(x)).to(x.dtype).reshape(-1, 1, 1, 1)
        return self.pivot + factor * (x - self.pivot)

    def shown(
        self, x: Tensor, denoised: Tensor, mean: Tensor | None, spread: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Samples and denoised estimates (rows, c, h, w), each at the contrast that is kept times its ``spread`` (rows,), and the
        mean (images, c, h, w), if there is one yet, at that itself."""
        each = replace(self, size=self.size.repeat_interleave(len(x) // len(self.size)))
        return each.restore(x, spread), each.restore(denoised, spread), None if mean is None else self.restore(mean)


def spread_of(noise: RowGenerators, device: torch.device) -> Tensor:
    """By how much the contrast of each sample differs from what is typical of photographs, (rows,)."""
    return torch.exp(SPREAD * noise.normal((1,), device)[:, 0])


def _is_open(measurement: Measurement, prior: DenoiserPrior) -> bool:
    """Whether neither the measurement nor the prior tells the contrast."""
    lower, upper = measurement.lower, measurement.upper
    if lower is None or upper is None or prior.contrast is None or not measurement.operator.is_linear:
        return False
    if bool((lower.isfinite() & upper.isfinite()).any()) or isinstance(measurement.channel, DitherChannel):
        return False
    edges = torch.where(lower.isfinite(), lower, upper)
    flat = torch.full((1, *measurement.operator.image_shape), pivot_of(measurement), device=measurement.device)
    told = edges.isfinite()  # what is left out has no edge
    apart = (edges - measurement.predict(flat).double())[told].square().mean().sqrt()
    return float(apart) <= BLIND * measurement.operator.typical_response(measurement.offset)[1]


def _coarse_share(operator: Operator) -> float | None:
    """The share of the mean square of photographs that lies in the row space of A, where few of the rows hold nearly all of it,
    so that most signs tell little; None where rows answer alike, as those of random matrices and single pixels do."""
    basis = operator.gram_eigenbasis()
    if basis is None or not basis.trivial or operator.non_negative:
        return None
    pictures = GaussianPrior.of_spectrum(0.0, power_law(operator.image_shape, 1.0, EXPONENT))
    drawn = pictures.sample(DRAWN, generator(0, "photographs")).to(basis.values.device)
    told = basis.values > 0  # a row of zeros sees nothing
    powers = operator.forward(drawn).double()[:, told].square() / basis.values[told]
    each = powers.mean(0)
    if float(each.sum() ** 2 / each.square().sum()) > UNLIKE * operator.rows:
        return None
    return min(float(powers.sum() / drawn.double().square().sum()), 1.0)
