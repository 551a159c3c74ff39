"""Sequences of noise levels."""

from __future__ import annotations

import math

__all__ = ["geometric_levels", "polynomial_levels"]


def geometric_levels(first: float, last: float, count: int) -> list[float]:
    """``count`` levels with a constant ratio (Song and Ermon, 2020)."""
    if count == 1:
        return [last]
    ratio = math.log(last / first) / (count - 1)
    return [first * math.exp(ratio * i) for i in range(count)]


def polynomial_levels(first: float, last: float, count: int, rho: float = 7.0) -> list[float]:
    """``count`` levels evenly spaced in sigma^(1/rho) (Karras et al., 2022, eq. 5)."""
    if count == 1:
        return [last]
    a, b = first ** (1 / rho), last ** (1 / rho)
    return [(a + (b - a) * i / (count - 1)) ** rho for i in range(count)]
