"""Robust PCA: low rank plus few outliers, by scaled descent (Tong, Ma and Chi, JMLR 2021 and IEEE TSP 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.lowrank.outliers import RobustDescent, SubgradientDescent
    from engine.priors.base import LowRankPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["RobustPca"]

GROWS_EVERY, MARGIN = 20, 2.5
"""Where the rank is not given it begins at one and grows, after so many steps, while one more singular value stands out."""

ROWS, MOST = 3.0, 0.9
"""Share of a row or a column that may be set aside, as a multiple of that of all pixels, and at most."""

TOLD = 0.01
"""Share of pixels that were not set aside, and are no noise, from which on it is said."""


@dataclass(frozen=True)
class RobustPca(AlgorithmChoice):
    """Robust PCA: the picture is of low rank but for few pixels, in any row and column: a film's still background."""

    # y = X + S with S sparse. threshold: S <- T(y - L R^T), L <- L + eta (y - S - L R^T) R (R^T R)^-1, and likewise R.

    name = "robust-pca"
    label = "Robust PCA (ScaledGD)"
    takes: ClassVar = ("low-rank",)
    rows_are: ClassVar = ESTIMATE

    outliers: float = number(
        20.0,
        "Outliers",
        "Share of the pixels that may be outliers, at most; a row or a column may have three times as many.",
        unit="%",
        above=0,
        high=90,
    )
    form: str = one_of(
        "threshold",
        ("threshold", "subgradient"),
        "Form",
        "threshold sets the largest residuals aside before each step; subgradient minimises the sum of absolute residuals, "
        "with Polyak's step, its least value estimated from those that are not the largest.",
    )
    part: str = one_of(
        "low-rank",
        ("low-rank", "outliers", "sum"),
        "Result",
        "What is shown as the picture: the part of low rank, the outliers about mid-grey, or both together.",
    )
    start: str = one_of(
        "pursuit",
        ("pursuit", "threshold"),
        "Start",
        "pursuit: what the convex form (principal component pursuit) sets aside, found by some thirty singular value "
        "decompositions; threshold: the largest of what was seen, as published: then twice the true share is safe.",
        expert=True,
    )
    step: float = number(
        0.5, "Step", "eta; of Polyak's step a multiple for subgradients.", above=0, high=10, expert=True
    )
    iterations: int = integer(300, "Iterations", "At most.", low=1, high=1_000_000)
    tolerance: float = number(
        1e-5, "Tolerance", "Ends where a step moves the matrix by less than this share.", low=0, high=1, expert=True
    )
    data: str = data_view()

    @property
    def shows_a_part(self) -> bool:
        return self.part != "sum"

    def steps_for(self, samples: int) -> int:
        from engine.algorithms.lowrank.pursuit import PASSES

        return self.iterations + (PASSES if self.start == "pursuit" else 0)

    def work_for(self, samples: int) -> float:
        return float(self.iterations)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if operator.name not in ("identity", "inpainting"):
            return "robust-pca needs measurements that are pixels: choose identity or inpainting, or take scaled-gd"
        if getattr(prior, "form", "") == "patches" and getattr(prior, "overlap", False):
            return "robust-pca needs every pixel once: set overlap=false, or form=matrix or frames"
        if self.form == "subgradient" and quantizer.bits_per_measurement is not None and self.data == "exact":
            return "robust-pca form=subgradient takes real values: set data=as-values or form=threshold"
        return None

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if getattr(prior, "form", "") == "frames":
            return None
        return (
            "robust-pca is for what has low rank but for few pixels, such as a film (form=frames); a photograph has not"
        )

    def iterates(self, measurement: Measurement, prior: LowRankPrior, draws: Draws) -> Iterator[Iterate]:
        from engine.algorithms.lowrank.image_by_image import image_by_image

        return image_by_image(lambda seen, _: self._one(seen, prior), measurement, draws)

    def _one(self, measurement: Measurement, prior: LowRankPrior) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.lowrank.factored import refuse_diverged, truth_error
        from engine.algorithms.lowrank.outliers import RobustDescent, SubgradientDescent, largest_entries, leading
        from engine.algorithms.lowrank.pursuit import pursuit
        from engine.algorithms.lowrank.sparse_matrices import refuse_unseen

        seen = viewed(measurement, self.data)
        told, at = _told(seen, prior)
        for axis in (0, 1):
            refuse_unseen(at[0].sum(2 - axis), axis, (at.shape[2], at.shape[3]))
        near = self.start == "pursuit"
        share = min(ROWS * self.outliers / 100, MOST) if near else self.outliers / 100
        residual, filled = _residual(seen, prior), float(at.mean())
        rank = torch.full(told.shape[:2], prior.rank or 1, device=seen.device)
        growing = prior.rank is None

        def descent_of(aside: Tensor) -> RobustDescent | SubgradientDescent:
            start = leading((told - aside) / filled, rank)
            if self.form == "subgradient":
                return SubgradientDescent(residual, at, start, aside, share, self.step)
            return RobustDescent(residual, at, start, aside, share, self.step, sparing=near)

        def shown(low: Tensor, outliers: Tensor) -> Tensor:
            part = {"low-rank": low, "outliers": outliers, "sum": low + outliers}[self.part]
            return ((0.5 if self.part == "outliers" else prior.mean) + prior.depict(part)).float()

        count, steps, aside = 0, self.steps_for(1), largest_entries(told, at, share)
        if near:
            for found in pursuit(told, at):
                count, aside = count + 1, found.sparse
                x = shown(found.low, aside)
                facts = {"change": float(found.missed.mean())} | truth_error(measurement, x)
                yield Iterate(count, steps, x, 0, statistics=facts, per_image=True, mean=x, phase="separating")
            while growing and bool((more := _stands_out((told - aside) * at / filled, rank)).any()):
                rank = rank + more
        descent = descent_of(aside)
        going = torch.ones(seen.images, dtype=torch.bool, device=seen.device)
        first, end = count, count + self.iterations
        while True:
            count += 1
            descent.advance(going)
            going = going & (descent.moved > self.tolerance)
            now = descent
            if growing and (count - first) % GROWS_EVERY == 0:
                more = _stands_out((told - descent.outliers) * at / filled, rank)
                growing = bool(more.any())
                if growing:
                    rank = rank + more
                    descent, going = descent_of(descent.outliers), torch.ones_like(going)
            last = count == end or not (bool(going.any()) or growing)
            x = shown(now.factors.left @ now.factors.right.mT, now.outliers)
            refuse_diverged(self, count, x)
            taken = (now.outliers != 0).double().sum((1, 2, 3)) / at.sum((1, 2, 3))
            facts = {
                "objective": float(now.f.mean()), "change": float(now.moved.mean()), "rank": float(rank.double().mean()),
                "outliers": float(taken.mean()),
            } | truth_error(measurement, x)  # fmt: skip
            note = _left(now.left) if last and isinstance(now, RobustDescent) else ""
            yield Iterate(
                count, count if last else steps, x, 0, statistics=facts, per_image=True, mean=x, note=note, phase="descending"
            )  # fmt: skip
            if last:
                return


