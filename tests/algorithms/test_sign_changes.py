"""What signs of single pixels tell of the contrast."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import Draws
from engine.algorithms.splitting.contrast import GUESS, NOTE, PLAIN, KeptContrast
from engine.algorithms.splitting.sign_changes import KEPT, LEAST_SIZE, MOST_SIZE, size_by_signs, typical_size
from engine.images import load_image
from engine.images.bundled import sample_path
from engine.priors.library import priors
from engine.runs.metrics import psnr
from engine.sensing.holding_out import hold_out
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.weighted_rows import WeightedRows
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


@pytest.mark.parametrize(
    ("operator", "seen"),
    [("patterns", (0.95, 1)), ("patterns transform=haar", (0.95, 1)), ("patterns order=random", (0.1, 0.3))],
)
def test_signs_of_patterns_leave_a_guess_of_what_is_seen(operator, seen):
    prior = priors().parse("natural").load("cpu", (1, 64, 64))
    measurement = signs_of(operator, pictures=2)
    kept = KeptContrast.typical(measurement, prior)
    shares = (kept.size / (GUESS * prior.contrast[0])) ** 2
    assert seen[0] < float(shares[0]) <= seen[1] and float(shares[0]) == float(shares[1])
    restored = kept.restore(measurement.simple_estimate())
    assert torch.allclose((restored - kept.pivot).double().square().mean((1, 2, 3)).sqrt(), kept.size, rtol=1e-4)


def test_a_row_of_zeros_says_nothing_of_what_patterns_see():
    prior = priors().parse("natural").load("cpu", (1, 64, 64))
    seen = signs_of("patterns measurements=64")
    weights = torch.ones(64)
    weights[5] = 0
    blind = replace(seen, operator=WeightedRows(seen.operator, weights))
    kept = KeptContrast.typical(blind, prior)
    assert kept is not None and 0.9 < float(kept.size[0] / KeptContrast.typical(seen, prior).size[0]) <= 1


@pytest.mark.parametrize(
    "operator", ["gaussian measurements=400", "dct measurements=400", "hadamard measurements=400", "tomography"]
)
def test_signs_of_other_rows_leave_what_is_typical_of_pictures(operator):
    """Of the pixels, not of the response, which another picture of the same contrast may have a quarter of."""
    prior = priors().parse("natural").load("cpu", (1, 64, 64))
    measurement = signs_of(operator, pictures=2)
    assert KeptContrast.typical(measurement, prior) is None
    kept = KeptContrast.of(measurement, prior)
    restored = kept.restore(measurement.simple_estimate())
    sizes = (restored - kept.pivot).double().square().mean((1, 2, 3)).sqrt()
    assert torch.allclose(sizes, torch.full((2,), PLAIN * prior.contrast[0], dtype=torch.float64), rtol=1e-4)


def test_whoever_knows_the_contrast_keeps_it():
    measurement = signs_of("patterns")
    digits = priors().parse("mnist").load("cpu", (1, 28, 28))
    assert KeptContrast.typical(measurement, digits) is None
    natural = priors().parse("natural").load("cpu", (1, 64, 64))
    assert KeptContrast.typical(signs_of("patterns", "uniform bits=2"), natural) is None
    assert KeptContrast.typical(signs_of("patterns", "dithered"), natural) is None


@pytest.mark.parametrize("operator", ["inpainting measurements=512", "patterns measurements=256"])
def test_split_gibbs_shows_signs_at_the_contrast_that_is_typical(operator):
    prior = priors().parse("natural").load("cpu", (1, 32, 32))
    measurement = signs_of(operator, side=32)
    kept = KeptContrast.typical(measurement, prior)
    method = ALGORITHMS.parse("split-gibbs anneal=20 hold=3")
    for last in method.iterates(measurement, prior, Draws(0, samples=(0, 1))):
        assert last.mean is None or torch.allclose(kept.size_of(last.mean), kept.size, rtol=1e-3)
    assert last.mean is not None and last.note == NOTE
    # every sample has one of its own, since it is a guess
    sizes = kept.size_of(last.x)
    assert abs(math.log(float(sizes[0] / sizes[1]))) > 0.02
    alone = list(method.iterates(measurement, prior, Draws(0, samples=(1,))))[-1]
    assert torch.allclose(alone.x[0], last.x[1], atol=1e-4)
    truth = measurement.truth[0].numpy()
    flat = np.full_like(truth, truth.mean())
    assert psnr(last.mean[0].clamp(0, 1).numpy(), truth) > psnr(flat, truth) + 1
