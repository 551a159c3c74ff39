"""The data term of optimisers: -log p(y | x) itself, with no noise added to x, and its gradient.

For z = A (x - offset) and independent Gaussian noise the measurements are independent given x, so that

    f(x) = - sum over m of ln p(y_m | z_m),     grad f(x) = - J(x)^T s,     s_m = d ln p(y_m | z_m) / d z_m,

exactly, for every channel (cells, real values, flips, dither that was not recorded) and every operator, linear or not.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from engine.sensing.measurement import Measurement
from engine.sensing.operators.norm import largest_eigenvalue

__all__ = ["DataTerm"]

_FLOOR = 1e-3
"""Noise is taken for at least this share (-60 dB) of the typical response: without any, f would be a hard constraint."""
_SURPRISES = 9
"""Noise levels at which predictions are judged."""
_POWER_MARGIN = 1.03
"""Power iteration approaches the largest eigenvalue from below, within a per cent or two."""


class DataTerm:
    """f of the measurements of a batch of images, in nats.

    ``rows`` (rows,) of ones and zeros leaves measurements out: a fit to some can be judged by the others. ``noise`` is the
    variance of the Gaussian noise that is assumed of z, ``variance`` that of noise that would tell as much as a measurement
    does: the same for real values and cells.
    """

    def __init__(self, measurement: Measurement, rows: Tensor | None = None) -> None:
        self.measurement, self.rows = measurement, rows
        self._scale = measurement.operator.typical_response(measurement.offset)[1]
        channel, noise = measurement.channel, measurement.noise**2
        hard = channel is None or channel.hard
        self.noise = max(noise, (_FLOOR * self._scale) ** 2) if hard else noise
        self.variance = self.noise if channel is None else channel.equivalent_noise(self.noise)

    def value(self, x: Tensor) -> Tensor:
        """f(x), (batch,), float64, for images (batch, channels, height, width)."""
        return self._evaluate(x)[0]

    def gradient(self, x: Tensor) -> Tensor:
        """Its gradient, like x."""
        return self.value_and_gradient(x)[1]

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both at the cost of one: a forward and an adjoint application of the operator."""
        value, score = self._evaluate(x)
        return value, -self.measurement.operator.pull_back(x - self.measurement.offset, score.to(x.dtype))

    def surprise(self, z: Tensor) -> Tensor:
        """How badly a prediction z = A (x - offset) (batch, rows), made without looking at these measurements, does: f at the
        noise that suits it best, from the true one to the typical response, (batch,). A prediction errs by more than the
        noise, and cells would punish that without measure; for real values it orders predictions as the squared error does."""
        return self._surprises(z)[0].amin(0)

    def best_surprise(self, z: Tensor) -> tuple[float, float]:
        """The surprise of one prediction (1, rows), and the variance of its error, beside the noise, that suits it best."""
        found, noises = self._surprises(z)
        best = int(found[:, 0].argmin())
        return float(found[best, 0]), noises[best] - noises[0]

    def _surprises(self, z: Tensor) -> tuple[Tensor, list[float]]:
        """f at each of some noise levels, (levels, batch), and the variances of these."""
        scale = self._scale
        least = math.sqrt(max(self.noise, (_FLOOR * scale) ** 2))
        noises = [(least * max(scale / least, 1.0) ** (k / (_SURPRISES - 1))) ** 2 for k in range(_SURPRISES)]
        found, other = [], copy.copy(self)
        for other.noise in noises:
            found.append(other.of_responses(z)[0])
        return torch.stack(found), noises

    @property
    def least(self) -> float:
        """What f cannot be below: the constant of the Gaussian density for real values, 0 for cells."""
        if self.measurement.values is None:
            return 0.0
        rows = self.measurement.operator.rows if self.rows is None else float(self.rows.sum())
        return 0.5 * rows * math.log(2 * math.pi * self.noise)

    def misfit_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(2 variance f), f without its constant, in the units of A x: |y - A x| for real values. (batch,), and its
        gradient, like x."""
        value, gradient = self.value_and_gradient(x)
        misfit = (2 * self.variance * (value - self.least).clamp_min(1e-12)).sqrt()
        return misfit, gradient * (self.variance / misfit).to(x.dtype).reshape(-1, 1, 1, 1)

    def lipschitz(self) -> float | None:
        """A Lipschitz constant of the gradient, largest eigenvalue of A A^T over the noise variance; None where there is
        none that is known: a non-linear operator, bits that may be flipped, whose f is not convex, or photons, of which
        there may be hardly any.

        Given its cell, Gaussian noise varies less than without, so no cell curves more than 1 / variance.
        """
        return self.gain() / self.variance if self.is_convex and self.is_smooth else None

    @property
    def is_smooth(self) -> bool:
        """Whether steps of variance / :meth:`gain` never go too far where f is convex."""
        channel = self.measurement.channel
        return channel is None or channel.steepest(self.noise) is not None

    def gain(self) -> float:
        """The largest eigenvalue of A A^T: variance * f curves no more than this in any direction where it is smooth."""
        operator = self.measurement.operator
        if not operator.is_linear:
            return operator.gain_bound()
        basis = operator.gram_eigenbasis()
        if basis is None:
            return _POWER_MARGIN * largest_eigenvalue(operator)
        return 1.001 * float(basis.values.max())

    @property
    def is_convex(self) -> bool:
        """Whether f is convex: a linear operator, and a channel whose ln p(y | z) is concave."""
        channel = self.measurement.channel
        return self.measurement.operator.is_linear and (channel is None or channel.is_concave)

    def _evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """f, (batch,), and the score s of every measurement, (batch, rows), float64."""
        return self.of_responses(self.measurement.predict(x).double())

    def of_responses(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The same at z = A (x - offset), (batch, rows), float64."""
        seen = self.measurement
        if seen.values is not None:
            residual = seen.values.double() - z
            each = 0.5 * (residual.square() / self.noise + math.log(2 * math.pi * self.noise))
            score = residual / self.noise
        else:
            assert seen.channel is not None
            found = seen.channel.local(z, self.noise)
            each, score = -found.log_prob, found.score
        if self.rows is not None:
            each, score = each * self.rows, score * self.rows
        return each.sum(1), score
