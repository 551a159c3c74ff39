"""Mean and standard deviation of posterior samples, accumulated without keeping the samples."""

from __future__ import annotations

import numpy as np

__all__ = ["RunningMoments"]


class RunningMoments:
    """Welford's recursion over samples of one image, float64; two of them can be merged (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def add(self, samples: np.ndarray) -> None:
        """Adds samples (n, channels, height, width)."""
        if len(samples) == 0:
            return
        samples = samples.astype(np.float64)
        other = RunningMoments()
        other.count, other._mean = len(samples), samples.mean(0)
        other._squares = ((samples - other._mean) ** 2).sum(0)
        self.merge(other)

    def merge(self, other: RunningMoments) -> None:
        """Takes in all that another one has seen."""
        if other.count == 0 or other._mean is None or other._squares is None:
            return
        if self._mean is None or self._squares is None:
            self.count, self._mean, self._squares = other.count, other._mean.copy(), other._squares.copy()
            return
        total = self.count + other.count
        shift = other._mean - self._mean
        self._squares = self._squares + other._squares + shift**2 * (self.count * other.count / total)
        self._mean = self._mean + shift * (other.count / total)
        self.count = total

    @property
    def mean(self) -> np.ndarray | None:
        return None if self._mean is None else self._mean.astype(np.float32)

    @property
    def std(self) -> np.ndarray | None:
        """Sample standard deviation (ddof 1); None for fewer than two samples."""
        if self._squares is None or self.count < 2:
            return None
        return np.sqrt(self._squares / (self.count - 1)).astype(np.float32)
