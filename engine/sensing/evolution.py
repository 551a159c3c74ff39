r"""State evolution: how good turbo message passing will be, known before anything is measured.

For a matrix that mixes all pixels at random, what the denoiser is given is the picture plus white Gaussian noise, and what
the output module is given of z = A x is Gaussian too. So the whole iteration is a recursion of four numbers: the
variances of the messages between its modules (vector approximate message passing: Rangan, Schniter and Fletcher, 2019;
with quantized outputs: Schniter, Rangan and Fletcher, 2016). The denoiser enters through its mean squared error by noise
level (a table on the prior's card, one row per held-out picture) and the quantizer through its exact channel.

All arrays broadcast over (candidates, pictures): several quantizers are compared in one go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

__all__ = ["DenoisingProfile", "Evolution", "Seen"]

NODES, TRUST, ROUNDS, SETTLED = 20, 0.25, 40, 2e-3
NEAR_NODES, NODES_BY_EDGE, REACH, MOST_EDGES = 60, (3, 14), 5.0, 20
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
    """

    sigma: np.ndarray
    mse: np.ndarray
    clamped: np.ndarray
    mean: np.ndarray
    power: np.ndarray
    variance: float
    contrast_spread: float = 0.0

    @cached_property
    def _logs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """log sigma, and log(error / sigma^2) of both kinds: nearly linear between levels, and flat below the smallest."""
        mse, clamped = (np.log(np.maximum(e, 1e-12) / self.sigma**2) for e in (self.mse, self.clamped))
        return np.log(self.sigma), mse, clamped

    def error(self, variance: np.ndarray, clamped: bool = False) -> np.ndarray:
        """Mean squared error of denoising (..., pictures) at noise variances of that shape."""
        logs, shares = self._logs[0], self._logs[2 if clamped else 1]
        at = np.clip(0.5 * np.log(variance), logs[0], logs[-1])
        right = np.clip(np.searchsorted(logs, at), 1, len(logs) - 1)
        part = (at - logs[right - 1]) / (logs[right] - logs[right - 1])
        rows = np.broadcast_to(np.arange(len(shares)), at.shape)
        found = (1 - part) * shares[rows, right - 1] + part * shares[rows, right]
        at_most = np.maximum(self.power - self.mean**2, 1e-9)
        return np.minimum(
            np.exp(found) * np.minimum(variance, self.sigma[-1] ** 2), np.maximum(at_most, self.mse[:, -1])
        )

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
        )


