"""The linear estimate from quantized measurements, which any learned prior has to beat."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.priors.exact.gaussian import GaussianPrior
from engine.sensing.channels.cell import EdgedChannel
from engine.sensing.measurement import Measurement

__all__ = ["bussgang_lmmse"]


def bussgang_lmmse(measurement: Measurement, prior: GaussianPrior, iterations: int = 200) -> Tensor:
    """The linear minimum-mean-squared-error estimate from the codes, (images, c, h, w), under a Gaussian prior.

    Bussgang's theorem: the quantizer's answer v = E[z + n | cell] is g (z + n) plus an error that is uncorrelated with z;
    g = Var v / Var(z + n), and the error, taken as white, has variance g (1 - g) Var(z + n). The system is solved by
    conjugate gradients with A as it is (Bussgang 1952; Mezghani and Nossek 2012).
    """
    operator, noise = measurement.operator, measurement.noise
    centre = prior.mean_image().float()

    def covariance(x: Tensor) -> Tensor:
        return prior.synthesise(prior.values * prior.analyse(x.double())).float()

    norms = operator.row_norms_squared()
    mean_z = operator.forward(centre[None] - measurement.offset).double()
    total = prior.variance * norms + noise**2  # a matrix that mixes all pixels sees the mean variance
    gain: Tensor | float
    if measurement.channel is None:
        assert measurement.values is not None
        gain, answer = torch.ones_like(total), measurement.values.double() - mean_z
    else:
        moments = measurement.channel.moments(mean_z, total[None].expand(measurement.images, -1))
        answer = total * moments.score
        gain = _bussgang_gain(measurement, float(total.mean()))
    error = gain**2 * noise**2 + gain * (1 - gain) * total

    def apply(w: Tensor) -> Tensor:
        return gain**2 * operator.forward(covariance(operator.adjoint(w.float()))).double() + error * w

    w = torch.zeros_like(answer)
    r, p = answer.clone(), answer.clone()
    rho = (r * r).sum(1, keepdim=True)
    for _ in range(iterations):
        q = apply(p)
        step = rho / (p * q).sum(1, keepdim=True).clamp_min(1e-300)
        w, r = w + step * p, r - step * q
        new = (r * r).sum(1, keepdim=True)
        if float((new / (answer**2).sum(1, keepdim=True).clamp_min(1e-300)).max()) < 1e-8:
            break
        p, rho = r + new / rho * p, new
    return centre + covariance(operator.adjoint((gain * w).float()))


def _bussgang_gain(measurement: Measurement, variance: float) -> float:
    """Var E[t | cell] / variance for t ~ N(0, variance), with the cells that the measurement has."""
    assert isinstance(measurement.channel, EdgedChannel), "only cells have a Bussgang gain"
    edges = torch.unique(torch.cat([measurement.channel.lower.flatten(), measurement.channel.upper.flatten()]))
    edges = edges[edges.isfinite()]
    if len(edges) > 512:  # thresholds of their own for every row: one cut of each
        edges = edges[:: len(edges) // 256]
    infinite = torch.tensor([torch.inf], dtype=torch.float64)
    lower, upper = torch.cat([-infinite, edges])[None], torch.cat([edges, infinite])[None]
    cells = replace(measurement.channel, lower=lower, upper=upper)
    moments = cells.moments(torch.zeros_like(lower), torch.full_like(lower, variance))
    return float((moments.log_prob.exp() * variance * moments.score**2).sum())
