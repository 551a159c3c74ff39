"""A look with a prior that knows edges: what a Gaussian one cannot tell apart, such as a kernel and its mirror image.

A reconstruction by plug-and-play from a part of what was measured is judged by the rest (real values are thinned into two
independent
ones, of other reports some rows are left out), with the error that suits it best; two files are compared measurement by
measurement.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.algorithms import ALGORITHMS, Draws
from engine.doctor.case import Case
from engine.likelihoods.data_term import DataTerm
from engine.priors.base import DenoiserPrior
from engine.priors.choice import PriorChoice
from engine.priors.library import priors
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import Measurement

__all__ = ["compare", "default_prior", "tells"]

METHOD, SHARE, SPLITS = "plug-and-play steps=10", 0.3, 2
WINDOW = 80
LARGEST = 160 * 160
NOISES = 9


def default_prior() -> PriorChoice:
    return priors().parse("natural")


def compare(before: Case, after: Case, prior: PriorChoice) -> tuple[float, float, float, float] | None:
    """Bits of a measurement by which ``after`` is predicted better than ``before``, its standard error, and what each predicts
    better than chance does; None where the picture is too large or none for the prior."""
    if prior.kind != "denoiser":
        return None
    seen = [_part(_shrunk(case)).in_range() for case in (before, after)]
    loaded = _loaded(prior, seen[0].measurement)
    if loaded is None:
        return None
    gains, means = [], []
    for split in range(SPLITS):
        found = [_log_probs(part.measurement, loaded, split) for part in seen]
        gains.append(found[1][0] - found[0][0])
        means.append([float((each - chance).mean()) for each, chance in found])
        if float(gains[0].mean()) < 0:
            break  # what is worse in one is not better in two
    # real values are all judged in each split, of other reports others are left out
    gain = torch.stack(gains).mean(0) if seen[0].measurement.values is not None else torch.cat(gains)
    bits = np.mean(means, 0) / math.log(2)
    return (
        float(gain.mean()) / math.log(2), float(gain.std()) / len(gain) ** 0.5 / math.log(2), float(bits[0]), float(bits[1]),
    )  # fmt: skip


def tells(case: Case, prior: PriorChoice) -> tuple[float, float] | None:
    """Bits that the rest tells of each measurement in such a look, and their standard error; None as above."""
    if prior.kind != "denoiser":
        return None
    seen = _part(_shrunk(case)).in_range()
    loaded = _loaded(prior, seen.measurement)
    if loaded is None:
        return None
    found, chance = _log_probs(seen.measurement, loaded, 0)
    gained = (found - chance) / math.log(2)
    return float(gained.mean()), float(gained.std()) / len(gained) ** 0.5


def _loaded(prior: PriorChoice, measurement: Measurement) -> DenoiserPrior | None:
    shape = measurement.operator.image_shape
    if math.prod(shape[1:]) > LARGEST or not prior.takes(shape):
        return None
    loaded = prior.load("cpu", shape)
    assert isinstance(loaded, DenoiserPrior)
    return loaded


def _shrunk(case: Case) -> Case:
    """A camera whose kernel is as large as its picture, seen in larger pixels where it has too many."""
    pieces = case.pieces
    y, kernel = pieces.get("y"), pieces.get("kernel")
    each = [key for key in ("noise", "gain", "dark") if key in pieces and np.size(pieces[key]) > 1]
    if y is None or kernel is None or y.ndim != 2 or each or "sensor" not in pieces or "shape" in pieces:
        return case
    if tuple(np.asarray(pieces["sensor"]).reshape(-1)) != y.shape or y.size <= LARGEST:
        return case
    side = math.ceil(math.sqrt(y.size / LARGEST))

    def blocks(picture: np.ndarray) -> np.ndarray:
        height, width = (n // side for n in picture.shape)
        part = picture[: height * side, : width * side].astype(np.float64)
        return part.reshape(height, side, width, side).mean((1, 3))

    small = blocks(y)
    made = pieces | {"y": small, "kernel": blocks(kernel) * side**2, "sensor": np.array(small.shape)}
    if "noise" in pieces:
        made["noise"] = np.asarray(pieces["noise"], np.float64) / side
    return replace(case, pieces=made, places=np.arange(small.size).reshape(small.shape))


class _Part:
    def __init__(self, measurement: Measurement, scale: float) -> None:
        self.measurement, self.scale = measurement, scale

    def in_range(self) -> _Part:
        """Real values in units in which the brightest pixel is white."""
        if self.measurement.values is None or self.scale <= 1:
            return self
        scaled = replace(
            self.measurement, values=self.measurement.values / self.scale, noise=self.measurement.noise / self.scale
        )
        return _Part(scaled, 1.0)


def _part(case: Case) -> _Part:
    scored = case.scored
    window = replace(case, window=WINDOW)
    measurement = window.measurement
    scale = 1.0
    if measurement.values is not None:
        scale = float(np.quantile(scored.picture.numpy(), 0.995)) + measurement.offset
        if not measurement.noise_known:
            noise = math.hypot(scored.prediction.noise, case.model_error)
            measurement = replace(measurement, noise=noise, noise_known=True)
    return _Part(measurement, scale)


def _log_probs(measurement: Measurement, prior: DenoiserPrior, split: int) -> tuple[Tensor, Tensor]:
    """ln p of each measurement left out given the rest, and given a flat picture alone."""
    held = hold_out(measurement, SHARE, split)
    last = None
    for last in ALGORITHMS.parse(METHOD).iterates(held.fitted, prior, Draws(split, (0,), (0,))):
        pass
    assert last is not None and last.mean is not None
    flat = torch.full_like(last.mean, prior.mean)
    rows = held.rows[0]
    return tuple(_best(held.judge, held.judge.predict(x).double(), rows) for x in (last.mean, flat))  # type: ignore[return-value]


def _best(judge: Measurement, z: Tensor, rows: Tensor) -> Tensor:
    """Of the rows (rows,) at the noise that suits a prediction z (1, rows) best: it errs by more than the noise."""
    scale = judge.operator.typical_response(judge.offset)[1]
    term = DataTerm(judge)
    least = max(math.sqrt(term.noise), 1e-3 * scale)
    best: Tensor | None = None
    for k in range(NOISES):
        variance = (least * max(scale / least, 1.0) ** (k / (NOISES - 1))) ** 2
        if judge.values is not None:
            residual = judge.values.double() - z
            found = -0.5 * (residual.square() / variance + math.log(2 * math.pi * variance))
        else:
            assert judge.channel is not None
            found = judge.channel.local(z, variance).log_prob
        found = found[0, rows]
        if best is None or float(found.sum()) > float(best.sum()):
            best = found
    assert best is not None
    return best
