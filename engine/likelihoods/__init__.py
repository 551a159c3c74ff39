"""How well an image explains what was seen, as a score."""

from engine.likelihoods.diagonal import DiagonalLikelihood

__all__ = ["DiagonalLikelihood"]
