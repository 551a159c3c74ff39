"""The likelihood of QCS-SGM+: expectation propagation for any A, in the eigenbasis of A A^T.

For x uncertain by N(0, sigma^2 I), the measurement noise becomes n~ ~ N(0, C), C = noise^2 I + sigma^2 A A^T, and
p(y | x) is the probability that b + n~, b = A x, agrees with what was seen. EP approximates it by two Gaussian messages
with one precision per image: one that knows the cells and one that knows C. The score is that of the cells at the message.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.errors import InputError
from engine.likelihoods.anderson import Anderson
from engine.sensing.measurement import Measurement

__all__ = ["EpLikelihood"]

_LEAST, _LARGEST_LOG, _LARGE = 1e-12, 60.0, 1024


class EpLikelihood:
    """Batched over images, two fast transforms per iteration, never an M x M product per image.

    ``iterations`` is the most per call; it stops when every image's messages have settled to ``tolerance``. Messages
    are kept as the start of the next call with the same number of images. ``residuals`` (one per iteration, the worst
    image's change of the messages) and ``used`` tell how the last call went. Linear measurements need no EP: the
    Gaussian score (eq. 19 of QCS-SGM) is exact and is used.
    """

    def __init__(self, measurement: Measurement, iterations: int = 8, tolerance: float = 1e-6) -> None:
        basis = measurement.operator.gram_eigenbasis()
        if basis is None:
            raise InputError(
                "likelihood=ep needs an operator with a known eigenbasis of A A^T; take likelihood=diagonal."
            )
        self.measurement, self.basis = measurement, basis
        self.iterations, self.tolerance = iterations, tolerance
        self.values = basis.values.double()
        self.residuals: list[float] = []
        self._start: Tensor | None = None
        self._message: tuple[Tensor, Tensor] | None = None

    @property
    def residual(self) -> float:
        """How far the messages still moved in the last iteration; 0 where none was needed."""
        return self.residuals[-1] if self.residuals else 0.0

    @property
    def used(self) -> int:
        """Iterations of the last call."""
        return len(self.residuals)

    @property
    def message(self) -> tuple[Tensor, Tensor] | None:
        """Mean (images, rows) and variance (images,) of the message about n~ to the cells, after the last call."""
        return self._message

    def _spectrum(self, sigma: Tensor | float, images: int) -> Tensor:
        """Eigenvalues of C, (images, rows)."""
        level = torch.as_tensor(sigma, dtype=torch.float64, device=self.values.device).reshape(-1, 1)
        spectrum = self.measurement.noise**2 + level**2 * self.values
        return spectrum.clamp_min(1e-24).expand(images, -1)

    def score(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """G, (batch, rows), in the dtype of x; the score in the image domain is A^T G."""
        b = self.measurement.predict(x).double()
        spectrum = self._spectrum(sigma, len(b))
        if self.measurement.values is not None:
            residual = self.basis.analyse(self.measurement.values.double() - b)
            return self.basis.synthesise(residual / spectrum).to(x.dtype)
        return self._propagate(b, spectrum).to(x.dtype)

    def _propagate(self, b: Tensor, spectrum: Tensor) -> Tensor:
        channel = self.measurement.channel
        assert channel is not None
        scale = spectrum.mean(1, keepdim=True)
        if self._start is None or self._start.shape != (len(b), b.shape[1] + 1):
            # the precision starts at that of the geometric mean of C: with narrow cells and an ill-conditioned C the
            # arithmetic mean is an iteration or two farther from the fixed point
            first = (scale.log() - spectrum.log().mean(1, keepdim=True)) * math.sqrt(b.shape[1])
            self._start = torch.cat([torch.zeros_like(b), first], dim=1)
        v, accelerate, self.residuals = self._start, Anderson(), []
        done = torch.zeros(len(b), dtype=torch.bool, device=b.device)
        for _ in range(self.iterations):
            shift, tau = self._unpack(v, scale)
            shift_new, tau_new = self._sweep(b, spectrum, scale, shift, tau)
            moved = ((shift_new - shift) * tau.sqrt()).square().mean(1).sqrt() + (tau_new / tau).log().abs()[:, 0]
            done = done | (moved < self.tolerance)
            self.residuals.append(float(moved.max()))
            v = accelerate.next(v, self._pack(shift_new, tau_new, scale) - v, done)
            if bool(done.all()):
                break
        self._start = v
        shift, tau = self._unpack(v, scale)
        self._message = (shift, 1 / tau[:, 0])
        return channel.moments(b + shift, 1 / tau).score

    @staticmethod
    def _pack(shift: Tensor, tau: Tensor, scale: Tensor) -> Tensor:
        """Messages as one vector per image without units; the precision weighs as much as all the means."""
        return torch.cat([shift / scale.sqrt(), math.sqrt(shift.shape[1]) * (tau * scale).log()], dim=1)

    @staticmethod
    def _unpack(v: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        logs = (v[:, -1:] / math.sqrt(v.shape[1] - 1)).clamp(-_LARGEST_LOG, _LARGEST_LOG)
        return v[:, :-1] * scale.sqrt(), torch.exp(logs) / scale

    def _sweep(self, b: Tensor, spectrum: Tensor, scale: Tensor, shift: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """Both modules once: the message to the cells, mean ``shift`` and precision ``tau``, becomes the next one."""
        channel, basis = self.measurement.channel, self.basis
        assert channel is not None
        moments = channel.moments(b + shift, 1 / tau)
        mean = shift + moments.score / tau
        chi = moments.ratio.mean(1, keepdim=True) / tau
        tau_g = (1 / chi - tau).clamp_min(_LEAST / scale)
        mean_g = (mean / chi - shift * tau) / tau_g
        gain = spectrum / (1 + tau_g * spectrum)
        # the transforms of a large basis are bound by reading it: in float32 that is half as much, and only the
        # message passes through them; moments and precisions stay in float64
        working = torch.float32 if b.shape[1] > _LARGE else torch.float64
        inner = basis.analyse((tau_g * mean_g * scale.sqrt()).to(working))
        posterior = basis.synthesise((gain / scale).to(working) * inner).double() * scale.sqrt()
        chi_g = gain.mean(1, keepdim=True)
        tau_new = (1 / chi_g - tau_g).clamp_min(_LEAST / scale)
        return (posterior / chi_g - mean_g * tau_g) / tau_new, tau_new
