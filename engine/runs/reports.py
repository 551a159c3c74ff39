"""What is not known of a quantizer, inferred beside the picture: a common shift of its thresholds, the probability that its bits
flip, and the noise before it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.algorithms import Draws
from engine.algorithms.messages.passing import MessagePassing
from engine.doctor.case import Case
from engine.priors.base import DenoiserPrior
from engine.sensing.channels import CellChannel, Channel
from engine.sensing.measurement import Measurement

__all__ = ["Estimate", "by_leaving_out", "by_messages"]

ROUNDS, SETTLED, AFTER = 40, 0.02, 8
"""Rounds of message passing at most, the change in standard errors of a guess at which they end, and those after a parameter was
moved, to see how the messages answer."""
FIRST, STEPS, NEAR, SWEEPS = 3, 41, 9, 4
"""Rounds in which the whole range of a parameter is tried, by so many steps, those about the last value later, and how often
each of several parameters is set in a round."""
NOISES = np.geomspace(1e-3, 2.0, 60)
"""Noise levels tried, as shares of the deviation of z under the prior."""
FLIPS = np.concatenate([[0.0], np.geomspace(2e-3, 0.45, 40)])
TWINS, MODEL = 2.5, 2.0
"""Factors of standard errors, so that the truth lies within two of them: where noise and flips, which look alike, are both not
known (the curvature at the best is larger than around it), and under a Gaussian model of pictures, which they are not."""
STARTS = {"noise": 0.3, "flip": 0.05, "shift": 0.0}
CANDIDATES = {
    "noise": np.geomspace(1 / 64, 4, 13),
    "flip": np.linspace(0, 0.45, 16),
    "shift": np.linspace(-1.5, 1.5, 19),
}
"""What is tried where measurements predict each other: noise and shift as shares of the deviation of z."""


@dataclass(frozen=True)
class Estimate:
    """A parameter's value with its standard error, infinite where the data do not tell it."""

    value: float
    error: float
    scale: float
    """Deviation of A x, which shifts and noise are seen against."""


def _with(channel: Channel, at: dict[str, float]) -> Channel:
    """The channel with the thresholds ``shift`` higher and the probability ``flip`` of a wrong bit."""
    if not isinstance(channel, CellChannel):
        return channel
    shift = at.get("shift", 0.0)
    return replace(channel, lower=channel.lower + shift, upper=channel.upper + shift, flip=at.get("flip", channel.flip))


def by_messages(
    measurement: Measurement, prior: DenoiserPrior, unknown: tuple[str, ...], seed: int
) -> dict[str, Estimate]:
    """Type-II maximum likelihood under a prior, of cells or other reports through a matrix that mixes: between rounds of
    message passing each of ``unknown`` (``noise``, ``flip``, ``shift``) is set to what makes the reports likeliest, given
    what the prior and the others say of z.

    Standard errors are by the curvature of the evidence. Its gradient is that of the messages' normalisation; how it changes
    where a parameter is moved and the messages follow is the curvature (Opper and Winther, 2005).
    """
    seen = measurement.select([0])
    basis, channel = seen.operator.gram_eigenbasis(), seen.channel
    assert basis is not None and channel is not None
    scale = float((basis.values.double().mean() * prior.variance).sqrt())
    at = {key: STARTS[key] * (1.0 if key == "flip" else scale) for key in unknown}
    noise = at.get("noise", seen.noise)
    draws = Draws(seed, (0,), (0,))
    passing = MessagePassing(replace(seen, noise=noise), prior, draws.per_image("noise-probes"), probes=2, damping=0.7)

    def goes_on(passing: MessagePassing, at: dict[str, float]) -> Callable[[dict[str, float]], float]:
        """One round, and then the log-likelihood of the reports as a function of the parameters."""
        passing.measurement = replace(seen, noise=at.get("noise", seen.noise), channel=_with(channel, at))
        passing.round()
        mean, variance = passing.cavity(seen.predict(passing.x_e).double())

        def total(tried: dict[str, float]) -> float:
            level = tried.get("noise", seen.noise)
            return float(_with(channel, tried).moments(mean, variance + level**2).log_prob.sum())

        return total

    for number in range(ROUNDS):
        total = goes_on(passing, at)
        before = dict(at)
        for _ in range(SWEEPS if len(unknown) > 1 and number >= FIRST else 1):
            for key in unknown:
                at[key] = _best(key, at, total, scale, number)
        moved = max(abs(at[key] - before[key]) / _size(key, at[key], scale) for key in unknown)
        if number > 4 and moved < SETTLED:
            break
    slopes = {}
    for key in unknown:
        sides = []
        step = 0.5 * _size(key, at[key], scale)
        for sign in (1, -1):
            tried = at | {key: max(at[key] + sign * step, 0.0 if key != "shift" else -math.inf)}
            other = copy.copy(passing)
            for _ in range(AFTER):
                total = goes_on(other, tried)
            sides.append((tried[key], _gradient(unknown, tried, total, scale)))
        slopes[key] = (sides[0][1] - sides[1][1]) / (sides[0][0] - sides[1][0])
    hessian = -np.array([slopes[key] for key in unknown])
    return _estimates(unknown, at, hessian, TWINS if {"noise", "flip"} <= set(unknown) else 1.0, scale)


