"""Two grey levels by convex-concave regularisation (Schuele, Schnoerr, Weber and Hornegger, 2005, Discrete tomography)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.settings import flag, integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import SparsityPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["ConvexConcave", "likeliest_gain"]

PUSHES = (0.0, 0.0, 0.0, 0.0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 14, 14, 20, 20, 30, 30, 50, 50, 100, 100)
"""How hard grey pixels are pushed to black or white, stage by stage, in ten-thousandths of the largest eigenvalue of A^T A."""
FINE_FROM = 10
"""The push from which pixels are as they are: before, they are twice as wide."""
FIRST_LONGER = 3
"""Iterations of a stage without a push, as a multiple of the others."""
COARSE_SIDE = 80
"""Pixels on a side with which gains are tried."""
GAINS, FINER = (0.56, 0.63, 0.71, 0.8, 0.9, 1.0, 1.12, 1.25), 0.5
STEP = 0.7
DATA_STEP = 10.0


@dataclass(frozen=True)
class ConvexConcave(AlgorithmChoice):
    """Convex-concave: two grey levels, of real values and any linear operator; made for few or limited angles."""

    # least |y - A x|^2 / 2 + lambda TV(x) + mu sum x (1 - x) over 0 <= x <= 1, mu rising from 0, by the primal-dual iteration of
    # Chambolle and Pock (2011), in which the concave part is linearised at every step.

    name = "convex-concave"
    label = "Convex-concave (two grey levels)"
    takes: ClassVar = ("sparsity",)
    rows_are: ClassVar = ESTIMATE

    penalty: float = number(
        5e-6,
        "Penalty",
        "Weight of the lengths of edges, as a share of the largest eigenvalue of A^T A and of the side of the picture.",
        above=0,
        high=1e3,
    )
    iterations: int = integer(20, "Iterations", "Of each of the 24 stages.", low=1, high=100_000)
    hardening: bool = flag(
        True,
        "Beam hardening",
        "Infers a parabola between what was measured and A x beside the picture, as of X-rays that grow harder on their way. "
        "Only where no entry of the matrix is negative.",
        expert=True,
    )

    def steps_for(self, samples: int) -> int:
        return len(PUSHES)

    def work_for(self, samples: int) -> float:
        return float(self.iterations * len(PUSHES))

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if prior.name != "two-valued":
            return "convex-concave is for pictures of two grey levels: take the prior two-valued, or lasso"
        if not operator.is_linear or quantizer.bits_per_measurement is not None:
            return "convex-concave needs real values of a linear operator; take lasso"
        return None

    def iterates(self, measurement: Measurement, prior: SparsityPrior, draws: Draws) -> Iterator[Iterate]:
        shape = measurement.operator.image_shape
        bends = self.hardening and measurement.operator.non_negative
        solver = _Solver(_coarse(measurement, max(max(shape[1:]) // 2, COARSE_SIDE)), self.penalty)
        for stage, push in enumerate(PUSHES, start=1):
            if push >= FINE_FROM and solver.operator.image_shape != shape:
                solver = _Solver(measurement, self.penalty).going_on(solver)
            solver.advance(push, self.iterations)
            if bends:
                solver.bend()
            facts = {"residual": float(solver.residual().mean()), "grey": float((solver.x * (1 - solver.x)).mean())}
            last = stage == len(PUSHES)
            note = ""
            if last and bends:
                slope, bend = (float(c) for c in solver.response.mean(0))
                note = f"Beam hardening was inferred beside the picture: A x = {slope:.3g} y {bend:+.3g} y^2."
            x = _enlarged(solver.x, shape)
            yield Iterate(
                stage, len(PUSHES), x, 0, statistics=facts, per_image=True, mean=x, note=note,
                phase="few edges" if not push else "two grey levels",
            )  # fmt: skip


def _coarse(measurement: Measurement, side: int) -> Measurement:
    """The measurement of a picture of coarser pixels, of about ``side`` of them on its longer side."""
    assert measurement.values is not None
    operator, merged = measurement.operator.coarser(side)
    return replace(measurement, operator=operator, values=merged(measurement.values))


def _enlarged(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Blocks of pixels for pixels, cut off at the edges of a picture of ``shape``."""
    block = math.ceil(max(shape[1:]) / max(x.shape[2:]))
    if block > 1:
        x = x.repeat_interleave(block, 2).repeat_interleave(block, 3)
    return x[..., : shape[1], : shape[2]]


