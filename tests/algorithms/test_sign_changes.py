"""What signs of single pixels tell of the contrast."""

import math

import numpy as np
import pytest
import torch

from engine.algorithms.splitting.contrast import KeptContrast
from engine.algorithms.splitting.sign_changes import KEPT, LEAST_SIZE, MOST_SIZE, size_by_signs, typical_size
from engine.images import load_image
from engine.images.bundled import sample_path
from engine.priors.library import priors
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS


def signs_of(operator="identity", quantizer="one-bit", noise=0.02, contrast=1.0, side=64, pictures=1):
    pixels = load_image(sample_path("sample:photo-camera")).pixels.mean(0)
    step = min(pixels.shape) // side
    part = pixels[: side * step, : side * step].reshape(side, step, side, step).mean((1, 3))
    x = torch.from_numpy(0.5 + contrast * (part - 0.5)).float()[None, None].repeat(pictures, 1, 1, 1)
    made = OPERATORS.parse(operator).build((1, side, side), 0)
    return simulate(x, made, QUANTIZERS.parse(quantizer), noise, 0, offset=0.5)


def stripes(side):
    """Columns, four and four in turn above and below."""
    return torch.from_numpy(np.indices((side, side))[1] // 4 % 2).float()[None]


def test_the_formula_on_stripes():
    # 48 of 480 pairs differ, half would at random
    changes = math.log(48 / 480 / 0.5)
    assert typical_size(stripes(16), 0.02) == pytest.approx(math.exp(-2.1388 - 0.3562 * changes))
    louder = math.log(5)
    told = math.exp(-2.1388 + (-0.3562 - 0.0936 * louder) * changes + 0.0587 * louder**2)
    assert typical_size(stripes(16), 0.1) == pytest.approx(told)
    assert typical_size(stripes(16)[:, :8, :8], 0.02) is None  # too few pairs


def test_signs_that_no_photograph_has_say_what_photographs_have():
    board = torch.from_numpy(np.indices((16, 16)).sum(0) % 2).float()[None]
    assert typical_size(board, 0.02) == LEAST_SIZE
    for alike in (torch.zeros(1, 16, 16), torch.ones(1, 16, 16)):
        assert typical_size(alike, 0.02) == MOST_SIZE


def test_pixels_that_were_not_seen_count_nowhere():
    hidden = stripes(32)
    hidden[:, 16:] = math.nan
    assert typical_size(hidden, 0.05) == pytest.approx(typical_size(stripes(32)[:, :16], 0.05))


def test_what_is_held_out_is_no_sign():
    whole = signs_of(noise=0.1)
    part = hold_out(whole, 0.3, 0).fitted
    assert bool((~part.lower.isfinite() & ~part.upper.isfinite()).any())
    # taken for signs below the threshold they would look like speckle, a picture of half the contrast
    assert float(size_by_signs(part)) == pytest.approx(float(size_by_signs(whole)), rel=0.05)


def test_a_fainter_picture_is_told_by_its_speckle():
    sizes = [float(size_by_signs(signs_of(noise=0.1, contrast=c))) for c in (1.0, 0.5, 0.25)]
    assert sizes[0] > 1.15 * sizes[1] > 1.3 * sizes[2]


@pytest.mark.parametrize("operator", ["gaussian measurements=400", "blur"])
def test_signs_of_anything_but_pixels_say_nothing(operator):
    assert size_by_signs(signs_of(operator)) is None


def test_diagonal_neighbours_tell_where_there_are_no_others():
    greens = stripes(32)
    greens[0, np.indices((32, 32)).sum(0) % 2 == 0] = math.nan
    # of 961 diagonal pairs of greens, 31 at each of seven edges differ
    changes = math.log(7 * 31 / 961 / 0.5)
    assert typical_size(greens, 0.02) == pytest.approx(math.exp(-2.1388 + 0.1 - 0.3562 * changes))


def test_a_mosaic_is_told_by_its_greens_alone():
    mosaic = OPERATORS.parse("bayer").build((3, 64, 64), 0)
    grey = signs_of(noise=0.1).truth.repeat(1, 3, 1, 1)
    tinted = grey * torch.tensor([0.2, 1.0, 1.0]).reshape(1, 3, 1, 1)
    plain, red = (
        float(size_by_signs(simulate(x, mosaic, QUANTIZERS.parse("one-bit"), 0.1, 0, offset=0.5)))
        for x in (grey, tinted)
    )
    # as neighbours of a grey picture tell; differences of colours are no speckle
    assert plain == pytest.approx(float(size_by_signs(signs_of(noise=0.1))), rel=0.1)
    assert red > 0.95 * plain


def test_swapped_signs_say_nothing():
    assert size_by_signs(signs_of(quantizer="one-bit flip=0.1")) is None


@pytest.mark.parametrize("operator", ["identity", "inpainting measurements=2048", "super-resolution factor=2"])
def test_it_is_the_contrast_that_is_kept(operator):
    measurement = signs_of(operator, pictures=2)
    prior = priors().parse("natural").load("cpu", (1, 64, 64))
    kept = KeptContrast.of(measurement, prior)
    places = measurement.operator.laid_out(measurement.lower[1].isfinite().float())
    assert float(kept.size[1]) == pytest.approx(KEPT * typical_size(places, 0.02))
    restored = kept.restore(measurement.simple_estimate())
    assert torch.allclose(kept.size_of(restored), kept.size, rtol=1e-4)