def _estimates(
    unknown: tuple[str, ...], at: dict[str, float], hessian: np.ndarray, doubt: float, scale: float
) -> dict[str, Estimate]:
    errors = zip(unknown, _errors(hessian), strict=True)
    return {key: Estimate(at[key], doubt * error, scale) for key, error in errors}


def _errors(hessian: np.ndarray) -> list[float]:
    """Standard errors from minus the second derivatives of the evidence."""
    hessian = (hessian + hessian.T) / 2
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian).min() <= 0:
        return [1 / math.sqrt(d) if d > 0 else math.inf for d in hessian.diagonal()]
    return [math.sqrt(v) for v in np.linalg.inv(hessian).diagonal()]


def _size(key: str, value: float, scale: float) -> float:
    """A change of a parameter that is felt but small."""
    return 0.02 + 0.1 * value if key == "flip" else 0.05 * scale if key == "shift" else 0.2 * value + 1e-3 * scale


def _best(key: str, at: dict[str, float], total: Callable, scale: float, number: int) -> float:
    """The likeliest value of one parameter: among what is thought of at first, then about the last."""
    wide = number < FIRST
    if key == "noise":
        tried = NOISES * scale if wide else at[key] * np.geomspace(0.6, 1 / 0.6, NEAR)
    elif key == "flip":
        reach = 0.02 + 0.3 * at[key]
        tried = FLIPS if wide else np.linspace(max(at[key] - reach, 0.0), min(at[key] + reach, FLIPS[-1]), NEAR)
    else:
        tried = at[key] + np.linspace(-1, 1, STEPS if wide else NEAR) * scale * (1.0 if wide else 0.1)
    values = np.array([total(at | {key: float(v)}) for v in tried])
    k = int(values.argmax())
    if 0 < k < len(tried) - 1:  # a parabola through three points
        (a, b, c), (fa, fb, fc) = tried[k - 1 : k + 2], values[k - 1 : k + 2]
        bend = (b - a) * (fb - fc) - (b - c) * (fb - fa)
        if abs(bend) > 1e-12:
            return float(np.clip(b - 0.5 * ((b - a) ** 2 * (fb - fc) - (b - c) ** 2 * (fb - fa)) / bend, a, c))
    return float(tried[k])


def _gradient(unknown: tuple[str, ...], at: dict[str, float], total: Callable, scale: float) -> np.ndarray:
    found = []
    for key in unknown:
        step = 0.05 * _size(key, at[key], scale)
        low = max(at[key] - step, 0.0) if key != "shift" else at[key] - step
        found.append((total(at | {key: at[key] + step}) - total(at | {key: low})) / (at[key] + step - low))
    return np.array(found)


def by_leaving_out(
    pieces: Mapping[str, np.ndarray], measurement: Measurement, unknown: tuple[str, ...]
) -> dict[str, Estimate]:
    """The same through any linear operator: what makes some of the reports predict each other best, under a Gaussian model of
    pictures. Standard errors are by the curvature of that score."""
    case, channel = Case.of(pieces), measurement.channel
    assert channel is not None
    response = case.responses.of(case.pieces, measurement, 64)
    scale = float(response.gram.diagonal().mean()) ** 0.5
    at = {key: STARTS[key] * (1.0 if key == "flip" else scale) for key in unknown}

    known: dict[tuple[float, ...], float] = {}

    def total(tried: dict[str, float]) -> float:
        key = tuple(tried[k] for k in unknown)
        if key not in known:
            scored = case.score(noise=tried.get("noise"), channel=_with(channel, tried))
            known[key] = float(scored.prediction.log_prob.sum())
        return known[key]

    for sweep in range(1 if len(unknown) == 1 else 3):
        for key in unknown:
            grid = CANDIDATES[key] * (1.0 if key == "flip" else scale)
            if sweep:
                near = int(np.abs(grid - at[key]).argmin())
                grid = np.linspace(grid[max(near - 1, 0)], grid[min(near + 1, len(grid) - 1)], 7)
            values = np.array([total(at | {key: float(v)}) for v in grid])
            weights = np.exp(values - values.max())
            at[key] = (
                float(grid[values.argmax()])
                if sweep == 0 and len(unknown) > 1
                else float(weights @ grid / weights.sum())
            )
    hessian = np.zeros((len(unknown), len(unknown)))
    steps = {key: 0.5 * _size(key, at[key], scale) for key in unknown}
    bounded = {key: at[key] if key == "shift" else max(at[key], 1.01 * steps[key]) for key in unknown}
    for i, first in enumerate(unknown):
        for j, second in enumerate(unknown):
            by = [
                total(_moved(_moved(bounded, first, a * steps[first]), second, b * steps[second]))
                for a in (0.5, -0.5)
                for b in (0.5, -0.5)
            ]
            hessian[i, j] = -(by[0] - by[1] - by[2] + by[3]) / (steps[first] * steps[second])
    return _estimates(unknown, at, hessian, MODEL, scale)


def _moved(at: dict[str, float], key: str, by: float) -> dict[str, float]:
    return {**at, key: at[key] + by}
