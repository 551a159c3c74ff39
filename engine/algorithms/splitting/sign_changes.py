"""What signs of single pixels tell of the contrast of a photograph: where noise decides a sign, neighbours differ.

Of two photographs whose signs are seen, the one whose neighbours differ more often is the fainter: its pixels lie nearer to the
threshold, within the noise. And one that is mostly above it (or below) is brighter (darker) on average, so farther from it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from engine.sensing.operators.bayer import MosaicOperator

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sensing.measurement import Measurement

__all__ = ["size_by_signs", "typical_size"]

PLAIN, UNEVEN, CHANGES, FINER, NOISY = -2.1388, 1.8976, -0.3562, -0.0936, 0.0587
"""Least squares of the logarithm of the size over 368 grey photographs (BSDS500's training set), at 64, 128 and 256 pixels a
side and seven noises. Residual of them 0.29 to 0.18 (0.29 without), of 22 others 0.33 to 0.20 (0.33), of portraits 0.18 to 0.12
(0.19)."""
KEPT = 0.85
"""Share of that size that a reconstruction has: details that no sign tells are not in it, and where it errs, less is nearer."""
USUAL_NOISE, LEAST_NOISE, MOST_NOISE = 0.02, 0.002, 0.2
LEAST_SIZE, MOST_SIZE = 0.13, 0.32
"""Nine of ten of these photographs lie between; signs that are nearly all alike would have the formula say more than white."""
LEAST_UNEVEN, LEAST_SHARE, FEWEST = 0.01, 1e-4, 200
"""Of pairs of pixels: the share that would differ at random and the one that differs are taken for at least this much, and fewer
pairs say nothing."""
BESIDE, ASKEW = ((0, 1), (1, 0)), ((1, 1), (1, -1))
"""Pairs that the formula is of, and those that a colour mosaic has: the diagonal neighbours of its green pixels."""
FARTHER = 0.1
"""What the logarithm of the size falls short by with diagonal pairs, which differ more often: 0.07 to 0.11 of a quarter of these
photographs, at 32, 64 and 128 pixels a side and noise 0.005 to 0.1."""


def typical_size(above: Tensor, noise: float) -> float | None:
    """The root-mean-square of x - threshold that is typical of pictures with such signs: ``above`` (channels, height, width) is 1
    above the threshold, 0 below, not-a-number where nothing was seen; ``noise`` (deviation, in units of x) was added before.
    None where too few pixels have neighbours."""
    seen = above.isfinite()
    farther = 0.0
    differ, pairs = _differing(above, BESIDE)
    if pairs < FEWEST:
        farther = FARTHER
        differ, pairs = _differing(above, ASKEW)
    if pairs < FEWEST:
        return None
    share = float(above[seen].double().mean())
    at_random = max(2 * share * (1 - share), LEAST_UNEVEN)
    changes = math.log(max(differ / pairs, LEAST_SHARE) / at_random)
    louder = math.log(min(max(noise, LEAST_NOISE), MOST_NOISE) / USUAL_NOISE)
    uneven = (share - 0.5) ** 2
    size = math.exp(PLAIN + farther + UNEVEN * uneven + (CHANGES + FINER * louder) * changes + NOISY * louder**2)
    return min(max(size, LEAST_SIZE), MOST_SIZE)


def _differing(above: Tensor, steps: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """How many pixels of the same colour, so many rows and columns apart, differ, and how many of them were seen."""
    height, width = above.shape[1:]
    differ = pairs = 0
    for down, right in steps:
        one = above[:, : height - down, max(-right, 0) : width - max(right, 0)]
        other = above[:, down:, max(right, 0) : width + min(right, 0)]
        both = one.isfinite() & other.isfinite()
        pairs += int(both.sum())
        differ += int(((one != other) & both).sum())
    return differ, pairs


def size_by_signs(measurement: Measurement) -> Tensor | None:
    """That of a reconstruction of each image (images,), from pixels, or blocks of them, seen each by itself; None where signs are
    of anything else, or some are swapped, which looks like noise."""
    channel, operator = measurement.channel, measurement.operator
    if measurement.lower is None or not operator.non_negative or getattr(channel, "flip", False):
        return None
    basis = operator.gram_eigenbasis()
    if basis is None or not basis.trivial:
        return None
    assert measurement.upper is not None
    # what is left out has no edge, and is no sign
    signs = measurement.lower.isfinite().float()
    signs = signs.masked_fill(~measurement.lower.isfinite() & ~measurement.upper.isfinite(), math.nan)
    sizes = []
    for above in signs:
        places = _by_colour(operator, above) if isinstance(operator, MosaicOperator) else operator.laid_out(above)
        if places is None or len(places) != operator.image_shape[0]:
            return None
        size = typical_size(places, measurement.noise)
        if size is None:
            return None
        sizes.append(KEPT * size)
    return torch.tensor(sizes, dtype=torch.float64, device=measurement.device)


def _by_colour(operator: MosaicOperator, above: Tensor) -> Tensor:
    """What a mosaic saw in its places, (channels, height, width), not-a-number in the colours that a pixel does not see:
    neighbours on the sensor differ in colour, and say nothing."""
    places, seen = operator.adjoint(torch.stack([above, torch.ones_like(above)]))
    return places.masked_fill(seen == 0, math.nan)
