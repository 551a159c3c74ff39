"""How well the image of a latent fits the measurements, and the gradient of that in the latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.likelihoods.data_term import DataTerm
from engine.priors.base import GeneratorPrior
from engine.sensing.measurement import Measurement
from engine.sensing.operators.base import TYPICAL_DEVIATION

__all__ = ["LatentObjective", "row_energy"]


def row_energy(measurement: Measurement) -> float:
    """Mean squared norm of the operator's rows, or what stands for it where it is not linear."""
    return (measurement.operator.typical_response(measurement.offset)[1] / TYPICAL_DEVIATION) ** 2


class LatentObjective:
    """-ln p(y | G(z)) for one row of measurements per latent.

    ``squared_residual`` puts it into the units of (1/m) |A x - y|^2 for a matrix of standard normal entries, which is what Bora
    et al. (2017, eq. 4) weigh against their penalty, whatever the scale of this operator: with real values it is that.
    """

    def __init__(self, measurement: Measurement, prior: GeneratorPrior) -> None:
        self.term, self.prior, self.measurement = DataTerm(measurement), prior, measurement
        rows = measurement.operator.rows
        self.unit = 2 * self.term.variance * measurement.operator.pixels / (rows * row_energy(measurement))
        real = measurement.values is not None
        self.constant = 0.5 * rows * math.log(2 * math.pi * self.term.variance) if real else 0.0

    def __call__(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The images (rows, c, h, w), -ln p(y | x) without its constant (rows,), float64, and its gradient in the latent."""
        with torch.enable_grad():
            z = latent.detach().requires_grad_()
            x = self.prior.generate(z)
            value, slope = self.term.value_and_gradient(x.detach())
            (gradient,) = torch.autograd.grad((x * slope).sum(), z)
        return x.detach(), value - self.constant, gradient

    @torch.no_grad()
    def value(self, latent: Tensor) -> Tensor:
        """-ln p(y | x) alone (rows,): a call of the generator without its gradient."""
        return self.term.value(self.prior.generate(latent)) - self.constant

    def squared_residual(self, value: Tensor) -> Tensor:
        """A value of this objective in the units of the paper's."""
        return self.unit * value

    @torch.no_grad()
    def metric(self, latent: Tensor, step: float = 1e-2) -> Tensor:
        """Fisher information of the measurements about each latent, (rows, latent, latent), float64, from finite
        differences: J^T C J, C the curvature of -ln p(y | z) in each measurement's z, J their derivatives."""
        rows, size = latent.shape
        moved = latent[:, None] + step * torch.eye(size, dtype=latent.dtype, device=latent.device)
        everything = torch.cat([latent[:, None], moved], 1).reshape(-1, size)
        parts = [self.measurement.predict(self.prior.generate(part)) for part in everything.split(512)]
        seen = torch.cat(parts).double().reshape(rows, size + 1, -1)
        slopes = (seen[:, 1:] - seen[:, :1]) / step
        curvature = torch.full_like(seen[:, 0], 1 / self.term.variance)
        if self.measurement.values is None:
            assert self.measurement.channel is not None
            curvature = self.measurement.channel.local(seen[:, 0], self.term.noise).curvature.clamp_min(0)
        return torch.einsum("rim,rm,rjm->rij", slopes, curvature, slopes)
