"""The noise-perturbed pseudo-likelihood of QCS-SGM: exact where A A^T is diagonal."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.sensing.measurement import Measurement

__all__ = ["DiagonalLikelihood"]


class DiagonalLikelihood:
    """p(y | x) for x uncertain by N(0, sigma^2 I), each measurement taken by itself.

    Measurement m then sees b_m = (A x)_m with variance v_m = noise^2 + sigma^2 ||a_m||^2 (Theorem 1 for cells,
    Corollary 1.1 for one bit, eq. 20 of Corollary 1.2 for linear measurements). A non-linear operator is linearised at x.
    """

    residuals: tuple[float, ...] = ()
    message: tuple[Tensor, Tensor] | None = None

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self._norms = measurement.operator.row_norms_squared() if measurement.operator.is_linear else None

    def _variance(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        norms = self._norms
        if norms is None:
            norms = self.measurement.operator.row_norms_squared_at(x.detach() - self.measurement.offset)
        sigma = torch.as_tensor(sigma, dtype=torch.float64, device=norms.device).reshape(-1, 1)
        return (self.measurement.noise**2 + sigma**2 * norms).clamp_min(1e-24)

    def score(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """G of Theorem 1, (batch, rows), in the dtype of x: the score in the image domain is A^T G.

        Arguments: ``x`` (batch, channels, height, width); ``sigma``, one level or one per image.
        """
        seen, b, v = self.measurement, self.measurement.predict(x), self._variance(x, sigma)
        if seen.values is not None:
            return ((seen.values - b) / v).to(x.dtype)
        assert seen.channel is not None
        return seen.channel.moments(b.double(), v).score.to(x.dtype)

    def log_prob(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Log-likelihood, (batch,), float64, differentiable once in x."""
        seen, b, v = self.measurement, self.measurement.predict(x), self._variance(x, sigma)
        if seen.values is not None:
            each = -0.5 * ((seen.values - b) ** 2 / v + v.log() + math.log(2 * math.pi))
        else:
            assert seen.channel is not None
            each = seen.channel.log_prob(b.double(), v)
        return each.sum(1)
