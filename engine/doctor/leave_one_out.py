"""How well each measurement is predicted by all others, exactly, under a Gaussian model of z.

Of real values with covariance C = s^2 K + diag(noise^2), what the others say of one is Gaussian with mean y_m - a_m / d_m and
variance 1 / d_m, where a = C^-1 y and d = diag C^-1 (Rasmussen and Williams, 2006, section 5.4.2). Other channels are made
Gaussian by
expectation propagation, whose cavity is what the others say (section 3.6).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from engine.doctor.response import Response
from engine.sensing.channels import Channel

__all__ = ["Prediction", "predict_channel", "predict_values"]

SWEEPS, DAMPING, SETTLED = 24, 0.8, 5e-3
HARDLY = 2.0
"""Nats by which a noise level may be less likely."""
LEAST_NOISE = 1e-4
"""Noise is taken for at least this share of the deviation of what was seen."""


@dataclass(frozen=True)
class Prediction:
    """Of every row: ``log_prob`` (rows,) of what was seen of it given all others, in nats, ``chance`` (rows,) the same
    without the
    others, and ``expected``, the mean gain in nats that the model expects. ``mean`` and ``variance`` (rows,) are what the others
    say of z plus its noise; ``weights`` (rows,) make the picture.

    ``contrast`` is s and ``noise`` the deviation of the noise: those given, or those that make what was seen likeliest.
    """

    log_prob: Tensor
    chance: Tensor
    expected: float
    mean: Tensor
    variance: Tensor
    weights: Tensor
    contrast: float
    noise: float
    noise_error: float = 0.0
    """Standard error of the noise, 0 where it was given."""
    most_noise: float = 0.0
    """The largest noise that is hardly less likely."""
    dark: tuple[float, float] = (0.0, 0.0)
    """A constant in all measurements and its standard error, where one was asked for."""


def _log_normal(residual: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (residual.square() / variance + torch.log(2 * math.pi * variance))


def predict_values(
    response: Response, values: Tensor, noise: float | None, unit: Tensor | None = None, dark: bool = False
) -> Prediction:
    """Of real values (rows,); ``noise`` None infers it. ``unit`` (rows,) is the noise of each row as a share of it. With
    ``dark`` a constant of any size is in all of them."""
    if unit is None:
        eigenvalues, vectors = response.eigen
        unit = torch.ones_like(values)
    else:
        eigenvalues, vectors = torch.linalg.eigh(response.gram / torch.outer(unit, unit))
        eigenvalues = eigenvalues.clamp_min(0)
    y = values / unit
    ones = 1 / unit
    size = float(values.std()) + 1e-300
    coefficients, along = (vectors.T @ y).numpy(), (vectors.T @ ones).numpy()
    known = eigenvalues.numpy()
    typical = max(float(known.mean()), 1e-300)
    least = LEAST_NOISE * size
    given = None if noise is None else math.log(max(noise, least))

    def nats(at: np.ndarray) -> float:
        """Minus the logarithm of the evidence; of a constant in all values nothing is known."""
        logs = np.clip(at, -60, 60)
        variance = np.exp(2 * logs[0]) * known + np.exp(2 * (logs[1] if given is None else given))
        found = 0.5 * float((coefficients**2 / variance + np.log(2 * math.pi * variance)).sum())
        if dark:
            inside = float((along**2 / variance).sum())
            found += 0.5 * (math.log(inside) - float((along * coefficients / variance).sum()) ** 2 / inside)
        return found

    size_log = math.log(max(float(y.square().mean()) ** 0.5, 1e-300) / typical**0.5)
    starts = [[size_log + k] + ([math.log(size) + j] if given is None else []) for k in (0, -1) for j in (-1, -3, -5)]
    starts = starts if given is None else starts[::3]
    best = min(
        (minimize(nats, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3}) for start in starts),
        key=lambda r: r.fun,
    )
    contrast, sigma = math.exp(best.x[0]), max(math.exp(best.x[1] if given is None else given), least)
    noise_error = 0.0 if given is not None else sigma * _error_of(nats, best.x)
    most = sigma
    while given is None and most < size:
        louder = minimize(partial(_with_noise, nats, math.log(1.2 * most)), [best.x[0]], method="Nelder-Mead")
        if louder.fun > best.fun + HARDLY:
            break
        most *= 1.2
    inverse = 1 / (contrast**2 * eigenvalues + sigma**2)
    weights = vectors @ (inverse * (vectors.T @ y))
    diagonal = (vectors.square() * inverse).sum(1)
    found_dark = (0.0, 0.0)
    if dark:
        each = vectors @ (inverse * (vectors.T @ ones))
        inside = float(ones @ each)
        found_dark = float(ones @ weights) / inside, inside**-0.5
        weights, diagonal = weights - each * found_dark[0], diagonal - each.square() / inside
    variance = 1 / diagonal.clamp_min(1e-300)
    residual = weights * variance
    own = contrast**2 * response.gram.diagonal() / unit.square() + sigma**2
    chance = _chance(y, own)
    expected = float(0.5 * torch.log(own / variance).clamp_min(0).mean())
    return Prediction(
        _log_normal(residual, variance) - unit.log(), chance - unit.log(), expected, (y - residual) * unit,
        variance * unit.square(), contrast**2 * weights / unit, contrast, sigma, noise_error, most,
        found_dark,
    )  # fmt: skip


def _with_noise(nats: Callable[[np.ndarray], float], log_noise: float, log_contrast: np.ndarray) -> float:
    return nats(np.array([log_contrast[0], log_noise]))


def _error_of(nats: Callable[[np.ndarray], float], best: np.ndarray) -> float:
    """Standard error of the logarithm of the noise, by the curvature of the evidence in it and in the contrast (Laplace)."""
    step = 0.05

    def at(*by: float) -> float:
        return nats(best + step * np.array(by))

    middle = at(0, 0)
    own = [(at(*by) + at(*(-b for b in by)) - 2 * middle) / step**2 for by in ((1, 0), (0, 1))]
    both = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / (4 * step**2)
    left = own[1] - both**2 / max(own[0], 1e-12)
    return left**-0.5 if left > 1e-4 else 1.0


def _chance(y: Tensor, own: Tensor) -> Tensor:
    """Each value by the variance of its row alone, in the units that suit best."""
    scale = float((y.square() / own).mean())
    return _log_normal(y, own * max(scale, 1e-300))


def predict_channel(
    response: Response, channel: Channel, noise: float, mean: Tensor, contrast: float = 1.0
) -> Prediction:
    """Of what a channel reports of the rows (its tensors (1, rows)), z with Gaussian noise of this deviation and the prior mean
    ``mean`` (rows,)."""
    gram = contrast**2 * response.gram
    spread = float(gram.diagonal().mean())
    noise = max(noise, LEAST_NOISE * math.sqrt(spread))
    count = len(mean)
    precision, shift = torch.zeros(count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    centre, own = torch.zeros(count, dtype=torch.float64), gram.diagonal().clone()
    eye = torch.eye(count, dtype=torch.float64)
    at, variance, log_prob = mean, own, torch.zeros(count)
    for sweep in range(SWEEPS):
        around = 1 / (1 / own - precision).clamp_min(1e-12)
        at = mean + around * (centre / own - shift)
        variance = around
        moments = channel.moments(at[None], (variance + noise**2)[None])
        log_prob = moments.log_prob[0]
        total = variance + noise**2
        curvature = ((1 - moments.ratio[0]) / total).clamp_min(1e-12 / spread).minimum((1 - 1e-9) / total)
        new = curvature / (1 - variance * curvature)
        new_shift = new * (at - mean + moments.score[0] / curvature)
        share = 1.0 if sweep == 0 else DAMPING
        moved = float(((new - precision) * own).abs().max() + ((new_shift - shift) * own.sqrt()).abs().max())
        precision, shift = precision + share * (new - precision), shift + share * (new_shift - shift)
        root = precision.sqrt()
        lower = torch.linalg.cholesky(eye + root[:, None] * gram * root)
        half = torch.linalg.solve_triangular(lower, root[:, None] * gram, upper=False)
        own = (gram.diagonal() - half.square().sum(0)).clamp_min(1e-12 * spread)
        centre = gram @ shift - half.T @ (half @ shift)
        if moved < SETTLED:
            break
    chance = channel.moments(mean[None], (gram.diagonal() + noise**2)[None]).log_prob[0]
    weights = contrast**2 * (shift - precision * centre)
    gained = float(0.5 * torch.log((gram.diagonal() + noise**2) / (variance + noise**2)).clamp_min(0).mean())
    # no more than half of what is not known without the others: a bit cannot tell more than itself
    gained = min(gained, -0.5 * float(chance.mean())) if bool((chance <= 0).all()) else gained
    return Prediction(log_prob, chance, gained, at, variance + noise**2, weights, contrast, noise)
