"""How strong the nuclear norm is to be where it is not set: a path of penalties, judged by what is left out of the fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.algorithms.lowrank.descent import Descent, Rule
from engine.algorithms.lowrank.spectral import Factors, at_largest_gap
from engine.seeds import generator

if TYPE_CHECKING:
    from engine.algorithms.lowrank.fits import MatrixFit

__all__ = ["PATH", "STEPS_PER_PENALTY", "NuclearNormPath"]

PATH, STEPS_PER_PENALTY = 16, 40
STRONGEST, RATIO = 0.4, 0.5
SETTLED, PATIENCE, HELD_OUT = 1e-3, 2, 0.1
FEWEST = round(2 / HELD_OUT)
"""Measurements from which on some can be left out to judge by; with fewer there is no penalty."""


class NuclearNormPath:
    """Fits to nine tenths of the measurements, each started from the one before, image by image until two in a row predict
    the rest worse; where the rank is ``free``, the rank that stands out is tried too. After :meth:`walk`, ``chosen``
    (images,) is the best penalty and ``estimate`` the factors with it."""

    def __init__(
        self, fit: MatrixFit, start: Factors, rule: Rule, largest: Tensor, damping: Tensor, strength: Tensor, free: bool,
        seed: int,
    ) -> None:  # fmt: skip
        left = torch.rand(fit.seen, generator=generator(seed, "held-out")).to(largest.device) < HELD_OUT
        left[0], left[-1] = True, False  # some on either side, however few there are
        self.fit, self.judge = fit.part((~left).double()), fit.part(left.double())
        self.rule, self.largest, self.damping = rule, largest, damping
        self.estimate, self.free, self.strength = start, free, strength
        self.chosen = torch.zeros(fit.batch, dtype=torch.float64, device=largest.device)

    def walk(self) -> Iterator[Descent]:
        """Yields the descent after every step."""
        factors, top = self.estimate, self.strength
        best = torch.full_like(self.chosen, torch.inf)
        worse, searching = torch.zeros_like(best), torch.ones_like(best, dtype=torch.bool)
        for k in range(PATH - 1):
            share = STRONGEST * RATIO**k if k < PATH - 2 else 0.0
            descent = Descent(self.fit, factors, self.rule, self.largest, self.damping, share * top)
            going = searching.clone()
            for _ in range(STEPS_PER_PENALTY):
                descent.advance(going)
                yield descent
                going = going & (descent.moved > SETTLED) & ~descent.stuck & descent.f.isfinite()
                if not bool(going.any()):
                    break
            factors = descent.factors
            value = self._judged(factors)
            better = searching & (value < best)
            worse = torch.where(better, 0.0, worse + 1)
            best = torch.where(better, value, best)
            self.chosen = torch.where(better, share * top, self.chosen)
            keep = better.reshape(-1, 1, 1, 1)
            self.estimate = Factors(
                torch.where(keep, factors.left, self.estimate.left),
                torch.where(keep, factors.right, self.estimate.right),
                factors.active,
            )
            searching = searching & (worse < PATIENCE)
            if not bool(searching.any()):
                break
        if self.free:
            yield from self._cut(best)

    def _cut(self, best: Tensor) -> Iterator[Descent]:
        """The fit once more without the penalty, at the rank where its singular values fall most: where a matrix has a rank,
        that predicts the rest better than shrinking does."""
        factors = at_largest_gap(self.estimate)
        descent = Descent(self.fit, factors, self.rule, self.largest, self.damping, 0 * self.chosen)
        going = torch.ones_like(best, dtype=torch.bool)
        for _ in range(STEPS_PER_PENALTY):
            descent.advance(going)
            yield descent
            going = going & (descent.moved > SETTLED) & ~descent.stuck & descent.f.isfinite()
            if not bool(going.any()):
                break
        better = self._judged(descent.factors) < best
        self.chosen = torch.where(better, 0.0, self.chosen)
        keep = better.reshape(-1, 1, 1, 1)
        self.estimate = Factors(
            torch.where(keep, descent.factors.left, self.estimate.left),
            torch.where(keep, descent.factors.right, self.estimate.right),
            torch.where(better.reshape(-1, 1, 1), descent.factors.active, self.estimate.active),
        )

    def _judged(self, factors: Factors) -> Tensor:
        """What the measurements left out say against the fit, (images,)."""
        found = self.judge.surprise(factors.left, factors.right)
        return torch.where(found.isfinite(), found, torch.inf)
