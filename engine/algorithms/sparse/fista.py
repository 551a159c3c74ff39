"""Accelerated proximal gradients (Beck and Teboulle, 2009) with adaptive restart (O'Donoghue and Candes, 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.data_term import DataTerm
    from engine.priors.base import SparsityPrior

__all__ = ["Fista"]


class Fista:
    """Steps towards the least of variance * f(x) + penalty * R(x), a batch of independent problems.

    f is the data term in nats; times the noise variance it is half the squared residual for real values, so that the
    penalty has one unit for every channel. ``x`` (images, c, h, w) is the estimate, ``moved`` (images,) how far the last
    step went as a share of the estimate: 0 at a solution.
    """

    def __init__(self, term: DataTerm, prior: SparsityPrior, x: Tensor, step: float) -> None:
        import torch

        self.term, self.prior, self.step = term, prior, step
        self.x, self.ahead = x, x
        self.pace = torch.ones(len(x), dtype=x.dtype, device=x.device)
        self.moved = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
        self._memory: dict = {}

    def advance(self, penalty: Tensor, going: Tensor) -> None:
        """One step with the penalty of every image, (images,); images that are not ``going`` (images,) stay where they are."""
        import torch

        _, gradient = self.term.value_and_gradient(self.ahead)
        down = self.ahead - self.step * self.term.variance * gradient
        new = self.prior.prox(down, self.step * penalty.to(down.dtype), self._memory)
        new = torch.where(going.reshape(-1, 1, 1, 1), new, self.x)
        change = new - self.x
        against = ((self.ahead - new) * change).flatten(1).sum(1) > 0
        following = 0.5 * (1 + (1 + 4 * self.pace**2).sqrt())
        push = torch.where(against, 0.0, (self.pace - 1) / following)
        # the distance from where the gradient was taken is 0 only at a solution, the one from the last estimate also at rest
        length = (new - self.prior.mean).double().flatten(1).norm(dim=1).clamp_min(1e-12)
        moved = (new - self.ahead).double().flatten(1).norm(dim=1) / length
        self.moved = torch.where(going, moved, self.moved)
        self.ahead = torch.where(going.reshape(-1, 1, 1, 1), new + push.reshape(-1, 1, 1, 1) * change, self.ahead)
        self.pace = torch.where(against, 1.0, following)
        self.x = new
