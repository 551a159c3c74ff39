"""SDLSS: steps on a sparse latent of a generator that was meta-learnt for them (Killedar et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.algorithms.latent.meta import LearntSteps

__all__ = ["Sdlss"]


@dataclass(frozen=True)
class Sdlss(LearntSteps):
    """SDLSS: a few learnt steps on the latent, each keeping its largest entries; needs a generator trained for it."""

    name = "sdlss"
    label = "SDLSS (sparse latent steps)"
