"""Accelerated proximal gradients (Beck and Teboulle, 2009) with adaptive restart (O'Donoghue and Candes, 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.likelihoods.data_term import DataTerm
    from engine.priors.base import SparsityPrior

__all__ = ["Fista"]

HALVINGS, LENGTHENED = 40, 1.05


class Fista:
    """Steps towards the least of variance * f(x) + penalty * R(x), a batch of independent problems.

    f is the data term in nats; times the noise variance it is half the squared residual for real values, so that the
    penalty has one unit for every channel. ``x`` (images, c, h, w) is the estimate, ``moved`` (images,) how far the last
    step went as a share of the estimate: 0 at a solution. Where f curves more than its unit says (photons), each image's step
    is halved until the quadratic above f holds (their backtracking), and tried longer again.
    """

    def __init__(self, term: DataTerm, prior: SparsityPrior, x: Tensor, step: float) -> None:
        import torch

        self.term, self.prior = term, prior
        self.length = torch.full((len(x),), step, dtype=torch.float64, device=x.device)
        self.x, self.ahead = x, x
        self.pace = torch.ones(len(x), dtype=x.dtype, device=x.device)
        self.moved = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
        self._memory: dict = {}

    def advance(self, penalty: Tensor, going: Tensor) -> None:
        """One step with the penalty of every image, (images,); images that are not ``going`` (images,) stay where they are."""
        import torch

        value, gradient = self.term.value_and_gradient(self.ahead)
        new = self._stepped(gradient, penalty)
        for _ in range(0 if self.term.is_smooth else HALVINGS):
            change = new - self.ahead
            allowed = (gradient * change).double().flatten(1).sum(1)
            allowed = allowed + change.double().square().flatten(1).sum(1) / (2 * self.length * self.term.variance)
            far = going & (self.term.value(new) > value + allowed + 1e-9 * value.abs())
            if not bool(far.any()):
                break
            self.length = torch.where(far, 0.5 * self.length, self.length)
            new = torch.where(far.reshape(-1, 1, 1, 1), self._stepped(gradient, penalty), new)
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
        if not self.term.is_smooth:
            self.length = torch.where(going, LENGTHENED * self.length, self.length)

    def _stepped(self, gradient: Tensor, penalty: Tensor) -> Tensor:
        """From where the gradient was taken, one step and the proximal map of the penalty."""
        length = self.length.to(gradient.dtype)
        down = self.ahead - length.reshape(-1, 1, 1, 1) * self.term.variance * gradient
        return self.prior.prox(down, length * penalty.to(down.dtype), self._memory)
