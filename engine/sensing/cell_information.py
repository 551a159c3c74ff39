"""What cells tell of a Gaussian variable, on average over what has been estimated of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

__all__ = ["averaged", "standard"]

NODES, NEAR_NODES, NODES_BY_EDGE, REACH, MOST_EDGES = 20, 36, (3, 10), 5.0, 20
TAIL_SCALE, TAIL = 0.2316419, (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)

Information = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""What is told of z by cells: edges (pairs, 1 or nodes, edges), z (pairs, nodes, 1), deviation (pairs, 1, 1), and which of all
pairs these are; (pairs, nodes)."""


def averaged(
    inner: np.ndarray, v_z: np.ndarray, total: np.ndarray, noise: np.ndarray,
    of: Information,
) -> np.ndarray:  # fmt: skip
    """The mean of what cells with the edges ``inner`` (pairs, cells - 1) tell, (pairs,), over the estimates of z that the
    output module is given: z ~ N(0, total - v_z), and ``of`` the edges (..., cells - 1), z (..., nodes, 1) and the
    deviation (..., 1, 1) of what was quantized about z.

    It is told of near the edges alone. Where the estimates spread wider than that, nodes lie about every edge; a
    Gauss-Hermite rule would step over them.
    """
    spread, deviation = np.sqrt(np.maximum(total - v_z, 1e-30)), np.sqrt(v_z + noise)
    sharp, found = spread > deviation, np.empty(v_z.shape)
    for of_these, which in ((_over_all, ~sharp), (_near_edges, sharp)):
        if which.any():
            found[which] = of_these(inner[which], spread[which], deviation[which], of, which)
    return found


def _over_all(
    inner: np.ndarray, spread: np.ndarray, deviation: np.ndarray, of: Information, which: np.ndarray
) -> np.ndarray:
    """By a Gauss-Hermite rule over z: where cells are narrow for what is not known of z."""
    x, w = _hermite()
    each = of(inner[:, None], (spread[:, None] * x)[..., None], deviation[:, None, None], which)
    return each @ w


def _near_edges(
    inner: np.ndarray, spread: np.ndarray, deviation: np.ndarray, of: Information, which: np.ndarray
) -> np.ndarray:
    """By Gauss-Legendre rules about the edges, between the middles of the cells."""
    x, w = _legendre(int(np.clip(NEAR_NODES // inner.shape[1], *NODES_BY_EDGE)))
    far, middle = np.full((len(inner), 1), np.inf), 0.5 * (inner[:, 1:] + inner[:, :-1])
    reach = REACH * deviation[:, None]
    low = np.maximum(np.concatenate([-far, middle], 1), inner - reach)
    high = np.minimum(np.concatenate([middle, far], 1), inner + reach)
    some, times = _some_edges(inner.shape[1])
    low, high = low[:, some], high[:, some]
    z = (0.5 * ((high + low)[..., None] + (high - low)[..., None] * x)).reshape(len(inner), -1)
    weights = (0.5 * (high - low)[..., None] * times[:, None] * w).reshape(z.shape)
    weights *= np.exp(-0.5 * (z / spread[:, None]) ** 2)
    found, sides, numbers = np.empty(len(inner)), _sides(inner, reach[:, 0]), np.flatnonzero(which)
    for side in np.unique(sides):
        these = sides == side
        edges = np.repeat(_neighbours(inner[these], int(side))[:, some], len(x), 1)
        each = of(edges, z[these][..., None], deviation[these, None, None], numbers[these])
        found[these] = (each * weights[these]).sum(1)
    return found / (spread * math.sqrt(2 * math.pi))


@lru_cache(maxsize=1)
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.hermite_e.hermegauss(NODES)
    return x, w / w.sum()


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


def _sides(inner: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """How many edges on either side of one can be within ``reach`` of a z that lies nearer to that one than to any other,
    (pairs,); in few different numbers, so that pairs are computed together."""
    count = inner.shape[1]
    if count == 1:
        return np.zeros(len(inner), int)
    exact = np.floor(reach / np.diff(inner, axis=1).min(1) + 0.5)
    rounded = np.array([0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 64, count - 1])
    rounded = np.unique(np.minimum(rounded, count - 1))
    return rounded[np.searchsorted(rounded, np.minimum(exact, count - 1))]


def _neighbours(inner: np.ndarray, side: int) -> np.ndarray:
    """For every edge (pairs, edges) that one and so many on either side, (pairs, edges, some), infinite where there is none."""
    pairs, count = inner.shape
    if 2 * side + 1 >= count:
        return np.broadcast_to(inner[:, None, :], (pairs, count, count))
    far = np.full((pairs, side), np.inf)
    padded = np.concatenate([-far, inner, far], 1)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * side + 1, axis=1)


def standard(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distribution function and density of the standard normal at the edges (..., cells + 1) of cells with the inner
    edges t (..., cells - 1).

    The distribution by a polynomial of the density (Abramowitz and Stegun, 26.2.17; within 7.5e-8), which is at hand: SciPy's
    takes as long for the values, and to be imported longer than all else that a prediction needs.
    """
    below, density = np.empty((2, *t.shape[:-1], t.shape[-1] + 2))
    below[..., 0], below[..., -1], density[..., 0], density[..., -1] = 0, 1, 0, 0
    inner = density[..., 1:-1]
    np.multiply(t, t, out=inner)
    inner *= -0.5
    np.exp(inner, out=inner)
    inner *= 1 / math.sqrt(2 * math.pi)
    k = np.abs(t)
    k *= TAIL_SCALE
    k += 1
    np.reciprocal(k, out=k)
    beyond = k * TAIL[-1]
    for factor in TAIL[-2::-1]:
        beyond += factor
        beyond *= k
    beyond *= inner
    np.subtract(0.5, beyond, out=beyond)
    np.copysign(beyond, t, out=beyond)
    np.add(beyond, 0.5, out=below[..., 1:-1])
    return below, density
