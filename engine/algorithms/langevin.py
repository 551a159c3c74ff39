"""Annealed Langevin dynamics: QCS-SGM, QCS-SGM+ and the ALD of Jalal et al."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, likelihood_facts
from engine.algorithms.schedules import geometric_levels
from engine.algorithms.stability import largest_eigenvalue, stable_step
from engine.errors import EngineError, InputError
from engine.likelihoods import LIKELIHOODS, likelihood_refusal, make_likelihood
from engine.settings import flag, integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.measurements import Measurement
    from engine.operators import OperatorChoice
    from engine.priors.base import DenoiserPrior
    from engine.quantizers import QuantizerChoice

__all__ = ["Ald", "QcsSgm", "QcsSgmPlus"]

SAFETY = 0.9
Score = Callable[["Tensor", float, "Tensor"], "Tensor"]
"""Likelihood score in the image domain from (x, sigma, prior score)."""


@dataclass(frozen=True)
class _Langevin(AlgorithmChoice):
    presets: ClassVar = {
        "paper": {
            "sigma_first": 50.0,
            "sigma_last": 0.01,
            "levels": 232,
            "repeats": 5,
            "step": 2.0,
            "momentum": 0.0,
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
    momentum: float = number(
        0.7,
        "Momentum",
        "Share of the velocity kept from one step to the next (kinetic Langevin dynamics), which crosses between modes "
        "several times faster; 0 is Algorithm 1 of the papers.",
        low=0,
        high=0.99,
    )
    guard: bool = flag(True, "Stability guard", "Lowers the step to 0.9 times the limit of stability of the recursion.")
    final_denoising: bool = flag(True, "Final denoising", "Ends with the denoised estimate at the last level.")

    def steps_for(self, samples: int) -> int:
        return self.levels * self.repeats + int(self.final_denoising)

    def work_for(self, samples: int) -> float:
        return samples * self.steps_for(samples)

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        """The likelihood score, the limit of stability of epsilon / beta_T^2 with it, and the likelihood it is made of."""
        raise NotImplementedError

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        measurement = measurement.for_rows(len(draws.samples))
        likelihood, limit, made = self.likelihood_score(measurement)
        device, shape = measurement.device, measurement.operator.image_shape
        step, note = self.step, ""
        if self.guard and step > SAFETY * limit:
            step = SAFETY * limit
            note = f"The step was lowered from {self.step:g} to {step:.3g}, 0.9 of the limit of stability."
        chains = draws.per_row("langevin")
        x, velocity = chains.uniform(shape, device), torch.zeros((), device=device)
        kept, fresh = self.momentum, (1 - self.momentum**2) ** 0.5
        calls, total = 0, self.steps_for(len(draws.samples))
        for sigma in geometric_levels(self.sigma_first, self.sigma_last, self.levels):
            stride = (2 * step) ** 0.5 * sigma
            for _ in range(self.repeats):
                with torch.no_grad():
                    denoised = prior.denoise(x, sigma)
                    score = (denoised - x) / sigma**2
                    kick = 0.5 * stride * (score + likelihood(x, sigma, score))
                    velocity = kept * (velocity + kick) + fresh * chains.normal(shape, device) + kick
                    x = x + stride * velocity
                calls += 1
                if not bool(torch.isfinite(x).all()):
                    raise EngineError(
                        f"Langevin dynamics diverged at noise level {sigma:.3g}; lower the step below {self.step:g} "
                        "or switch the stability guard on."
                    )
                statistics, messages = likelihood_facts(made)
                statistics["sigma"] = sigma
                yield Iterate(calls, total, x, calls, denoised, statistics, messages=messages, note=note)
        if self.final_denoising:
            with torch.no_grad():
                x = prior.denoise(x, self.sigma_last)
            yield Iterate(total, total, x, calls + 1, x, {"sigma": self.sigma_last}, note=note)


@dataclass(frozen=True)
class QcsSgm(_Langevin):
    """QCS-SGM: annealed Langevin dynamics with the noise-perturbed pseudo-likelihood score (Algorithm 1)."""

    name = "qcs-sgm"
    label = "QCS-SGM (Langevin)"

    likelihood: str = one_of("diagonal", tuple(LIKELIHOODS), "Likelihood", "How the measurements enter.")

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        made, operator = make_likelihood(self.likelihood, measurement), measurement.operator
        limit = stable_step(operator) if self.likelihood == "diagonal" else 1.0

        def score(x: Tensor, sigma: float, _: Tensor) -> Tensor:
            return operator.pull_back(x - measurement.offset, made.score(x, sigma))

        return score, limit, made

    def refusal(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        return likelihood_refusal(self.likelihood, operator, quantizer)

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        if self.likelihood == "diagonal" and not operator.orthogonal_rows and operator.is_linear:
            return "the diagonal likelihood is an approximation here; qcs-sgm-plus takes the correlations into account"
        return None


@dataclass(frozen=True)
class QcsSgmPlus(_Langevin):
    """QCS-SGM+: Langevin dynamics with the likelihood score by expectation propagation, for general A."""

    name = "qcs-sgm-plus"
    label = "QCS-SGM+ (EP Langevin)"

    gamma: float = number(1.0, "Weight gamma", "Factor of the likelihood score; 1 is Bayes' rule.", above=0, high=100)
    ep_iterations: int = integer(
        8, "EP iterations", "At most, in each step; messages are kept between steps.", low=1, high=1000
    )
    guidance: str = one_of(
        "bayes",
        ("bayes", "norm-ratio"),
        "Guidance",
        "norm-ratio is the published code's: the likelihood score gets gamma times the norm of the prior score.",
    )

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        made, adjoint = make_likelihood("ep", measurement, self.ep_iterations), measurement.operator.adjoint

        def score(x: Tensor, sigma: float, prior_score: Tensor) -> Tensor:
            pull = adjoint(made.score(x, sigma))
            if self.guidance == "norm-ratio":
                norms = [t.flatten(1).norm(dim=1).clamp_min(1e-30) for t in (prior_score, pull)]
                pull = pull * (norms[0] / norms[1]).reshape(-1, 1, 1, 1)
            return self.gamma * pull

        return score, 2 / (1 + self.gamma), made

    def refusal(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        return likelihood_refusal("ep", operator, quantizer)


@dataclass(frozen=True)
class Ald(_Langevin):
    """ALD of Jalal et al. (2021): Langevin dynamics on linear measurements with a heuristic annealing term."""

    name = "ald"
    label = "ALD (Jalal et al.)"

    annealing: float = number(
        1.0, "Annealing", "gamma_t / beta_t: the noise variance is raised by gamma_t^2.", low=0, high=1000
    )

    def refusal(self, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
        if quantizer.bits_per_measurement is not None:
            return "ald knows no quantizer; choose the quantizer 'none', or take qcs-sgm"
        if not operator.is_linear:
            return "ald needs a linear operator; take guided"
        return None

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        values, operator = measurement.values, measurement.operator
        if values is None:
            raise InputError("The algorithm 'ald' needs measurements that are not quantized; take qcs-sgm.")

        def score(x: Tensor, sigma: float, _: Tensor) -> Tensor:
            variance = measurement.noise**2 + (self.annealing * sigma) ** 2
            return operator.adjoint((values - measurement.predict(x)) / max(variance, 1e-24))

        return score, 2 / (1 + largest_eigenvalue(operator) / max(self.annealing**2, 1e-12)), None