def _left(share: float) -> str:
    """What to say of a ``share`` of the pixels that are no noise, and were not set aside."""
    if share < TOLD:
        return ""
    return (
        f"{share:.0%} of the pixels lie further from the part of low rank than noise explains and could not be set aside: "
        "raise outliers, or the rank."
    )


def _told(seen: Measurement, prior: LowRankPrior) -> tuple[Tensor, Tensor]:
    """What was seen of the matrices, and where: like them, ones and zeros, float64."""
    import torch

    from engine.algorithms.lowrank.fits import pseudo_values

    values = pseudo_values(seen, prior.mean)
    at = seen.operator.adjoint(torch.ones_like(values))
    return prior.matricise(seen.operator.adjoint(values)), prior.matricise(at)


def _residual(seen: Measurement, prior: LowRankPrior) -> Callable[[Tensor], Tensor]:
    """What matrices lack at the entries seen: y - X for real values; for cells the noise variance times their score."""
    from engine.likelihoods.data_term import DataTerm

    term, operator = DataTerm(seen), seen.operator

    def of(matrices: Tensor) -> Tensor:
        z = operator.forward(prior.depict(matrices) + (prior.mean - seen.offset))
        _, score = term.of_responses(z)
        return prior.matricise(operator.adjoint(score * term.variance))

    return of


def _stands_out(rest: Tensor, rank: Tensor) -> Tensor:
    """Whether the singular value after the ``rank`` (images, parts) ones of what is left beside the outliers (images, parts,
    rows, columns) is more than noise of the energy of the values from there on would have; 0 or 1, (images, parts)."""
    import torch

    from engine.algorithms.lowrank.spectral import noise_edge

    rows, columns = rest.shape[2:]
    values = torch.linalg.svdvals(rest)
    if values.shape[-1] <= int(rank.max()):
        return torch.zeros_like(rank)
    after = torch.arange(values.shape[-1], device=rest.device) >= rank[..., None]
    energy = (values.square() * after).sum(-1)
    edge = noise_edge(energy, torch.tensor(rows), torch.tensor(columns))
    following = values.gather(-1, rank[..., None])[..., 0]
    return ((following > MARGIN * edge) & (energy > 1e-8 * values.square().sum(-1))).long()
