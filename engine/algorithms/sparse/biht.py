"""Iterative hard thresholding on quantized measurements: binary (Jacques et al., 2013), and its like for other cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate
from engine.settings import flag, integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import SparsityPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Biht"]


@dataclass(frozen=True)
class Biht(AlgorithmChoice):
    """BIHT: gradient steps towards consistent cells, each followed by keeping the largest coefficients alone.

    One bit has lost the amplitude: every iterate is normalised, and the picture is shown at its most likely amplitude.
    """

    name = "biht"
    label = "BIHT (hard thresholding)"
    takes: ClassVar = ("sparsity",)
    leaves_out: ClassVar = False
    rows_are: ClassVar = ESTIMATE

    sparsity: float = number(5.0, "Sparsity", "Share of the coefficients that are kept.", unit="%", above=0, high=100)
    iterations: int = integer(300, "Iterations", "At most; ends where all measurements agree.", low=1, high=1_000_000)
    loss: str = one_of(
        "one-sided-l1",
        ("one-sided-l1", "one-sided-l2"),
        "Loss",
        "one-sided-l1 pulls every wrong bit alike (BIHT); one-sided-l2 in proportion to how wrong it is, which suits noisy "
        "bits, and is taken for cells of more than one bit and for real values.",
        expert=True,
    )
    normalise: bool = flag(
        True,
        "Normalise each step",
        "Normalised BIHT; else the norm is set at the end, as first published.",
        expert=True,
    )

    def steps_for(self, samples: int) -> int:
        return self.iterations

    def work_for(self, samples: int) -> float:
        return float(self.iterations)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear:
            return "biht needs a linear operator; take a denoiser prior such as mnist with guided"
        if not getattr(prior, "has_basis", False):
            return "biht needs a sparsity prior with a basis: choose pixels or wavelet, or take lasso"
        return None

    def iterates(self, measurement: Measurement, prior: SparsityPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods.data_term import DataTerm

        seen, operator = measurement.with_cells(), measurement.operator
        flat = torch.full((seen.images, *operator.image_shape), prior.mean, device=seen.device)
        offset = operator.forward(flat - seen.offset).double()  # what the centre alone would measure
        kept = max(1, round(operator.pixels * self.sparsity / 100))
        signs = not seen.is_linear and self._lost_amplitude(seen, offset)
        step = 1 / DataTerm(seen).gain()
        if signs and self.loss == "one-sided-l1":
            # sqrt(2 pi) / M for rows of standard normal entries (Matsumoto and Mazumdar, 2022)
            norm = float(operator.row_norms_squared().mean().sqrt())
            step = (2 * math.pi * operator.pixels) ** 0.5 / (operator.rows * max(norm, 1e-12))
        x, best, least = torch.zeros_like(flat), torch.zeros_like(flat), None
        if signs:  # at zero every sign is on the edge of being right
            directions = torch.where(seen.lower.isinf(), -1.0, 1.0).float()  # type: ignore[union-attr]
            x = operator.adjoint(directions)
            x = x / _norm(x)
        for count in range(1, self.iterations + 1):
            residual = self._residual(seen, operator.forward(x).double() + offset, signs)
            w = prior.analyse(x + step * operator.adjoint(residual.float()) + prior.mean)
            assert w is not None
            x = prior.synthesise(_largest(w, kept)) - prior.mean
            if signs and self.normalise:
                x = x / _norm(x)
            wrong = self._wrong(seen, operator.forward(x).double() + offset)
            better = torch.ones_like(wrong, dtype=torch.bool) if least is None else wrong < least
            least = wrong if least is None else torch.minimum(wrong, least)
            best = torch.where(better.reshape(-1, 1, 1, 1), x, best)
            last = count == self.iterations or bool((least == 0).all())
            shown = prior.mean + (
                self._at_likely_amplitude(seen, best if last else x) if signs else best if last else x
            )
            facts = {"violated": float(wrong.mean()), "change": float(_norm(residual.reshape(len(x), 1, 1, -1)).mean())}
            yield Iterate(
                count, count if last else self.iterations, shown, 0, statistics=facts, per_image=True, mean=shown,
                phase="thresholding",
            )  # fmt: skip
            if last:
                return

    @staticmethod
    def _lost_amplitude(seen: Measurement, offset: Tensor) -> bool:
        """Whether the cells say the same of every multiple of the picture: half-lines that end at the centre's response."""
        import torch

        assert seen.lower is not None and seen.upper is not None
        edges = torch.where(seen.lower.isfinite(), seen.lower, seen.upper)
        half_lines = bool((seen.lower.isinf() | seen.upper.isinf()).all())
        return half_lines and bool(((edges - offset).abs() <= 1e-6 * (1 + offset.abs())).all())

    def _residual(self, seen: Measurement, z: Tensor, signs: bool) -> Tensor:
        """How far z (images, rows) is from its cells, or from the values; of signs in one-sided-l1, which way it is wrong."""
        if seen.values is not None:
            return seen.values.double() - z
        assert seen.lower is not None and seen.upper is not None
        distance = z.clamp(seen.lower, seen.upper) - z
        if not signs or self.loss == "one-sided-l2":
            return distance
        return (z < seen.lower).double() - (z >= seen.upper).double()

    @staticmethod
    def _wrong(seen: Measurement, z: Tensor) -> Tensor:
        """Share of measurements that z (images, rows) does not agree with; of real values, their relative squared error."""
        if seen.values is not None:
            y = seen.values.double()
            return (y - z).square().sum(1) / y.square().sum(1).clamp_min(1e-30)
        assert seen.lower is not None and seen.upper is not None
        return 1 - ((z >= seen.lower) & (z < seen.upper)).double().mean(1)

    @staticmethod
    def _at_likely_amplitude(seen: Measurement, x: Tensor) -> Tensor:
        """x at the amplitude under which the signs are most likely given the noise, at most full contrast."""
        import torch

        from engine.likelihoods.data_term import DataTerm

        term = DataTerm(seen)
        full = 1 / x.abs().flatten(1).amax(1).clamp_min(1e-12)
        shares = torch.linspace(0.05, 1.0, 24, dtype=x.dtype, device=x.device)
        centre = seen.offset
        values = torch.stack([term.value(centre + (s * full).reshape(-1, 1, 1, 1) * x) for s in shares])
        return (shares[values.argmin(0)] * full).reshape(-1, 1, 1, 1) * x


def _largest(w: Tensor, kept: int) -> Tensor:
    """The ``kept`` largest entries of every row in magnitude, the others 0."""
    import torch

    order = w.abs().topk(kept, dim=1).indices
    return torch.zeros_like(w).scatter(1, order, w.gather(1, order))


def _norm(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1).clamp_min(1e-12).reshape(-1, 1, 1, 1)
