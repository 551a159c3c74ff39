"""What a run can be expected to give, known before it starts: the PSNR of turbo's posterior mean by state evolution."""

from __future__ import annotations

from dataclasses import dataclass

from engine.priors.choice import PriorChoice, Shape
from engine.runs.levels import evolution_of, levels_of
from engine.runs.spec import RunSpec

__all__ = ["Expectation", "expect", "predicted"]


@dataclass(frozen=True)
class Expectation:
    """PSNR in dB of the posterior mean: on average over pictures like the prior's, and between which values four of five
    of them lie; with a prior for photographs, nine of ten of any source, small ones and textures included."""

    psnr: float
    low: float
    high: float

    def words(self) -> str:
        return f"expected {self.psnr:.1f} dB ({self.low:.0f} to {self.high:.0f})"


def expect(spec: RunSpec, shape: Shape, adviser: PriorChoice | None = None) -> Expectation | None:
    """What the run is expected to give, in some hundredths of a second; None where that is not known, as with methods
    other than turbo. What state evolution predicts, less by what turbo was measured to fall short of it with this prior."""
    evolved = predicted(spec, shape, adviser)
    if evolved is None:
        return None
    from engine.runs.shortfall import elsewhere, shortfall

    share = spec.operator.rows_for(shape) / (shape[0] * shape[1] * shape[2])
    # dither tells the contrast, which is what single bits leave out
    bits = 2.0 if spec.quantizer.name == "dithered" else spec.quantizer.bits_per_measurement
    less = shortfall(spec.prior.name, shape[0], share, bits)
    psnr, low, high = (value - less for value in (evolved.psnr, evolved.low, evolved.high))
    wider = elsewhere(spec.prior.name, shape[0], bits)
    if wider is not None:
        low, high = min(low, psnr + wider[0]), max(high, psnr + wider[1])
    return Expectation(psnr, low, high)


def predicted(spec: RunSpec, shape: Shape, adviser: PriorChoice | None = None) -> Expectation | None:
    """What state evolution says alone, of what is measured as ``adviser`` settles it (the spec's own prior where None)."""
    if spec.measurement or spec.algorithm.name != "turbo" or not spec.quantizer.has_thresholds:
        return None
    offset = spec.measured.offset_with(adviser or spec.prior)
    evolution = evolution_of(spec.operator, spec.prior, shape, spec.noise, offset)
    if evolution is None:
        return None
    import numpy as np

    from engine.sensing.quantizers.base import seen_by

    levels = levels_of(spec.operator, adviser or spec.prior, shape, spec.noise, offset, spec.matrix_seed)
    psnr = evolution.psnr(seen_by([spec.quantizer.settled(levels)], levels))[0]
    low, high = np.quantile(psnr, (0.1, 0.9))
    return Expectation(float(psnr.mean()), float(low), float(high))
