"""The contract of an output channel: p(y | z) at a point, and as moments of a Gaussian seen through it.

Every likelihood, splitting and message-passing rule asks only for what is here, so that a new channel runs with all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from engine.sensing.cells import CellMoments

__all__ = ["Channel", "Local"]

_NEWTON_STEPS = 40


class Local(NamedTuple):
    """ln p(y | z), its derivative, and minus its second derivative, at z; float64."""

    log_prob: Tensor
    score: Tensor
    curvature: Tensor


@dataclass(frozen=True)
class Channel(ABC):
    """What was reported of some images, (images, rows), in the tensors that are its fields; the first is what was seen."""

    hard: ClassVar[bool] = True
    """Whether p(y | z) is a hard constraint on z where z has no noise of its own: then a little noise is always assumed."""
    knows_scale: ClassVar[bool] = False
    """Whether what is seen tells how large z is, as numbers do and single bits do not."""

    @abstractmethod
    def moments(self, mean: Tensor, variance: Tensor) -> CellMoments:
        """ln E[p(y | t)] for t ~ N(mean, variance), its derivative in ``mean``, and the variance of t given y as a share
        of ``variance``. The variance includes the Gaussian noise; arguments broadcast to (images, rows)."""

    def log_prob(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The log-probability alone, differentiable once in ``mean``."""
        with torch.no_grad():
            found = self.moments(mean, variance)
        return found.log_prob + (mean - mean.detach()) * found.score

    def local(self, z: Tensor, noise: float) -> Local:
        """ln p(y | z) where z has Gaussian noise of this variance, which is above 0 for a hard channel."""
        found = self.moments(z, torch.full_like(z[..., :1], noise))
        return Local(found.log_prob, found.score, (1 - found.ratio) / noise)

    @property
    def is_concave(self) -> bool:
        """Whether ln p(y | z) is concave in z."""
        return True

    def equivalent_noise(self, noise: float) -> float:
        """The variance of Gaussian noise on z that makes the unit of penalties and steps; ``noise`` is that of z itself."""
        return noise

    def steepest(self, noise: float) -> float | None:
        """The largest curvature of -ln p(y | z) over all z and y; None where it is far above the usual one, so that steps have
        to be found and not computed."""
        return 1 / noise

    @abstractmethod
    def sharpest(self, noise: float) -> float:
        """The mean curvature of -ln p(y | z) where it tells most."""

    @property
    def seen(self) -> Tensor:
        """(images, rows), whose shape and device are the channel's."""
        return getattr(self, fields(self)[0].name)

    def take(self, change) -> Self:
        """The channel with ``change`` applied to its tensors (rows chosen, repeated, moved to a device)."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: change(t) for name, t in tensors.items()})

    def decoded(self) -> tuple[Tensor, float | None]:
        """What was seen as if it were real values of z, (images, rows), and the deviation of their noise; None where that is
        the noise of z alone."""
        raise NotImplementedError

    def scored(self, z: Tensor) -> tuple[Tensor, Tensor] | None:
        """Values and noise variances of a Gaussian log-likelihood that stands for ln p(y | z) near z, for channels whose own is
        far from quadratic over the steps that algorithms take; None for others."""
        return None

    def mode(self, mean: Tensor, variance: Tensor, noise: float) -> Tensor:
        """argmax over z of ln p(y | z) - (z - mean)^2 / (2 variance), element by element, float64.

        Newton's method inside a bracket that halves wherever Newton would leave it or gets no nearer: the mode lies between
        ``mean`` and ``mean + variance * score(mean)``, as the score falls with z.
        """
        other = mean + variance * self.local(mean, noise).score
        low, high = torch.minimum(mean, other), torch.maximum(mean, other)
        z = torch.minimum(torch.maximum(self._near_mode(mean, variance, noise), low), high)
        last = high - low
        for _ in range(_NEWTON_STEPS):
            found = self.local(z, noise)
            slope = (z - mean) / variance - found.score
            low, high = torch.where(slope < 0, z, low), torch.where(slope > 0, z, high)
            new = z - slope / (1 / variance + found.curvature.clamp_min(0))
            # where steps do not shrink, Newton jumps from one side of a bend to the other
            lost = (new < low) | (new > high) | (2 * (new - z).abs() > last)
            new = torch.where(lost, 0.5 * (low + high), new)
            last = (new - z).abs()
            moved = float((last / variance.sqrt()).max())
            z = new
            if moved < 1e-6:
                break
        return z

    def _near_mode(self, mean: Tensor, variance: Tensor, noise: float) -> Tensor:
        """Where the search for the mode begins: at the conditional mean."""
        return mean + variance * self.moments(mean, variance + noise).score
