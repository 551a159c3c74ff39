"""DCS: three steps on the latent of a generator that was meta-learnt for them (Wu et al., "Deep compressed sensing", 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.algorithms.latent.meta import LearntSteps

__all__ = ["Dcs"]


@dataclass(frozen=True)
class Dcs(LearntSteps):
    """DCS: a few learnt steps on the latent, on the unit sphere; needs a generator trained for it."""

    name = "dcs"
    label = "DCS (learnt latent steps)"