class _Solver:
    """A batch of problems. ``x`` (images, c, h, w), ``data`` (images, rows): what was measured, its response undone;
    ``response`` (images, 2) its slope and bend."""

    def __init__(self, measurement: Measurement, penalty: float) -> None:
        import torch

        from engine.sensing.operators.norm import largest_eigenvalue

        assert measurement.values is not None
        self.operator = measurement.operator
        shape = (len(measurement.values), *self.operator.image_shape)
        self.seen = measurement.values.float()
        offset = torch.full((1, *shape[1:]), measurement.offset, device=self.seen.device)
        self.seen = self.seen + (self.operator.forward(offset) if measurement.offset else 0.0)
        self.data = self.seen
        self.gain = float(largest_eigenvalue(self.operator))
        self.weight = penalty * max(shape[2:])
        self.x = self.seen.new_zeros(shape)
        self._ahead = self.x
        self._dual = torch.zeros_like(self.data), self.seen.new_zeros((shape[0], 2, *shape[1:]))
        self.response = self.seen.new_tensor([1.0, 0.0]).repeat(shape[0], 1)

    def going_on(self, coarse: _Solver) -> _Solver:
        """Itself, from where that of a coarser picture ended."""
        self.x = self._ahead = _enlarged(coarse.x, self.operator.image_shape)
        powers = self.response.new_tensor([1.0, 2.0])
        self.response = coarse.response
        self.data = (self.response[:, None, :] * self.seen[..., None] ** powers).sum(-1)
        return self

    def advance(self, push: float, iterations: int) -> None:
        from engine.priors.sparsity.total_variation import differences, differences_back

        scale, share = self.gain**-0.5, 8**-0.5  # both halves of the operator have norm 1
        up, down = STEP / DATA_STEP, STEP * DATA_STEP
        most, push = self.weight / share, push * 1e-4
        of_data, of_edges = self._dual
        x, ahead = self.x, self._ahead
        for _ in range(iterations if push else FIRST_LONGER * iterations):
            of_data = (of_data + up * scale * (self.operator.forward(ahead) - self.data)) / (1 + up)
            of_edges = of_edges + up * share * differences(ahead)
            of_edges = of_edges / (of_edges.square().sum((1, 2)).sqrt() / most).clamp_min(1.0)[:, None, None]
            slope = scale * self.operator.adjoint(of_data) + share * differences_back(of_edges) + push * (1 - 2 * x)
            new = (x - down * slope).clamp(0, 1)
            ahead, x = 2 * new - x, new
        self.x, self._ahead, self._dual = x, ahead, (of_data, of_edges)

    def bend(self) -> None:
        """The response that suits the picture best: A x = slope y + bend y^2."""
        import torch

        z, y = self.operator.forward(self.x).double(), self.seen.double()
        powers = torch.stack([y, y.square()], -1)
        self.response = torch.linalg.lstsq(powers, z[..., None]).solution[..., 0].float()
        self.data = (self.response[:, None, :] * powers.float()).sum(-1)

    def residual(self) -> Tensor:
        """Root mean square, (images,), in the units of A x."""
        return (self.operator.forward(self.x) - self.data).square().mean(1).sqrt()


def likeliest_gain(measurement: Measurement) -> tuple[float, float]:
    """The factor by which values and noise of a measurement of a picture of two grey levels have to be divided so that these are
    black and white, and the step in which it was looked for: the one with which two levels explain best what was measured. It is
    looked for in coarse pixels, between 0.56 and 1.25."""
    coarse = _coarse(measurement, COARSE_SIDE)
    values = coarse.values
    assert values is not None
    tried: dict[float, float] = {}

    def residual(gain: float) -> float:
        if gain not in tried:
            solver = _Solver(replace(coarse, values=values / gain), ConvexConcave().penalty)
            for push in PUSHES[::2]:
                solver.advance(push, ConvexConcave().iterations)
                solver.bend()
            tried[gain] = float(solver.residual().mean())
        return tried[gain]

    best = min(GAINS, key=residual)
    near = [g for g in sorted(tried) if g != best]
    for other in (max((g for g in near if g < best), default=best), min((g for g in near if g > best), default=best)):
        residual((best * other) ** FINER)
    best = min(tried, key=lambda gain: tried[gain])
    apart = min(abs(gain - best) for gain in tried if gain != best)
    return best, apart
