"""The noise-perturbed pseudo-likelihood of QCS-SGM: exact where A A^T is diagonal."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.cells import cell_log_prob, cell_moments
from engine.measurements import Measurement

__all__ = ["DiagonalLikelihood"]


class DiagonalLikelihood:
    """p(y | x) for x uncertain by N(0, sigma^2 I), each measurement taken by itself.

    Measurement m then sees b_m = (A x)_m with variance v_m = noise^2 + sigma^2 ||a_m||^2 (Theorem 1 for cells,
    Corollary 1.1 for one bit, eq. 20 of Corollary 1.2 for linear measurements).
    """

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.row_norms_squared = measurement.operator.row_norms_squared()

    def _variance(self, sigma: Tensor | float) -> Tensor:
        sigma = torch.as_tensor(sigma, dtype=torch.float64, device=self.row_norms_squared.device).reshape(-1, 1)
        return (self.measurement.noise**2 + sigma**2 * self.row_norms_squared).clamp_min(1e-24)

    def score(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """G of Theorem 1, (batch, rows), in the dtype of x: the score in the image domain is A^T G.

        Arguments: ``x`` (batch, channels, height, width); ``sigma``, one level or one per image.
        """
        seen, b, v = self.measurement, self.measurement.predict(x), self._variance(sigma)
        if seen.values is not None:
            return ((seen.values - b) / v).to(x.dtype)
        assert seen.lower is not None and seen.upper is not None
        return cell_moments(seen.lower, seen.upper, b, v).score.to(x.dtype)

    def log_prob(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Log-likelihood, (batch,), float64, differentiable in x."""
        seen, b, v = self.measurement, self.measurement.predict(x), self._variance(sigma)
        if seen.values is not None:
            each = -0.5 * ((seen.values - b) ** 2 / v + v.log() + 1.8378770664093453)
        else:
            assert seen.lower is not None and seen.upper is not None
            each = cell_log_prob(seen.lower, seen.upper, b, v)
        return each.sum(1)
