"""Metropolis-adjusted Langevin sampling of p(y | x) N(x; centre, rho^2 I), for any operator and channel.

The proposal solves the Gaussian part exactly (an Ornstein-Uhlenbeck step towards the centre; DPnP, Xu and Chi, 2024,
"proximal consistency sampler"), with k = exp(-h / rho^2):

    x' = centre + k (x - centre) - rho^2 (1 - k) grad f(x) + rho sqrt(1 - k^2) w,    f = -ln p(y | x).

It is accepted with probability min(1, pi(x') q(x | x') / (pi(x) q(x' | x))). The step h is found per row while the chain
warms up and does not depend on x after that: only then is pi stationary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.likelihoods.data_term import DataTerm
from engine.seeds import RowGenerators

__all__ = ["Mala"]

_TARGET = 0.6
"""Acceptance to aim at: 0.574 is the most efficient in many dimensions (Roberts and Rosenthal, 1998)."""
_EAGER = 2.0


class Mala:
    """One chain per row. ``centre`` (rows, c, h, w); ``squared`` = rho^2 (rows,).

    ``step`` (rows,) is h; ``acceptance`` (rows,) the share of the last :meth:`run` that was accepted with the step fixed.
    """

    def __init__(self, term: DataTerm, centre: Tensor, squared: Tensor, step: Tensor | None = None) -> None:
        self.term, self.centre, self.squared = term, centre, squared.double()
        if step is None:
            curvature = term.gain() / term.variance + 1 / self.squared
            step = 2.7 * centre[0].numel() ** (-1 / 3) / curvature
        self.step = step.double()
        self.acceptance = torch.ones_like(self.squared)

    def run(self, x: Tensor, steps: int, noise: RowGenerators) -> Tensor:
        """The state after ``steps`` steps from ``x``; the first half of them set the step."""
        warm = steps // 2
        value, gradient = self.term.value_and_gradient(x)
        accepted = torch.zeros_like(self.squared)
        for number in range(1, steps + 1):
            mean, variance = self._proposal(x, gradient)
            white = noise.normal(x.shape[1:], x.device).to(x.dtype)
            new = mean + _image(variance.sqrt(), x) * white
            new_value, new_gradient = self.term.value_and_gradient(new)
            back, _ = self._proposal(new, new_gradient)
            ratio = self._log_target(new, new_value) - self._log_target(x, value)
            ratio = ratio - (_size(x - back) - _size(new - mean)) / (2 * variance)
            ratio = torch.where(ratio.isfinite(), ratio, -torch.inf)
            chance = ratio.clamp_max(0).exp()
            taken = noise.uniform((1,), x.device)[:, 0].double() < chance
            keep = taken.reshape(-1, 1, 1, 1)
            x, gradient = torch.where(keep, new, x), torch.where(keep, new_gradient, gradient)
            value = torch.where(taken, new_value, value)
            if number <= warm:
                self.step = self.step * torch.exp(_EAGER * number**-0.6 * (chance - _TARGET))
            else:
                accepted += taken
        self.acceptance = accepted / max(1, steps - warm)
        return x

    def _proposal(self, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Mean like ``x`` and variance (rows,) of where the chain goes from ``x``."""
        exponent = self.step / self.squared
        kept = _image(torch.exp(-exponent), x)
        pull = _image(-self.squared * torch.expm1(-exponent), x)
        mean = self.centre + kept * (x - self.centre) - pull * gradient
        return mean, -self.squared * torch.expm1(-2 * exponent)

    def _log_target(self, x: Tensor, value: Tensor) -> Tensor:
        return -value - _size(x - self.centre) / (2 * self.squared)


def _image(per_row: Tensor, x: Tensor) -> Tensor:
    return per_row.to(x.dtype).reshape(-1, 1, 1, 1)


def _size(x: Tensor) -> Tensor:
    """Squared norm, (rows,), float64."""
    return x.double().square().flatten(1).sum(1)
