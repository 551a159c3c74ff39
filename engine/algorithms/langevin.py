"""QCS-SGM: posterior sampling by annealed Langevin dynamics (Algorithm 1 of the QCS-SGM paper)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.algorithms.schedules import geometric_levels
from engine.errors import EngineError
from engine.settings import flag, integer, number

if TYPE_CHECKING:
    from engine.measurements import Measurement
    from engine.operators import Operator
    from engine.priors.base import DenoiserPrior

__all__ = ["QcsSgm", "stable_step"]

SAFETY = 0.9


@dataclass(frozen=True)
class QcsSgm(AlgorithmChoice):
    """QCS-SGM: annealed Langevin dynamics with the noise-perturbed pseudo-likelihood score (Algorithm 1)."""

    name = "qcs-sgm"
    label = "QCS-SGM (Langevin)"
    presets: ClassVar = {
        "paper": {
            "sigma_first": 50.0,
            "sigma_last": 0.01,
            "levels": 232,
            "repeats": 5,
            "step": 2.0,
            "final_denoising": False,
        },
    }

    sigma_first: float = number(50.0, "First noise level", "beta_1, in [0, 1] units.", above=0, high=1000)
    sigma_last: float = number(0.01, "Last noise level", "beta_T, in [0, 1] units.", above=0, high=10)
    levels: int = integer(232, "Noise levels", "T, spaced geometrically.", low=1, high=10000)
    repeats: int = integer(5, "Steps per level", "K.", low=1, high=1000)
    step: float = number(
        0.5,
        "Step size",
        "epsilon / beta_T^2. The paper's value is 2 (epsilon = 2e-4), at which an exact score diverges.",
        above=0,
        high=100,
    )
    guard: bool = flag(True, "Stability guard", "Lowers the step to 0.9 times the limit of stability of the recursion.")
    final_denoising: bool = flag(True, "Final denoising", "Ends with the denoised estimate at the last level.")

    def steps_for(self, samples: int) -> int:
        return self.levels * self.repeats + int(self.final_denoising)

    def work_for(self, samples: int) -> float:
        return samples * (self.levels * self.repeats + int(self.final_denoising))

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.likelihoods import DiagonalLikelihood

        measurement = measurement.for_rows(len(draws.samples))
        likelihood, adjoint = DiagonalLikelihood(measurement), measurement.operator.adjoint
        device, shape = likelihood.row_norms_squared.device, prior.image_shape
        step, note = self.step, ""
        if self.guard and step > (limit := SAFETY * stable_step(measurement.operator)):
            step, note = (
                limit,
                f"The step was lowered from {self.step:g} to {limit:.3g}, 0.9 of the limit of stability.",
            )
        chains = draws.per_row("langevin")
        x = chains.uniform(shape, device)
        calls, number, total = 0, 0, self.steps_for(len(draws.samples))
        for sigma in geometric_levels(self.sigma_first, self.sigma_last, self.levels):
            size = step * sigma**2
            for _ in range(self.repeats):
                with torch.no_grad():
                    denoised = prior.denoise(x, sigma)
                    score = (denoised - x) / sigma**2 + adjoint(likelihood.score(x, sigma))
                    x = x + size * score + (2 * size) ** 0.5 * chains.normal(shape, device)
                calls, number = calls + 1, number + 1
                if not bool(torch.isfinite(x).all()):
                    raise EngineError(
                        f"Langevin dynamics diverged at noise level {sigma:.3g}; lower the step below {self.step:g} "
                        "or switch the stability guard on."
                    )
                yield Iterate(number, total, x, calls, denoised, {"sigma": sigma}, note=note)
        if self.final_denoising:
            with torch.no_grad():
                x = prior.denoise(x, self.sigma_last)
            yield Iterate(number + 1, total, x, calls + 1, x, {"sigma": self.sigma_last}, note=note)


def stable_step(operator: Operator) -> float:
    """Largest stable epsilon / beta_T^2 of the recursion with a calibrated score.

    The prior's score has curvature at most 1 / sigma^2 and the pseudo-likelihood's at most
    lambda_max(A A^T) / min ||a_m||^2 / sigma^2 (noise only lowers it), and a Langevin step is stable below two over
    their sum. lambda_max is found by 50 power iterations, which approach it from below within a per cent or two.
    """
    import torch

    from engine.seeds import generator

    norms = operator.row_norms_squared()
    z = torch.randn((1, operator.rows), generator=generator(0, "power")).to(norms.device)
    largest = 0.0
    for _ in range(50):
        z = operator.forward(operator.adjoint(z / z.norm().clamp_min(1e-30)))
        largest = float(z.norm())
    smallest_row = max(float(norms.min()), 1e-12 * float(norms.max()), 1e-30)
    return 2 / (1 + largest / smallest_row)
