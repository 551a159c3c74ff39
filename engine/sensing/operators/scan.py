"""The geometry of tomographic scans, parallel and fan-beam, and the operator of one: exact lengths of rays in pixels."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError
from engine.seeds import generator
from engine.sensing.operators.base import GramEigenbasis, Operator
from engine.sensing.operators.orthonormal import dct, inverse_dct
from engine.sensing.operators.per_channel import PerChannel
from engine.sensing.operators.sparse import SparseOperator

__all__ = ["ScanOperator", "make_scan", "ray_lengths", "rays_of"]


PROBES = 24


class ScanOperator(SparseOperator):
    """A sinogram of one channel: rows are the rays, angle by angle, entries the lengths of a ray in the pixels, in pixels."""

    scan: tuple[int, int] = (0, 0)
    """Angles and detectors."""

    def laid_out(self, z: Tensor) -> Tensor:
        """The sinogram, one line per angle."""
        return z.reshape(1, *self.scan)

    def _merged_rows(self, block: int) -> tuple[np.ndarray, int]:
        """Neighbouring detectors of an angle."""
        angles, detectors = self.scan
        wide = math.ceil(detectors / block)
        return (np.arange(angles)[:, None] * wide + np.arange(detectors) // block).reshape(-1), angles * wide

    def nearly_eigenbasis(self) -> GramEigenbasis:
        """Cosines along angles and detectors, in which A A^T of any range of angles is nearly diagonal: what pictures of finite
        size give is confined in frequency. Its diagonal is found by a few random probes, smoothed over neighbours."""
        return self._near

    @cached_property
    def _near(self) -> GramEigenbasis:
        def flip(z: Tensor, change) -> Tensor:
            sheet = z.reshape(-1, *self.scan)
            return change(change(sheet).transpose(-1, -2)).transpose(-1, -2).reshape(len(z), -1)

        def analyse(z: Tensor) -> Tensor:
            return flip(z, dct)

        def synthesise(w: Tensor) -> Tensor:
            return flip(w, inverse_dct)

        device = self.matrix.device
        signs = torch.randint(0, 2, (PROBES, self.rows), generator=generator(0, "probes")).to(device) * 2.0 - 1
        met = signs * analyse(self.forward(self.adjoint(synthesise(signs))))
        values = met.mean(0).reshape(1, 1, *self.scan)
        for _ in range(2):  # nearly all of a probe's error is a neighbour's
            padded = torch.nn.functional.pad(values, (1, 1, 1, 1), mode="replicate")
            values = torch.nn.functional.avg_pool2d(padded, 3, stride=1)
        return GramEigenbasis(values.flatten().clamp_min(1e-4 * float(values.max())), analyse, synthesise)

    def interpolate(self, z: Tensor) -> Tensor:
        """Filtered back-projection (Ram-Lak filter in space, so that its mean is right), at the scale that explains z best."""
        angles, detectors = self.scan
        places = torch.arange(-detectors + 1, detectors, device=z.device)
        ramp = torch.where(places % 2 == 0, 0.0, -1 / (math.pi * places.double()).square().clamp_min(1e-9))
        ramp[detectors - 1] = 0.25
        size = 4 * detectors
        spectrum = torch.fft.rfft(z.double().reshape(-1, angles, detectors), n=size)
        filtered = torch.fft.irfft(spectrum * torch.fft.rfft(ramp, n=size), n=size)
        filtered = filtered[..., detectors - 1 : 2 * detectors - 1].reshape(len(z), -1)
        back = self.adjoint(filtered.to(z.dtype))
        again = self.forward(back)
        scale = (z * again).sum(1) / again.square().sum(1).clamp_min(1e-30)
        return scale.reshape(-1, 1, 1, 1) * back


def rays_of(
    angles: np.ndarray, detectors: int, spacing: float, source: float = math.inf, behind: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A point on every ray and its direction, (angles, detectors, 2) as (x, y) in pixels about the middle of the picture, x to
    the right and y upwards.

    Arguments: ``angles`` in radians, anticlockwise: at 0 rays run upwards and the detector counts to the right; ``spacing`` of
    the detectors in pixels; for a fan ``source`` and ``behind``, how far the source and the flat detector are from the middle.
    """
    across = np.stack([np.cos(angles), np.sin(angles)], -1)[:, None]
    along = np.stack([-np.sin(angles), np.cos(angles)], -1)[:, None]
    offset = (np.arange(detectors) - (detectors - 1) / 2)[None, :, None] * spacing
    if math.isinf(source):
        return offset * across, np.broadcast_to(along, (len(angles), detectors, 2))
    ends = offset * across + behind * along
    starts = np.broadcast_to(-source * along, ends.shape)
    return starts, (ends - starts) / np.linalg.norm(ends - starts, axis=-1, keepdims=True)


