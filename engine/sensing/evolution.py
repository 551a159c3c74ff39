r"""State evolution: how good turbo message passing will be, known before anything is measured.

For a matrix that mixes all pixels at random, what the denoiser is given is the picture plus white Gaussian noise, and what
the output module is given of z = A x is Gaussian too. So the whole iteration is a recursion of four numbers: the
variances of the messages between its modules (vector approximate message passing: Rangan, Schniter and Fletcher, 2019;
with quantized outputs: Schniter, Rangan and Fletcher, 2016). The denoiser enters through its mean squared error by noise
level (a table on the prior's card, one row per held-out picture) and the quantizer through its exact channel.

Several quantizers, the candidates, are compared in one go: every pair of a candidate and a picture goes its own way until it
has settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from engine.images.extent import lost_extent
from engine.sensing.cell_information import averaged, standard

__all__ = ["DenoisingProfile", "Evolution", "QuantizedView"]

TRUST, ROUNDS = 0.25, 40
SETTLED, NEARLY = 2e-3, 1e-2
"""Relative change of an error in a round below which it has settled: for predictions, and for comparing candidates."""
FLAT_DB = 0.12
_LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class DenoisingProfile:
    """What a denoiser leaves of held-out pictures.

    Attributes
    ----------
    sigma : (levels,), increasing noise levels in [0, 1] units
    mse, clamped : (pictures, levels), mean squared error of denoising, and of that clamped to [0, 1]
    mean, power : (pictures,), mean of the pixels of each picture and of their squares
    variance : what the prior takes for the variance of a pixel at the start
    contrast_spread : logarithmic spread of the contrast where the prior does not know it (see ``DenoiserPrior``), else 0
    by_extent : whether that is the spread of how far pictures go, seen on what was denoised
    """

    sigma: np.ndarray
    mse: np.ndarray
    clamped: np.ndarray
    mean: np.ndarray
    power: np.ndarray
    variance: float
    contrast_spread: float = 0.0
    by_extent: bool = False

    @cached_property
    def _logs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """log sigma, and log(error / sigma^2) of both kinds: nearly linear between levels, and flat below the smallest."""
        mse, clamped = (np.log(np.maximum(e, 1e-12) / self.sigma**2) for e in (self.mse, self.clamped))
        return np.log(self.sigma), mse, clamped

    def error(self, variance: np.ndarray, pictures: np.ndarray, clamped: bool = False) -> np.ndarray:
        """Mean squared error of denoising the pictures of these numbers, each at its noise variance."""
        logs, shares = self._logs[0], self._logs[2 if clamped else 1]
        at = np.clip(0.5 * np.log(variance), logs[0], logs[-1])
        right = np.clip(np.searchsorted(logs, at), 1, len(logs) - 1)
        part = (at - logs[right - 1]) / (logs[right] - logs[right - 1])
        found = (1 - part) * shares[pictures, right - 1] + part * shares[pictures, right]
        at_most = np.maximum(np.maximum(self.power - self.mean**2, 1e-9), self.mse[:, -1])
        return np.minimum(np.exp(found) * np.minimum(variance, self.sigma[-1] ** 2), at_most[pictures])

    def some(self, count: int) -> DenoisingProfile:
        """So many pictures, evenly from the easiest to the hardest."""
        if count >= len(self.mse):
            return self
        order = np.argsort(np.log(self.mse).mean(1))
        kept = order[np.round(np.linspace(0, len(order) - 1, count + 2)).astype(int)[1:-1]]
        return DenoisingProfile(
            self.sigma,
            self.mse[kept],
            self.clamped[kept],
            self.mean[kept],
            self.power[kept],
            self.variance,
            self.contrast_spread,
            self.by_extent,
        )


class _State(NamedTuple):
    """Where the pairs are that have not settled: numbers and arrays, (pairs,) each. ``power`` and ``total`` are the
    mean square of the picture and the variance of its z."""

    pair: np.ndarray
    candidate: np.ndarray
    picture: np.ndarray
    power: np.ndarray
    total: np.ndarray
    v_e: np.ndarray
    gamma_t: np.ndarray
    v_z: np.ndarray
    gamma_r: np.ndarray
    error: np.ndarray

    def some(self, which: np.ndarray) -> _State:
        return _State(*(array[which] for array in self))


class QuantizedView(NamedTuple):
    """How z is seen: ``thresholds`` (candidates, cells - 1) or (candidates, rows, cells - 1) for some typical rows, about
    the centre of z, or None for real values; ``more_noise`` (candidates,) of a dither that was not recorded; ``flip``;
    ``weights`` (candidates, rows), how many rows each of the typical ones stands for, None where they are alike."""

    thresholds: np.ndarray | None
    more_noise: np.ndarray | float = 0.0
    flip: float = 0.0
    weights: np.ndarray | None = None

    def take(self, which: np.ndarray) -> QuantizedView:
        """Some of the candidates."""
        assert self.thresholds is not None
        more = np.broadcast_to(np.asarray(self.more_noise, float), len(self.thresholds))[which]
        return QuantizedView(
            self.thresholds[which], more, self.flip, None if self.weights is None else self.weights[which]
        )

    def by_row(self) -> Iterator[tuple[np.ndarray, np.ndarray | float]]:
        """Thresholds (candidates, cells - 1) of each typical row, and its share (candidates,) of all rows."""
        assert self.thresholds is not None
        if self.thresholds.ndim == 2:
            yield self.thresholds, 1.0
            return
        count = self.thresholds.shape[1]
        for row in range(count):
            yield self.thresholds[:, row], 1 / count if self.weights is None else self.weights[:, row]


@dataclass(frozen=True, eq=False)
class Evolution:
    """State evolution of turbo for pictures like those of ``profile``.

    ``eigenvalues`` are those of A A^T, some typical ones of the ``rows`` / ``pixels`` of a picture; ``noise`` is the
    standard deviation of n, ``offset`` the one that is taken off x before it is measured.
    """

    profile: DenoisingProfile
    eigenvalues: np.ndarray
    share: float
    """rows / pixels"""
    rows: int
    noise: float
    offset: float

    def errors(
        self, seen: QuantizedView, profile: DenoisingProfile | None = None, within: float = SETTLED
    ) -> np.ndarray:
        """Predicted mean squared error of the posterior mean, (candidates, pictures)."""
        p = profile or self.profile
        candidates, pictures = 1 if seen.thresholds is None else len(seen.thresholds), len(p.mse)
        candidate, picture = np.divmod(np.arange(candidates * pictures), pictures)
        error = np.empty(len(picture))
        state = self._start(candidate, picture, p, seen.thresholds is None)
        for number in range(ROUNDS):
            cells = None if seen.thresholds is None else seen.take(state.candidate)
            before = state.error
            state = self._round(state, p, cells, 0.7 if number else 1.0)
            settled = np.abs(state.error - before) < within * state.error
            if number + 1 == ROUNDS:
                settled[:] = True
            if settled.any():
                done = state.some(settled)
                error[done.pair] = self._last(done, p, None if cells is None else cells.take(settled))
                state = state.some(~settled)
            if not len(state.pair):
                break
        return error.reshape(candidates, pictures)

    def _start(self, candidate: np.ndarray, picture: np.ndarray, p: DenoisingProfile, real: bool) -> _State:
        power = np.maximum(p.power - 2 * self.offset * p.mean + self.offset**2, 1e-9)[picture]
        mean = self.eigenvalues.mean()
        zero = np.zeros(len(picture))
        precision = 1 / max(self.noise**2, 1e-6 * mean * p.variance) if real else 0.0
        return _State(
            np.arange(len(picture)), candidate, picture, power, mean * power, np.minimum(p.variance, power),
            zero + precision, zero, zero, zero + np.inf,
        )  # fmt: skip

    def _round(self, s: _State, p: DenoisingProfile, cells: QuantizedView | None, share: float) -> _State:
        """One round of messages: the output module's, the linear module's and the denoiser's."""
        v_e, gamma_t, v_z, lam = s.v_e, s.gamma_t, s.v_z, self.eigenvalues
        if cells is not None:
            v_zp = (v_e[:, None] * lam / (1 + v_e[:, None] * lam * gamma_t[:, None])).mean(1)
            gamma_z = np.maximum(1 / v_zp - gamma_t, _LEAST)
            v_z = np.minimum(1 / gamma_z, 0.9999 * s.total)
            left = self._left(cells, v_z, s.total)
            gamma_t = gamma_t + share * (np.maximum(1 / left - 1 / v_z, _LEAST) - gamma_t)
        seen = v_e[:, None] * lam * gamma_t[:, None]
        v_x = v_e * np.maximum(1 - self.share * (seen / (1 + seen)).mean(1), 1e-9)
        gamma_r = np.maximum(1 / v_x - 1 / v_e, _LEAST)
        error = np.minimum(p.error(1 / gamma_r, s.picture), 0.9999 / gamma_r)
        v_e = 1 / ((1 - share) / v_e + share * np.maximum(1 / error - gamma_r, _LEAST))
        return s._replace(v_e=v_e, gamma_t=gamma_t, v_z=v_z, gamma_r=gamma_r, error=error)

    def _last(self, s: _State, p: DenoisingProfile, cells: QuantizedView | None) -> np.ndarray:
        """The error of what is shown: clamped to [0, 1], at the contrast that was inferred."""
        error = np.minimum(p.error(1 / s.gamma_r, s.picture, clamped=True), 0.9999 / s.gamma_r)
        if p.contrast_spread and cells is not None:
            lost = lost_extent(error / s.power) if p.by_extent else 0.0
            error = error + self._contrast(cells, s.v_z, s.total, p.contrast_spread**2 + lost**2) * s.power
        return np.minimum(error, np.maximum(s.power, p.variance))

    def psnr(self, seen: QuantizedView) -> np.ndarray:
        """Predicted PSNR in dB, (candidates, pictures)."""
        return -10 * np.log10(self.errors(seen))

    def best(self, key: str, candidates: Callable[[], QuantizedView]) -> int:
        """The last candidate, of those about the one with the highest PSNR on average, that is within FLAT_DB of it: where
        wider cells serve nearly as well, fewer pictures saturate them. Found once for each ``key``."""
        if key not in self._found:
            seen = candidates()
            assert seen.thresholds is not None
            few = self.profile.some(12 if seen.thresholds.shape[-1] < 16 else 4)
            rough = np.arange(0, len(seen.thresholds), 4)
            centre = rough[np.argmax(self._mean_psnr(seen, rough, few.some(6)))]
            near = np.arange(max(centre - 3, 0), min(centre + 7, len(seen.thresholds)))
            found = self._mean_psnr(seen, near, few)
            self._found[key] = int(near[np.flatnonzero(found >= found.max() - FLAT_DB)[-1]])
        return self._found[key]

    def _mean_psnr(self, seen: QuantizedView, which: np.ndarray, few: DenoisingProfile) -> np.ndarray:
        return (-10 * np.log10(self.errors(seen.take(which), few, NEARLY))).mean(1)

    @cached_property
    def _found(self) -> dict[str, int]:
        return {}

    def _left(self, seen: QuantizedView, v_z: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Mean variance of z that is left once its cell is known, (pairs,), each seen through its own cells."""
        told = np.zeros(len(v_z))
        noise = self.noise**2 + np.broadcast_to(np.asarray(seen.more_noise, float) ** 2, len(v_z))

        def fisher(edges: np.ndarray, z: np.ndarray, deviation: np.ndarray, _: np.ndarray) -> np.ndarray:
            below, density = standard((edges - z) / deviation)
            if seen.flip:  # two cells
                seen_low = seen.flip + (1 - 2 * seen.flip) * below[..., 1]
                return ((1 - 2 * seen.flip) * density[..., 1]) ** 2 / np.maximum(seen_low * (1 - seen_low), 1e-300)
            shares, turns = below[..., 1:] - below[..., :-1], density[..., 1:] - density[..., :-1]
            turns *= turns
            turns /= np.maximum(shares, 1e-15, out=shares)
            return turns.sum(-1)

        for inner, share in seen.by_row():
            told = told + share * averaged(inner, v_z, total, noise, fisher)
        return np.maximum(v_z - v_z**2 / (v_z + noise) * told, 1e-9 * v_z)

    def _contrast(
        self, seen: QuantizedView, v_z: np.ndarray, total: np.ndarray, variance: np.ndarray | float
    ) -> np.ndarray:
        """Variance of the logarithm of the contrast, ``variance`` by the prior, once all rows have been seen: Fisher
        information of prior and measurements, of which message passing believes a part
        (``engine.algorithms.messages.contrast``)."""
        noise = self.noise**2 + np.broadcast_to(np.asarray(seen.more_noise, float) ** 2, len(v_z))
        step, information = 0.02, np.zeros(len(v_z))
        for inner, part in seen.by_row():

            def fisher(edges: np.ndarray, z: np.ndarray, _: np.ndarray, which: np.ndarray) -> np.ndarray:
                shares = []
                for factor in (1 - step, 1 + step):
                    deviation = np.sqrt(factor**2 * v_z + noise)[which][:, None, None]
                    below, _ = standard((edges - factor * z) / deviation)
                    share = np.diff(below, axis=-1)
                    shares.append(seen.flip + (1 - 2 * seen.flip) * share if seen.flip else share)
                slope, middle = (shares[1] - shares[0]) / (2 * step), 0.5 * (shares[0] + shares[1])
                return (slope**2 / np.maximum(middle, 1e-15)).sum(-1)

            information = information + part * averaged(inner, v_z, total, noise, fisher)
        return 1 / (1 / variance + TRUST * self.rows * information)
