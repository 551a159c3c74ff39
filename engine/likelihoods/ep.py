"""The likelihood of QCS-SGM+: expectation propagation for any A, in the eigenbasis of A A^T.

For x uncertain by N(0, sigma^2 I), the measurement noise becomes n~ ~ N(0, C), C = noise^2 I + sigma^2 A A^T, and
p(y | x) is the probability that b + n~, b = A x, lies in the cells. EP approximates it by two Gaussian messages with one
precision per image: one that knows the cells and one that knows C. The score is then that of the cells at the message.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.cells import cell_moments
from engine.errors import InputError
from engine.measurements import Measurement

__all__ = ["EpLikelihood"]

_LEAST = 1e-12


class EpLikelihood:
    """Batched over images, two fast transforms per iteration, never an M x M product per image.

    ``iterations`` is the most per call; it stops when every image's messages have settled to ``tolerance``. Messages
    are kept as the start of the next call with the same number of images. ``residual`` and ``used`` tell how the last
    call ended. Linear measurements need no EP: the Gaussian score (eq. 19 of QCS-SGM) is exact and is used.
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
        self.row_norms_squared = measurement.operator.row_norms_squared()
        self._shift: Tensor | None = None
        self._relative: Tensor | None = None
        self.residual, self.used = 0.0, 0

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
        seen, basis = self.measurement, self.basis
        assert seen.lower is not None and seen.upper is not None
        scale = spectrum.mean(1, keepdim=True)
        if self._shift is None or self._relative is None or self._shift.shape != b.shape:
            self._shift, self._relative = torch.zeros_like(b), torch.ones_like(scale)
        # message to the cells: mean `shift`, precision tau (kept relative to the mean variance of C)
        shift, tau = self._shift, self._relative / scale
        share = torch.ones_like(scale)
        before = torch.full_like(scale, torch.inf)
        for used in range(1, self.iterations + 1):
            self.used = used
            moments = cell_moments(seen.lower, seen.upper, b + shift, 1 / tau)
            mean = shift + moments.score / tau
            chi = moments.ratio.mean(1, keepdim=True) / tau
            tau_g = (1 / chi - tau).clamp_min(_LEAST / scale)
            mean_g = (mean / chi - shift * tau) / tau_g
            gain = spectrum / (1 + tau_g * spectrum)
            posterior = basis.synthesise(gain * basis.analyse(tau_g * mean_g))
            chi_g = gain.mean(1, keepdim=True)
            tau_new = (1 / chi_g - tau_g).clamp_min(_LEAST / scale)
            shift_new = (posterior / chi_g - mean_g * tau_g) / tau_new
            change = ((shift_new - shift) * tau.sqrt()).square().mean(1, keepdim=True).sqrt() + (
                tau_new / tau
            ).log().abs()
            # halve the step of an image whose messages move apart, let it grow again while they settle
            share = torch.where(change > before, (share * 0.5).clamp_min(0.05), (share * 1.2).clamp_max(1.0))
            before = change
            shift = shift + share * (shift_new - shift)
            tau = torch.exp(tau.log() + share * (tau_new.log() - tau.log()))
            self.residual = float(change.max())
            if self.residual < self.tolerance:
                break
        self._shift, self._relative = shift, tau * scale
        return cell_moments(seen.lower, seen.upper, b + shift, 1 / tau).score