def ray_lengths(points: np.ndarray, ways: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Exact lengths of rays (rays, 2) in the pixels of a picture (Siddon, 1985, doi 10.1118/1.595715): numbers of rays, numbers
    of pixels in C order, and lengths in pixels, each (entries,), of what is not zero."""
    height, width = size
    crossings = []
    for axis, count in ((0, width), (1, height)):
        planes = np.arange(count + 1) - count / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings.append((planes - points[:, axis, None]) / ways[:, axis, None])
    x, y = (np.where(np.isfinite(c), c, np.nan) for c in crossings)
    # where the ray enters and leaves the picture: parallel to an axis, it does not leave it there
    low, high = np.full(len(points), -np.inf), np.full(len(points), np.inf)
    for c, axis, count in ((x, 0, width), (y, 1, height)):
        parallel = np.abs(ways[:, axis]) < 1e-12
        outside = parallel & (np.abs(points[:, axis]) >= count / 2)
        c[parallel] = np.nan
        first, last = (np.where(parallel, s * np.inf, f(c[:, 0], c[:, -1])) for s, f in ((-1, np.fmin), (1, np.fmax)))
        low, high = np.maximum(low, first), np.minimum(high, last)
        low[outside] = np.inf
    met = low < high
    low, high = np.where(met, low, 0.0), np.where(met, high, 0.0)
    cuts = np.concatenate([x, y], 1)
    cuts = np.sort(np.clip(np.where(np.isnan(cuts), low[:, None], cuts), low[:, None], high[:, None]), axis=1)
    lengths, middle = np.diff(cuts, axis=1), 0.5 * (cuts[:, 1:] + cuts[:, :-1])
    keep = lengths > 1e-9
    ray = np.broadcast_to(np.arange(len(points))[:, None], keep.shape)[keep]
    at = points[ray] + middle[keep][:, None] * ways[ray]
    column = np.clip(np.floor(at[:, 0] + width / 2).astype(np.int64), 0, width - 1)
    row = np.clip(np.floor(height / 2 - at[:, 1]).astype(np.int64), 0, height - 1)
    return ray, row * width + column, lengths[keep]


def make_scan(
    angles: np.ndarray, detectors: int, spacing: float, image_shape: tuple[int, int, int], source: float = math.inf,
    behind: float = 0.0,
) -> Operator:  # fmt: skip
    """The operator of a scan, as :func:`rays_of` describes it, of pictures of one channel or of each of several."""
    from scipy.sparse import csr_array

    height, width = image_shape[1:]
    radius = 0.5 * math.hypot(height, width)
    if source <= radius:
        raise InputError(
            f"The source, {source:g} pixels from the middle, lies within the picture; put it at least {radius:.0f} away."
        )
    points, ways = rays_of(np.asarray(angles, np.float64), detectors, spacing, source, behind)
    starts, columns, entries = [np.zeros(1, np.int64)], [], []
    for each, way in zip(points, ways, strict=True):
        ray, pixel, length = ray_lengths(each, way, (height, width))
        matrix = csr_array((length.astype(np.float32), (ray, pixel)), shape=(detectors, height * width))
        starts.append(starts[-1][-1] + matrix.indptr[1:].astype(np.int64))
        columns.append(matrix.indices)
        entries.append(matrix.data)
    made = ScanOperator(np.concatenate(starts), np.concatenate(columns), np.concatenate(entries), (1, height, width))
    made.scan = (len(angles), detectors)
    return made if image_shape[0] == 1 else PerChannel(made, image_shape[0])
