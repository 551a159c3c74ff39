"""Few edges: isotropic total variation and its proximal map (Rudin, Osher and Fatemi, 1992)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.priors.base import SparsityPrior
from engine.priors.choice import Shape
from engine.priors.sparsity.choice import SparsityChoice
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TotalVariation", "TotalVariationPrior", "differences", "differences_back"]

_STEPS_BETWEEN_CHECKS = 10
_STEPS_WITH_MEMORY = 40
"""Inner iterations of one map in a sequence: the next goes on where this one ended."""


@dataclass(frozen=True)
class TotalVariation(SparsityChoice):
    """Few edges: the sum of the lengths of the gradient (isotropic total variation), of all colours together."""

    name = "total-variation"
    label = "Few edges (total variation)"

    iterations: int = integer(
        2000, "Inner iterations", "At most, of the dual problem in each proximal map.", low=1, high=100_000, expert=True
    )
    tolerance: float = number(
        1e-3,
        "Tolerance",
        "Root-mean-square error of a proximal map, as a share of what it changes.",
        above=0,
        high=1,
        expert=True,
    )

    level: float = number(
        0.5,
        "Level",
        "Grey level to start from and to measure about: 0 for bright things on black.",
        low=0,
        high=1,
        expert=True,
    )

    def make(self, shape: Shape) -> TotalVariationPrior:
        return TotalVariationPrior(self.iterations, self.tolerance)


class TotalVariationPrior(SparsityPrior):
    """R(x) = sum over pixels of |D x|_2, D the forward differences to the right and downwards in every channel (0 at the
    last column and row).

    The proximal map is x - step D^T p, p the solution of the dual problem: least |x - step D^T p|^2 over fields p whose
    length is at most 1 at every pixel. It is found by accelerated projected gradients with restart (Beck and Teboulle,
    2009; O'Donoghue and Candes, 2015), until the duality gap, which bounds the squared error of the map, says enough.
    With ``bounds`` no pixel lies beyond them: the map is that of R and their indicator together, of which each primal
    picture is the one above, cut off (Beck and Teboulle, 2009, section 4).
    """

    def __init__(
        self, iterations: int = 2000, tolerance: float = 1e-3, bounds: tuple[float, float] | None = None
    ) -> None:
        self.iterations, self.tolerance, self.bounds = iterations, tolerance, bounds

    def penalty(self, x: Tensor) -> Tensor:
        return _lengths(differences(x.double())).flatten(1).sum(1)

    def prox(self, x: Tensor, step: Tensor | float, memory: dict | None = None) -> Tensor:
        import torch

        weight = torch.as_tensor(step, dtype=x.dtype, device=x.device).clamp_min(1e-12).reshape(-1, 1, 1, 1)
        weight = weight.expand(len(x), 1, 1, 1)
        p = memory.get("field") if memory else None
        if p is None or p.shape != (len(x), 2, *x.shape[1:]) or p.dtype != x.dtype:
            p = torch.zeros((len(x), 2, *x.shape[1:]), dtype=x.dtype, device=x.device)
        q, momentum = p, torch.ones((len(x), 1, 1, 1, 1), dtype=x.dtype, device=x.device)
        going = torch.ones_like(momentum, dtype=torch.bool)
        for count in range(self.iterations if memory is None else min(self.iterations, _STEPS_WITH_MEMORY)):
            if count % _STEPS_BETWEEN_CHECKS == 0:
                going = going & ~self._settled(x, weight, p).reshape(-1, 1, 1, 1, 1)
                if not bool(going.any()):
                    break
            # the dual's gradient is -D u; 8 bounds the largest eigenvalue of D D^T
            new = q + differences(self._primal(x, weight, q)) / (8 * weight[:, None])
            new = torch.where(going, new / _lengths(new).clamp_min(1.0)[:, None, None], p)
            against = ((q - new) * (new - p)).flatten(1).sum(1).reshape(-1, 1, 1, 1, 1) > 0
            following = 0.5 * (1 + (1 + 4 * momentum**2).sqrt())
            q = torch.where(against, new, new + (momentum - 1) / following * (new - p))
            p, momentum = new, torch.where(against, 1.0, following)
        if memory is not None:
            memory["field"] = p
        return self._primal(x, weight, p)

    def _primal(self, x: Tensor, weight: Tensor, p: Tensor) -> Tensor:
        """The picture of a dual field."""
        u = x - weight * differences_back(p)
        return u if self.bounds is None else u.clamp(*self.bounds)

    def _settled(self, x: Tensor, weight: Tensor, p: Tensor) -> Tensor:
        """Whether twice the duality gap is below the squared tolerance times the squared change, or below what the
        numbers resolve, (batch,)."""
        change = weight * differences_back(p)
        field = differences(self._primal(x, weight, p))
        lengths = _lengths(field)
        gap = 2 * weight[:, 0, 0, 0] * (lengths - (field * p).sum((1, 2))).flatten(1).sum(1)
        resolved = 2 * weight[:, 0, 0, 0] * lengths.flatten(1).sum(1) * _resolution(x)
        return gap <= (self.tolerance**2 * change.square().flatten(1).sum(1)).maximum(resolved)

    def to(self, device: str) -> TotalVariationPrior:
        return self


def differences(x: Tensor) -> Tensor:
    """D x, (batch, 2, channels, height, width)."""
    import torch

    across, down = torch.zeros_like(x), torch.zeros_like(x)
    across[..., :-1] = x[..., 1:] - x[..., :-1]
    down[..., :-1, :] = x[..., 1:, :] - x[..., :-1, :]
    return torch.stack([across, down], 1)


def differences_back(p: Tensor) -> Tensor:
    """D^T p, (batch, channels, height, width)."""
    import torch

    out = torch.zeros_like(p[:, 0])
    out[..., :-1] -= p[:, 0, ..., :-1]
    out[..., 1:] += p[:, 0, ..., :-1]
    out[..., :-1, :] -= p[:, 1, ..., :-1, :]
    out[..., 1:, :] += p[:, 1, ..., :-1, :]
    return out


def _lengths(field: Tensor) -> Tensor:
    """Length over directions and channels at every pixel, (batch, height, width)."""
    return field.square().sum((1, 2)).sqrt()


def _resolution(x: Tensor) -> float:
    import torch

    return 0.1 * torch.finfo(x.dtype).eps
