"""What samples say about pixels: against closed forms, and calibration on samples that are right, too sure, too cautious."""

import numpy as np
import pytest

from engine.runs.uncertainty import brighter, calibration_of, interval_width, pixel_belief, probability_above

SHAPE = (1, 40, 50)


def drawn(spread, count=24, seed=0):
    """Samples about a mean, and a truth that lies about it with deviation 0.1."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(0.3, 0.7, SHAPE)
    samples = mean + spread * rng.standard_normal((count, *SHAPE))
    return (
        samples.astype(np.float32),
        mean.astype(np.float32),
        (mean + 0.1 * rng.standard_normal(SHAPE)).astype(np.float32),
    )


def test_a_calibrated_sampler_is_called_so():
    found = calibration_of(*drawn(0.1))
    assert np.allclose(found.covered, found.nominal, atol=0.03)
    assert np.allclose(found.pit, 0.1, atol=0.03)
    assert sum(found.pit) == pytest.approx(1)
    assert found.ratio == pytest.approx(1, abs=0.05)
    assert "well calibrated" in found.sentence


@pytest.mark.parametrize(("spread", "words"), [(0.045, "too sure"), (0.25, "too cautious")])
def test_the_other_two_are_named(spread, words):
    found = calibration_of(*drawn(spread))
    assert words in found.sentence
    middle = sum(found.pit[3:7])
    assert middle < 0.35 if words == "too sure" else middle > 0.5


def test_nothing_is_said_where_nothing_can_be():
    samples, mean, truth = drawn(0.1)
    assert calibration_of(samples[:7], mean, truth) is None
    assert calibration_of(samples, mean, None) is None
    assert calibration_of(np.repeat(mean[None], 9, 0), mean, truth) is None


def test_pixels_and_pairs():
    samples = np.zeros((99, 1, 2, 2), np.float32)
    samples[:, 0, 0, 0] = np.linspace(0, 1, 99)
    samples[:, 0, 0, 1] = 0.25
    belief = pixel_belief(samples, np.full((1, 2, 2), 0.99, np.float32), 0, 0)
    assert (belief.low, belief.high) == pytest.approx((0.05, 0.95))
    assert "outside" in belief.words()
    assert "inside" in pixel_belief(samples, np.full((1, 2, 2), 0.5, np.float32), 0, 0).words()
    assert "truth" not in pixel_belief(samples, None, 0, 0).words()
    assert brighter(samples, (0, 0), (0, 1)) == pytest.approx(0.75, abs=0.02)
    assert brighter(samples, (1, 0), (0, 0)) < 0.02
    assert interval_width(samples)[0, 0] == pytest.approx(0.9)
    assert interval_width(samples)[1, 1] == 0
    assert probability_above(samples, 0.5)[0, 0] == pytest.approx(0.5, abs=0.02)
    assert probability_above(samples, 0.2)[0, 1] == 1


def test_colour_is_judged_by_its_grey():
    samples = np.zeros((9, 3, 2, 2), np.float32)
    samples[:, 0] = 0.9
    assert pixel_belief(samples, None, 0, 0).mean == pytest.approx(0.3)
