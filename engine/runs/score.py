"""How well a result predicts measurements, in bits: a score that needs no truth."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sensing.measurement import Measurement

__all__ = ["Score", "score"]

LOW, HIGH = 0.05, 0.95
MOST_PHOTONS = 4096
"""Rows that judge where each takes an integral."""
NODES = 9
"""Of the quadrature over what is not known of z."""


@dataclass(frozen=True)
class Score:
    """Log predictive density of measurements, in bits of each of ``rows``, above that of the prior's mean (chance).

    ``result`` is that of the estimate, ``trivial`` of the picture interpolated or back-projected from the same data. Where the
    rows were ``held_out`` the result had not seen them. ``inside`` is the share of them within the central 90 % of what the
    result says about them (by the probability integral transform), None where it says nothing about its error. Of photons,
    whose own noise is most of it, the error is then taken for what fits best. ``error`` is the variance of the error of A x, less
    the noise, that fits what was seen best.
    """

    result: float
    trivial: float
    rows: int
    held_out: bool
    inside: float | None
    error: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Score | None:
        """Reads :meth:`as_dict` back; None for anything else, as documents from before have it."""
        try:
            found = cls(**values)
        except TypeError:
            return None
        numbers = [found.result, found.trivial, found.rows, found.error] + [found.inside] * (found.inside is not None)
        return found if all(isinstance(n, (int, float)) for n in numbers) else None

    @property
    def words(self) -> str:
        seen = "measurements that were left out" if self.held_out else "the measurements that it was made from"
        return f"predicts {seen} {self.result:+.3f} bits each better than chance (interpolated: {self.trivial:+.3f})"


def score(
    judge: Measurement, estimate: np.ndarray, trivial: np.ndarray, chance: np.ndarray | float, samples: np.ndarray,
    predicted_rmse: float | None, left_out: Tensor | None = None, seed: int = 0,
) -> Score:  # fmt: skip
    """The score of an ``estimate`` (c, h, w) of the first image by the measurements ``judge``; ``left_out`` (rows,) says which
    count, since the estimate has not seen them. ``samples`` (n, c, h, w) or ``predicted_rmse`` say how sure the method is."""
    import torch

    from engine.likelihoods.data_term import DataTerm
    from engine.seeds import generator
    from engine.sensing.channels import PhotonChannel

    shape = judge.operator.image_shape
    chosen = torch.ones(judge.operator.rows, dtype=torch.bool) if left_out is None else left_out.bool().cpu()
    photons = judge.channel is not None and isinstance(judge.channel, PhotonChannel)
    if photons and int(chosen.sum()) > MOST_PHOTONS:
        every = chosen.nonzero()[:, 0]
        chosen = torch.zeros_like(chosen)
        chosen[every[torch.randperm(len(every), generator=generator(seed, "judges"))[:MOST_PHOTONS]]] = True
    some = judge if bool(chosen.all()) else _rows_of(judge, chosen)
    count = max(1, int(chosen.sum()))
    term = DataTerm(some)

    def response(picture: np.ndarray | float) -> Tensor:
        full = np.broadcast_to(np.asarray(picture, np.float32), shape)
        return judge.predict(torch.tensor(full)[None]).double()[:, chosen]

    nats, errors = zip(*(term.best_surprise(response(p)) for p in (estimate, trivial, chance)), strict=True)
    gained = [(nats[2] - each) / count / math.log(2) for each in nats]
    inside = None
    variance = _variance(judge, samples, predicted_rmse)
    if variance is None and photons and left_out is not None:
        variance = torch.full((1, 1), errors[0], dtype=torch.float64)
    if variance is not None and (judge.values is not None or judge.lower is not None or photons):
        variance = variance[:, chosen] if variance.shape[1] > 1 else variance
        inside = _inside(some, response(estimate), variance, seed)
    return Score(gained[0], gained[1], count, left_out is not None, inside, errors[0])


def _rows_of(judge: Measurement, chosen: Tensor) -> Measurement:
    """What was reported of some rows, for a look at responses alone: the operator stays as it is."""

    def take(t: Tensor) -> Tensor:
        return t[..., chosen] if t.shape[-1:] == chosen.shape else t

    values = None if judge.values is None else take(judge.values)
    return replace(judge, values=values, channel=None if judge.channel is None else judge.channel.take(take))


def _variance(judge: Measurement, samples: np.ndarray, predicted_rmse: float | None) -> Tensor | None:
    """What the method says of its error of z, (1, rows) or (1, 1)."""
    import torch

    if len(samples) > 1:
        z = judge.predict(torch.from_numpy(np.ascontiguousarray(samples)).float()).double()
        return z.var(0, keepdim=True) * (1 + 1 / len(samples))
    if predicted_rmse is not None:
        return judge.operator.row_norms_squared().mean().double().reshape(1, 1).cpu() * predicted_rmse**2
    return None


def _inside(judge: Measurement, z: Tensor, variance: Tensor, seed: int) -> float:
    import torch

    from engine.seeds import generator
    from engine.sensing.channels import PhotonChannel

    deviation = (variance + judge.noise**2).sqrt().expand_as(z)
    if judge.values is not None:
        u = torch.special.ndtr((judge.values.double() - z) / deviation)
    elif isinstance(judge.channel, PhotonChannel):
        u = torch.zeros_like(z)
        draw = torch.rand(z.shape, generator=generator(seed, "pit"), dtype=torch.float64)
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            below, up_to = judge.channel.distribution(z + node * deviation)
            u += weight * (below + (up_to - below) * draw)
    else:
        assert judge.lower is not None and judge.upper is not None
        low, high = (torch.special.ndtr((edge - z) / deviation) for edge in (judge.lower, judge.upper))
        u = low + (high - low) * torch.rand(z.shape, generator=generator(seed, "pit"), dtype=torch.float64)
    return float(((u > LOW) & (u < HIGH)).double().mean())
