"""What gradient descent on factors shares: settings, starts, iterates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate, data_view, viewed
from engine.errors import InputError
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms.lowrank.descent import Rule
    from engine.algorithms.lowrank.fits import MatrixFit
    from engine.algorithms.lowrank.spectral import Factors, Spectrum
    from engine.priors.base import LowRankPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Factored", "matrix_fit", "refuse_diverged", "truth_error"]

SPARE_RANK = 4


@dataclass(frozen=True)
class Factored(AlgorithmChoice):
    """Settings of descent on L and R, X = L R^T. Subclasses say the :meth:`rule` and the damping."""

    presets: ClassVar = {"paper": {"steps": "constant", "penalty": 0.0}}

    takes: ClassVar = ("low-rank",)
    rows_are: ClassVar = ESTIMATE

    step: float = number(0.5, "Step", "eta; the first try where steps are found by backtracking.", above=0, high=100)
    steps: str = one_of(
        "backtracking",
        ("backtracking", "constant"),
        "Steps",
        "backtracking halves a step until the objective falls as it should; constant is the published method.",
    )
    penalty: float | None = number(
        None,
        "Penalty",
        "Weight of the nuclear norm, as a share of the one that leaves a flat picture; auto takes what best predicts a tenth of "
        "the measurements that is left out, 0 is the published method.",
        low=0,
        high=100,
        expert=True,
    )
    start: str = one_of(
        "spectral",
        ("spectral", "random"),
        "Start",
        "The leading singular vectors of what was seen, or small random factors.",
        expert=True,
    )
    scale: float = number(
        1e-3,
        "Scale of a random start",
        "As a share of the largest singular value of what was seen.",
        above=0,
        high=10,
        expert=True,
    )
    iterations: int = integer(500, "Iterations", "At most.", low=1, high=1_000_000)
    tolerance: float = number(
        1e-5, "Tolerance", "Ends where a step moves the matrix by less than this share.", low=0, high=1, expert=True
    )
    data: str = data_view()

    def rule(self) -> Rule:
        """How gradients become steps."""
        raise NotImplementedError

    def damping_of(self, largest: Tensor) -> Tensor:
        """What is added to the Gram matrices, (images, parts), for the largest singular values of what was seen."""
        return 0 * largest

    def steps_for(self, samples: int) -> int:
        from engine.algorithms.lowrank.penalty import PATH, STEPS_PER_PENALTY

        return self.iterations + (PATH * STEPS_PER_PENALTY if self.penalty is None else 0)

    def work_for(self, samples: int) -> float:
        return float(self.steps_for(samples))

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear:
            return f"{self.name} needs a linear operator; take a denoiser prior such as natural with guided"
        return None

    def iterates(self, measurement: Measurement, prior: LowRankPrior, draws: Draws) -> Iterator[Iterate]:
        from engine.algorithms.lowrank.image_by_image import image_by_image

        return image_by_image(lambda seen, mine: self._one(seen, prior, mine), measurement, draws)

    def _one(self, measurement: Measurement, prior: LowRankPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.lowrank.descent import Descent
        from engine.algorithms.lowrank.penalty import FEWEST, NuclearNormPath
        from engine.algorithms.lowrank.spectral import strength_of

        seen = viewed(measurement, self.data)
        fit = matrix_fit(seen, prior)
        spectrum, start = self._start(fit, prior, draws)
        largest, total, done = spectrum.values[..., 0], self.steps_for(len(draws.samples)), 0
        damping, strength = self.damping_of(largest), strength_of(fit, draws.per_image("strength")).clamp_min(1e-300)

        def told(descent: Descent, phase: str, steps: int, note: str = "") -> Iterate:
            factors = descent.factors
            x = (prior.mean + prior.depict(factors.left @ factors.right.mT)).float()
            refuse_diverged(self, done, x)
            facts = {
                "objective": float(descent.f.mean()), "change": float(descent.moved.mean()),
                "rank": float(factors.active.sum(-1).double().mean()), "step": float(descent.step.mean()),
                "penalty": float((descent.penalty / strength).mean()),
            } | truth_error(measurement, x)  # fmt: skip
            return Iterate(done, steps, x, 0, statistics=facts, per_image=True, mean=x, note=note, phase=phase)

        penalty = (self.penalty or 0.0) * strength
        if self.penalty is None and fit.seen >= FEWEST:
            path = NuclearNormPath(fit, start, self.rule(), largest, damping, strength, prior.rank is None, draws.seed)
            for descent in path.walk():
                done += 1
                yield told(descent, "choosing the penalty", total)
            start, penalty = path.estimate, path.chosen
        descent = Descent(fit, start, self.rule(), largest, damping, penalty)
        going = torch.ones(seen.images, dtype=torch.bool, device=seen.device)
        for count in range(1, self.iterations + 1):
            descent.advance(going)
            done += 1
            going = going & (descent.moved > self.tolerance) & ~descent.stuck
            last = count == self.iterations or not bool(going.any())
            note = "" if not last or not bool(going.any()) else (
                f"Not settled after {self.iterations} iterations; give more for a more exact solution."
            )  # fmt: skip
            yield told(descent, "descending", done if last else total, note)
            if last:
                return

    def _start(self, fit: MatrixFit, prior: LowRankPrior, draws: Draws) -> tuple[Spectrum, Factors]:
        import torch

        from engine.algorithms.lowrank import spectral

        searched = prior.rank or spectral.MOST_SEARCHED
        spectrum = spectral.spectrum_of(fit, searched, draws.per_image("spectrum"))
        if prior.rank is None:
            rank = spectral.discernible(spectrum, fit)
            if self.penalty != 0:  # which keeps what is too much small
                rank = (rank + rank // 2 + SPARE_RANK).clamp_max(min(spectrum.values.shape[-1], *fit.sides))
        else:
            rank = torch.full(spectrum.energy.shape, prior.rank, device=spectrum.energy.device)
        if self.start == "spectral":
            return spectrum, spectral.spectral_factors(spectrum, rank)
        scale = self.scale * spectrum.values[..., 0]
        return spectrum, spectral.random_factors(fit, rank, scale, draws.per_image("start"))


def matrix_fit(seen: Measurement, prior: LowRankPrior) -> MatrixFit:
    """The data term of a run: by entries where pixels were seen that are one entry each, by factors for
    rank-one projections, else by pictures."""
    import torch

    from engine.algorithms.lowrank.fits import EntriesFit, PictureFit, pseudo_values
    from engine.algorithms.lowrank.rank_one_fit import RankOneFit
    from engine.algorithms.lowrank.sparse_matrices import Places
    from engine.likelihoods.data_term import DataTerm
    from engine.sensing.operators.pixels import PixelOperator
    from engine.sensing.operators.rank_one import RankOneOperator

    operator = seen.operator
    if isinstance(operator, RankOneOperator) and prior.sides == operator.image_shape[1:]:
        return RankOneFit(seen, prior.mean)
    if isinstance(operator, PixelOperator):
        channels, height, width = operator.image_shape
        colours = torch.arange(channels, device=seen.device)[:, None] * (height * width)
        entries = prior.entries((colours + operator.kept).flatten())
        if entries is not None:
            places = Places(*entries, prior.parts, prior.sides)
            values, term = pseudo_values(seen, prior.mean), None if seen.is_linear else DataTerm(seen)
            return EntriesFit(places, values, term, prior.mean - seen.offset)
    return PictureFit(seen, prior)


def refuse_diverged(algorithm: AlgorithmChoice, step: int, x: Tensor) -> None:
    """Raises InputError where the picture is no longer finite: the step was too long."""
    if not bool(x.isfinite().all()):
        step_size: float = algorithm.step  # type: ignore[attr-defined]
        instead = ", or steps=backtracking" if hasattr(algorithm, "steps") else ""
        raise InputError(f"{algorithm.name} diverged at step {step}; give a smaller step than {step_size:g}{instead}.")


def truth_error(measurement: Measurement, x: Tensor) -> dict[str, float]:
    """The relative error of x where the truth is known, for the curves."""
    truth = measurement.truth
    if truth is None:
        return {}
    apart, size = (x - truth).double().flatten(1).norm(dim=1), truth.double().flatten(1).norm(dim=1).clamp_min(1e-30)
    return {"relative_error": float((apart / size).mean())}
