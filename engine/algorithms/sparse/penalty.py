"""How strong a penalty is to be where it is not set: a path of penalties from strong to weak, and where to stop on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.algorithms.sparse.fista import Fista
from engine.likelihoods.data_term import DataTerm
from engine.seeds import generator

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import SparsityPrior
    from engine.sensing.measurement import Measurement

__all__ = ["PATH", "STEPS_PER_PENALTY", "SparsityPath"]

PATH, STEPS_PER_PENALTY = 16, 40
RATIO = 10 ** (-1 / 4)
SETTLED, PATIENCE = 2e-3, 2
HELD_OUT = 0.1
AMPLITUDES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
TYPICAL_DRAWS = 4096


class SparsityPath:
    """Fits along a path of penalties, each started from the one before, image by image until its rule is met.

    ``held-out``: a tenth of the measurements is left out of the fit, and the penalty is the one whose fit predicts them
    best. ``discrepancy`` (Morozov): the largest penalty whose fit leaves no more unexplained than the truth would, which
    is half a nat and the noise's entropy per real value, and for cells what typical images leave.

    After :meth:`walk`, ``chosen`` (images,) and ``estimate`` (images, c, h, w) are the penalty and the fit with it.
    """

    def __init__(
        self, measurement: Measurement, prior: SparsityPrior, start: Tensor, step: float, rule: str, seed: int
    ) -> None:
        import torch

        self.measurement, self.prior, self.step = measurement, prior, step
        rows, device = measurement.operator.rows, measurement.device
        self.holds_out = rule == "held-out" and rows >= 2 / HELD_OUT
        if self.holds_out:
            left = torch.rand(rows, generator=generator(seed, "held-out")).to(device) < HELD_OUT
            self.fit, self.judge = DataTerm(measurement, (~left).double()), DataTerm(measurement, left.double())
        else:
            self.fit = self.judge = DataTerm(measurement)
            self.target = _left_by_truth(measurement, self.fit.noise, seed)
        pull = -self.fit.variance * self.fit.gradient(start)
        weights = prior.analyse(pull + prior.mean)
        self.largest = (pull if weights is None else weights).abs().flatten(1).amax(1).double().clamp_min(1e-12)
        self.estimate, self.chosen = start, self.largest.clone()
        self.steps = 0

    def walk(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields the estimate and the penalty (images,) after every step."""
        import torch

        images = len(self.estimate)
        best = torch.full((images,), torch.inf, dtype=torch.float64, device=self.estimate.device)
        worse, searching = torch.zeros_like(best), torch.ones_like(best, dtype=torch.bool)
        x = self.estimate
        for k in range(PATH):
            penalty = self.largest * RATIO ** (k + 1)
            solver, going = Fista(self.fit, self.prior, x, self.step), searching.clone()
            for _ in range(STEPS_PER_PENALTY):
                solver.advance(penalty, going)
                self.steps += 1
                yield solver.x, penalty
                going = going & (solver.moved > SETTLED)
                if not bool(going.any()):
                    break
            x = solver.x
            value = self._judged(x)
            if self.holds_out:
                better, worse = searching & (value < best), worse + (value >= best)
                done = worse >= PATIENCE
            else:
                better = searching
                done = value <= self.target
            worse = torch.where(better, 0.0, worse)
            best = torch.where(better, value, best)
            self.chosen = torch.where(better, penalty, self.chosen)
            self.estimate = torch.where(better.reshape(-1, 1, 1, 1), x, self.estimate)
            searching = searching & ~done
            if not bool(searching.any()):
                return

    def _judged(self, x: Tensor) -> Tensor:
        """What the measurements that judge say against x, (images,); of cells, against x at the amplitude that suits them
        best: bits hardly know it, and a confident fit must not lose for its amplitude alone."""
        import torch

        channel = self.measurement.channel
        if not self.holds_out or channel is None or channel.knows_scale:
            return self.judge.value(x)
        centre = self.prior.mean
        return torch.stack([self.judge.value(centre + share * (x - centre)) for share in AMPLITUDES]).amin(0)


def _left_by_truth(measurement: Measurement, variance: float, seed: int) -> float:
    """What -log p(y | x) is at the truth, on average over the noise, and for cells over typical responses."""
    import torch

    rows = measurement.operator.rows
    quantizer = measurement.quantizer
    if measurement.channel is None or quantizer is None:
        return 0.5 * rows * (1 + math.log(2 * math.pi * variance)) if measurement.channel is None else 0.1 * rows
    centre, scale = measurement.operator.typical_response(measurement.offset)
    draw = generator(seed, "typical")
    times = max(1, TYPICAL_DRAWS // rows)
    z = centre + scale * torch.randn((times, rows), generator=draw, dtype=torch.float64)
    t = z + variance**0.5 * torch.randn(z.shape, generator=draw, dtype=torch.float64)
    codes = torch.stack([quantizer.detect(each, draw) for each in t]) if quantizer.is_random else quantizer.quantize(t)
    log_prob = quantizer.channel(codes).local(z, variance).log_prob
    return -float(log_prob.sum(1).mean())
