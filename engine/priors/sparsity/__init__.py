"""Sparsity priors: penalties with a proximal map. A new one is one new file and one line in the list below."""

from engine.priors.sparsity.choice import SparsityChoice
from engine.priors.sparsity.pixels import Pixels
from engine.priors.sparsity.total_variation import TotalVariation
from engine.priors.sparsity.two_valued import TwoValued
from engine.priors.sparsity.wavelet import Wavelet

__all__ = ["SPARSITY", "SparsityChoice"]

SPARSITY: list[type[SparsityChoice]] = [Pixels, Wavelet, TotalVariation, TwoValued]
