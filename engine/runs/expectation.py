"""What a run can be expected to give, known before it starts: the PSNR of turbo's posterior mean by state evolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.priors.choice import PriorChoice, Shape
from engine.runs.spec import RunSpec
from engine.sensing.operators import OperatorChoice

if TYPE_CHECKING:
    from engine.sensing.evolution import Evolution
    from engine.sensing.quantizers import Levels

__all__ = ["Expectation", "evolution_of", "expect", "levels_before", "predicted"]


@dataclass(frozen=True)
class Expectation:
    """PSNR in dB of the posterior mean: on average over pictures like the prior's, and between which values four of five
    of them lie."""

    psnr: float
    low: float
    high: float

    def words(self) -> str:
        return f"expected {self.psnr:.1f} dB ({self.low:.0f} to {self.high:.0f})"


@lru_cache(maxsize=32)
def _evolution(
    operator: OperatorChoice, prior: PriorChoice, shape: Shape, noise: float, offset: float
) -> Evolution | None:
    profile = prior.denoising_profile(shape[0])
    eigenvalues = operator.typical_eigenvalues(shape) if profile is not None and operator.has_eigenbasis else None
    if profile is None or eigenvalues is None:
        return None
    import numpy as np

    from engine.sensing.evolution import Evolution

    rows, pixels = operator.rows_for(shape), shape[0] * shape[1] * shape[2]
    return Evolution(profile, np.array(eigenvalues), rows / pixels, rows, noise, offset)


def evolution_of(spec: RunSpec, shape: Shape) -> Evolution | None:
    """The state evolution of a run on pictures of this shape; None where the operator is not random-like or the prior's
    card does not tell its errors."""
    return _evolution(spec.operator, spec.prior, shape, spec.noise, spec.measured_offset)


def levels_before(spec: RunSpec, shape: Shape) -> Levels:
    """What thresholds may follow, before the operator is built: for random-like ones."""
    from engine.sensing.operators.base import TYPICAL_DEVIATION
    from engine.sensing.quantizers import Levels

    scale = (spec.operator.mean_row_norm_squared(shape) * TYPICAL_DEVIATION**2 + spec.noise**2) ** 0.5
    return Levels(scale, rows=spec.operator.rows_for(shape), seed=spec.seed, evolution=evolution_of(spec, shape))


def expect(spec: RunSpec, shape: Shape) -> Expectation | None:
    """What the run is expected to give, in some hundredths of a second; None where that is not known, as with methods
    other than turbo. What state evolution predicts, less by what turbo was measured to fall short of it with this prior."""
    evolved = predicted(spec, shape)
    if evolved is None:
        return None
    from engine.runs.shortfall import shortfall

    share = spec.operator.rows_for(shape) / (shape[0] * shape[1] * shape[2])
    # dither tells the contrast, which is what single bits leave out
    bits = 2.0 if spec.quantizer.name == "dithered" else spec.quantizer.bits_per_measurement
    less = shortfall(spec.prior.name, shape[0], share, bits)
    return Expectation(evolved.psnr - less, evolved.low - less, evolved.high - less)


def predicted(spec: RunSpec, shape: Shape) -> Expectation | None:
    """What state evolution says alone."""
    if spec.measurement or spec.algorithm.name != "turbo" or not spec.quantizer.has_thresholds:
        return None
    evolution = evolution_of(spec, shape)
    if evolution is None:
        return None
    import numpy as np

    from engine.sensing.quantizers.base import seen_by

    levels = levels_before(spec, shape)
    psnr = evolution.psnr(seen_by([spec.quantizer.settled(levels)], levels))[0]
    low, high = np.quantile(psnr, (0.1, 0.9))
    return Expectation(float(psnr.mean()), float(low), float(high))
