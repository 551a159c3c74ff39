"""The noise level of a measurement that came without one: the most likely under the prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.algorithms import Draws
from engine.algorithms.messages.passing import MessagePassing
from engine.errors import InputError
from engine.priors.base import DenoiserPrior
from engine.sensing.measurement import Measurement

__all__ = ["estimate_noise"]

ROUNDS, SETTLED = 16, 0.01
SHARES = np.geomspace(1e-3, 2.0, 60)
"""Noise levels tried, as shares of the deviation of z under the prior."""


def estimate_noise(measurement: Measurement, prior: DenoiserPrior, seed: int = 0) -> float:
    """The noise standard deviation, in the units of A x, of the first image's measurement.

    Between rounds of message passing, the level is set to the one under which what was seen is most likely, given what
    the prior and the other measurements say about z (type-II maximum likelihood). Raises InputError where the operator
    has no eigenbasis.
    """
    if not measurement.operator.is_linear or measurement.operator.gram_eigenbasis() is None:
        raise InputError("The noise of this measurement is not given and cannot be estimated here; give noise=....")
    seen = measurement.select([0])
    basis = seen.operator.gram_eigenbasis()
    assert basis is not None
    eigenvalues = basis.values.double()
    scale = float((eigenvalues.mean() * prior.variance).sqrt())
    levels = torch.from_numpy(SHARES * scale).to(eigenvalues.device)
    noise = 0.3 * scale
    draws = Draws(seed, (0,), (0,))
    passing = MessagePassing(replace(seen, noise=noise), prior, draws.per_image("noise-probes"), probes=2, damping=0.7)
    for _ in range(ROUNDS):
        passing.round()
        predicted = seen.predict(passing.x_e).double()
        if seen.values is not None:
            residual = basis.analyse(seen.values.double() - predicted)
            variance = passing.v_e[:, None] * eigenvalues + levels[:, None] ** 2
            fit = -0.5 * (residual.square() / variance + variance.log()).sum(1)
        else:
            assert seen.channel is not None
            mean, variance = passing.cavity(predicted)
            fit = torch.stack([seen.channel.moments(mean, variance + s**2).log_prob.sum() for s in levels])
        best = float(levels[int(fit.argmax())])
        settled = abs(best - noise) < SETTLED * noise
        noise = best
        passing.set_noise(noise)
        if settled:
            break
    return noise