class Seen(NamedTuple):
    """How z is seen: ``thresholds`` (candidates, cells - 1) or (candidates, rows, cells - 1) for some typical rows, about
    the centre of z, or None for real values; ``more_noise`` (candidates,) of a dither that was not recorded; ``flip``;
    ``weights`` (candidates, rows), how many rows each of the typical ones stands for, None where they are alike."""

    thresholds: np.ndarray | None
    more_noise: np.ndarray | float = 0.0
    flip: float = 0.0
    weights: np.ndarray | None = None

    def take(self, which: np.ndarray) -> Seen:
        """Some of the candidates."""
        assert self.thresholds is not None
        more = np.broadcast_to(np.asarray(self.more_noise, float), len(self.thresholds))[which]
        return Seen(self.thresholds[which], more, self.flip, None if self.weights is None else self.weights[which])

    def by_row(self) -> Iterator[tuple[np.ndarray, np.ndarray | float]]:
        """Thresholds (candidates, cells - 1) of each typical row, and its share (candidates, 1) of all rows."""
        assert self.thresholds is not None
        if self.thresholds.ndim == 2:
            yield self.thresholds, 1.0
            return
        count = self.thresholds.shape[1]
        for row in range(count):
            yield self.thresholds[:, row], 1 / count if self.weights is None else self.weights[:, row, None]


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

    def errors(self, seen: Seen, profile: DenoisingProfile | None = None) -> np.ndarray:
        """Predicted mean squared error of the posterior mean, (candidates, pictures)."""
        p = profile or self.profile
        lam = self.eigenvalues
        power = np.maximum(p.power - 2 * self.offset * p.mean + self.offset**2, 1e-9)
        total = lam.mean() * power  # variance of z
        candidates = 1 if seen.thresholds is None else len(seen.thresholds)
        shape = (candidates, len(p.mse))
        v_e = np.broadcast_to(np.minimum(p.variance, power), shape).copy()
        gamma_t = np.zeros(shape)
        if seen.thresholds is None:
            gamma_t += 1 / max(self.noise**2, 1e-6 * lam.mean() * p.variance)
        error = np.full(shape, np.inf)
        for number in range(ROUNDS):
            share = 0.7 if number else 1.0
            if seen.thresholds is not None:
                v_zp = (v_e[..., None] * lam / (1 + v_e[..., None] * lam * gamma_t[..., None])).mean(-1)
                gamma_z = np.maximum(1 / v_zp - gamma_t, _LEAST)
                v_z = np.minimum(1 / gamma_z, 0.9999 * total)
                left = self._left(seen, v_z, total)
                gamma_t = gamma_t + share * (np.maximum(1 / left - 1 / v_z, _LEAST) - gamma_t)
            gained = (v_e[..., None] * lam * gamma_t[..., None] / (1 + v_e[..., None] * lam * gamma_t[..., None])).mean(
                -1
            )
            v_x = v_e * np.maximum(1 - self.share * gained, 1e-9)
            gamma_r = np.maximum(1 / v_x - 1 / v_e, _LEAST)
            before, error = error, np.minimum(p.error(1 / gamma_r), 0.9999 / gamma_r)
            v_e = 1 / ((1 - share) / v_e + share * np.maximum(1 / error - gamma_r, _LEAST))
            if np.all(np.abs(error - before) < SETTLED * error):
                break
        error = np.minimum(p.error(1 / gamma_r, clamped=True), 0.9999 / gamma_r)
        if p.contrast_spread and seen.thresholds is not None:
            error = error + self._contrast(seen, v_z, total, p.contrast_spread) * power
        return np.minimum(error, np.maximum(power, p.variance))

    def psnr(self, seen: Seen) -> np.ndarray:
        """Predicted PSNR in dB, (candidates, pictures)."""
        return -10 * np.log10(self.errors(seen))

    def best(self, key: str, candidates: Callable[[], Seen]) -> int:
        """The last candidate, of those about the one with the highest PSNR on average, that is within FLAT_DB of it: where
        wider cells serve nearly as well, fewer pictures saturate them. Found once for each ``key``."""
        if key not in self._found:
            seen = candidates()
            assert seen.thresholds is not None
            few = self.profile.some(12 if seen.thresholds.shape[-1] < 16 else 4)
            rough = np.arange(0, len(seen.thresholds), 4)
            centre = rough[np.argmax(self._mean_psnr(seen, rough, few))]
            near = np.arange(max(centre - 3, 0), min(centre + 7, len(seen.thresholds)))
            found = self._mean_psnr(seen, near, few)
            self._found[key] = int(near[np.flatnonzero(found >= found.max() - FLAT_DB)[-1]])
        return self._found[key]

    def _mean_psnr(self, seen: Seen, which: np.ndarray, few: DenoisingProfile) -> np.ndarray:
        return (-10 * np.log10(self.errors(seen.take(which), few))).mean(1)

    @cached_property
    def _found(self) -> dict[str, int]:
        return {}

    def _told(
        self, inner: np.ndarray, v_z: np.ndarray, total: np.ndarray, noise: np.ndarray,
        of: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    ) -> np.ndarray:  # fmt: skip
        """The mean of what cells with the edges ``inner`` (candidates, cells - 1) tell, (candidates, pictures), over the
        estimates of z that the output module is given: z ~ N(0, total - v_z), and ``of`` the edges (..., cells - 1), z
        (..., nodes, 1) and the deviation (..., 1, 1) of what was quantized about z.

        It is told of near the edges alone. Where the estimates spread wider than that, nodes lie about every edge; a
        Gauss-Hermite rule would step over them.
        """
        spread, deviation = np.sqrt(np.maximum(total - v_z, 1e-30)), np.sqrt(v_z + noise)
        sharp = spread > deviation
        found = np.zeros(v_z.shape)
        if not sharp.all():
            x, w = np.polynomial.hermite_e.hermegauss(NODES)
            z = spread[..., None] * x
            each = of(inner[:, None, None, :], z[..., None], deviation[..., None, None])
            found = (each * (w / w.sum())).sum(-1)
        if sharp.any():
            x, w = _legendre(int(np.clip(NEAR_NODES // inner.shape[1], *NODES_BY_EDGE)))
            far, middle = np.full((len(inner), 1), np.inf), 0.5 * (inner[:, 1:] + inner[:, :-1])
            edge, reach = inner[:, None, :], REACH * deviation[..., None]
            low = np.maximum(np.concatenate([-far, middle], 1)[:, None, :], edge - reach)
            high = np.minimum(np.concatenate([middle, far], 1)[:, None, :], edge + reach)
            which, times = _some_edges(inner.shape[1])
            low, high = low[..., which], high[..., which]
            half = 0.5 * (high - low)[..., None] * times[:, None]
            z = (0.5 * ((high + low)[..., None] + (high - low)[..., None] * x)).reshape(*v_z.shape, -1)
            weights = (half * w).reshape(z.shape) * np.exp(-0.5 * (z / spread[..., None]) ** 2)
            edges = np.repeat(_neighbours(inner, reach.max())[:, which], len(x), 1)[:, None]
            each = of(edges, z[..., None], deviation[..., None, None])
            near = (each * weights).sum(-1) / (spread * math.sqrt(2 * math.pi))
            found = np.where(sharp, near, found)
        return found

    def _left(self, seen: Seen, v_z: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Mean variance of z that is left once its cell is known, (candidates, pictures)."""
        told = 0.0
        noise = self.noise**2 + np.broadcast_to(np.asarray(seen.more_noise, float) ** 2, len(v_z))[:, None]

        def fisher(edges: np.ndarray, z: np.ndarray, deviation: np.ndarray) -> np.ndarray:
            below, density = _standard((edges - z) / deviation)
            if seen.flip:  # two cells
                seen_low = seen.flip + (1 - 2 * seen.flip) * below[..., 1]
                return ((1 - 2 * seen.flip) * density[..., 1]) ** 2 / np.maximum(seen_low * (1 - seen_low), 1e-300)
            shares = np.diff(below, axis=-1)
            return (np.diff(density, axis=-1) ** 2 / np.maximum(shares, 1e-15)).sum(-1)

        for inner, share in seen.by_row():
            told = told + share * self._told(inner, v_z, total, noise, fisher)
        return np.maximum(v_z - v_z**2 / (v_z + noise) * told, 1e-9 * v_z)

    def _contrast(self, seen: Seen, v_z: np.ndarray, total: np.ndarray, spread: float) -> np.ndarray:
        """Variance of the logarithm of the contrast once all rows have been seen: the prior's and the measurements'
        Fisher information, of which message passing believes a part (``engine.algorithms.messages.contrast``)."""
        noise = self.noise**2 + np.broadcast_to(np.asarray(seen.more_noise, float) ** 2, len(v_z))[:, None]
        step, information = 0.02, 0.0
        for inner, part in seen.by_row():

            def fisher(edges: np.ndarray, z: np.ndarray, _: np.ndarray) -> np.ndarray:
                shares = []
                for factor in (1 - step, 1 + step):
                    deviation = np.sqrt(factor**2 * v_z + noise)[..., None, None]
                    below, _ = _standard((edges - factor * z) / deviation)
                    share = np.diff(below, axis=-1)
                    shares.append(seen.flip + (1 - 2 * seen.flip) * share if seen.flip else share)
                slope, middle = (shares[1] - shares[0]) / (2 * step), 0.5 * (shares[0] + shares[1])
                return (slope**2 / np.maximum(middle, 1e-15)).sum(-1)

            information = information + part * self._told(inner, v_z, total, noise, fisher)
        return 1 / (1 / spread**2 + TRUST * self.rows * information)


@lru_cache(maxsize=32)
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)


def _some_edges(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of edges that stand for all ``count``, and how many each stands for: of fine cells, the outer two on either side
    and some of the others, between which nothing changes but the density of z."""
    if count <= MOST_EDGES:
        return np.arange(count), np.ones(count)
    inside = np.arange(2, count - 2)
    step = -(-len(inside) // (MOST_EDGES - 4)) | 1  # odd, so that a run of edges has one in the middle
    runs = [inside[at : at + step] for at in range(0, len(inside), step)]
    taken, times = [run[len(run) // 2] for run in runs], [float(len(run)) for run in runs]
    return np.array([0, 1, *taken, count - 2, count - 1]), np.array([1.0, 1.0, *times, 1.0, 1.0])


def _neighbours(inner: np.ndarray, reach: float) -> np.ndarray:
    """For every edge (candidates, edges) those that are within twice ``reach`` of it, (candidates, edges, some), infinite where
    there is none: what is further away hardly ever matters to a z near the edge."""
    candidates, count = inner.shape
    least = float(np.diff(inner, axis=1).min()) if count > 1 else math.inf
    side = min(count - 1, math.ceil(2 * reach / max(least, 1e-12)))
    if 2 * side + 1 >= count:
        return np.broadcast_to(inner[:, None, :], (candidates, count, count))
    far = np.full((candidates, side), np.inf)
    padded = np.concatenate([-far, inner, far], 1)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * side + 1, axis=1)


def _standard(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distribution function and density of the standard normal at the edges (..., cells + 1) of cells with the inner
    edges t (..., cells - 1)."""
    from scipy.special import ndtr

    below = np.zeros((*t.shape[:-1], t.shape[-1] + 2))
    density = np.zeros_like(below)
    below[..., -1] = 1
    below[..., 1:-1] = ndtr(t)
    density[..., 1:-1] = np.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
    return below, density
