"""Annealed Langevin dynamics, Algorithm 1 of QCS-SGM: what its variants share. They differ in the likelihood score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate, likelihood_facts
from engine.errors import EngineError
from engine.priors.levels import geometric_levels
from engine.seeds import RowGenerators, generator
from engine.settings import flag, integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Langevin", "Score"]

SAFETY = 0.9
ASTRAY = 4.0
"""Distance of a chain from the prior's mean at which it has diverged, as a multiple of the range and the noise level."""
Score = Callable[["Tensor", float, "Tensor"], "Tensor"]
"""Likelihood score in the image domain from (x, sigma, prior score)."""


@dataclass(frozen=True)
class Langevin(AlgorithmChoice):
    """Noise levels, steps and the recursion; :meth:`likelihood_score` is what a variant adds.

    ``least_rows`` chains are computed at once, however few are asked for.
    """

    least_rows: ClassVar[int] = 1

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

    sigma_first: float = number(50.0, "First noise level", "beta_1, in [0, 1] units.", above=0, high=1000, expert=True)
    sigma_last: float = number(0.01, "Last noise level", "beta_T, in [0, 1] units.", above=0, high=10, expert=True)
    levels: int = integer(232, "Noise levels", "T, spaced geometrically.", low=1, high=10000)
    repeats: int = integer(5, "Steps per level", "K.", low=1, high=1000)
    step: float = number(
        0.5,
        "Step size",
        "epsilon / beta_T^2. The paper's value is 2 (epsilon = 2e-4), at which an exact score diverges.",
        above=0,
        high=100,
        expert=True,
    )
    momentum: float = number(
        0.7,
        "Momentum",
        "Share of the velocity kept from one step to the next (kinetic Langevin dynamics), which crosses between modes "
        "several times faster; 0 is Algorithm 1 of the papers.",
        low=0,
        high=0.99,
        expert=True,
    )
    guard: bool = flag(
        True, "Stability guard", "Lowers the step to 0.9 times the limit of stability of the recursion.", expert=True
    )
    final_denoising: bool = flag(
        True, "Final denoising", "Ends with the denoised estimate at the last level.", expert=True
    )

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
        chains, rows = draws.per_row("langevin"), measurement.images
        if rows < self.least_rows:
            measurement = measurement.select([*range(rows), *[0] * (self.least_rows - rows)])
            fill = [generator(draws.seed, "padding", i) for i in range(self.least_rows - rows)]
            chains = RowGenerators([*chains.generators, *fill])
        likelihood, limit, made = self.likelihood_score(measurement)
        device, shape = measurement.device, measurement.operator.image_shape
        step, note = self.step, ""
        if self.guard and step > SAFETY * limit:
            step = SAFETY * limit
            note = f"The step was lowered from {self.step:g} to {step:.3g}, 0.9 of the limit of stability."
        x, velocity = chains.uniform(shape, device), torch.zeros((), device=device)
        kept, fresh = self.momentum, (1 - self.momentum**2) ** 0.5
        calls, total = 0, self.steps_for(len(draws.samples))
        before = self.sigma_first
        for sigma in geometric_levels(self.sigma_first, self.sigma_last, self.levels):
            stride = (2 * step) ** 0.5 * sigma
            # noise of the level before is still there, and a chain that was further out comes nearer
            bound = _away(x, prior).clamp_min(ASTRAY * (max(1.0, prior.variance**0.5) + before))
            for _ in range(self.repeats):
                with torch.no_grad():
                    denoised = prior.denoise(x, sigma)
                    score = (denoised - x) / sigma**2
                    kick = 0.5 * stride * (score + likelihood(x, sigma, score))
                    velocity = kept * (velocity + kick) + fresh * chains.normal(shape, device) + kick
                    x = x + stride * velocity
                calls += 1
                if not bool((_away(x, prior) <= bound).all()):  # or no number at all
                    way_out = "or take another algorithm" if self.guard else "or switch the stability guard on"
                    raise EngineError(
                        f"Langevin dynamics diverged at noise level {sigma:.3g}; lower momentum or the step below {step:.3g}, "
                        f"end at a higher noise level (sigma_last), {way_out}."
                    )
                statistics, messages = likelihood_facts(made)
                statistics["sigma"] = sigma
                messages = {name: message[:rows] for name, message in messages.items()}
                yield Iterate(calls, total, x[:rows], calls, denoised[:rows], statistics, messages=messages, note=note)
            before = sigma
        if self.final_denoising:
            with torch.no_grad():
                x = prior.denoise(x, self.sigma_last)[:rows]
            yield Iterate(total, total, x, calls + 1, x, {"sigma": self.sigma_last}, note=note)


def _away(x: Tensor, prior: DenoiserPrior) -> Tensor:
    """Root-mean-square distance of each row from the prior's mean, (batch,)."""
    return (x.double() - prior.mean).square().flatten(1).mean(1).sqrt()
