"""Metrics and running moments against direct formulas."""

import numpy as np
import pytest

from engine.runs.metrics import cosine, image_metrics, psnr, psnr_matched, ssim
from engine.runs.posterior import RunningMoments


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return rng.random((1, 16, 16)).astype(np.float32), rng.random((1, 16, 16)).astype(np.float32)


def test_psnr_and_cosine(pair):
    x, truth = pair
    assert psnr(x, truth) == pytest.approx(-10 * np.log10(np.mean((x - truth) ** 2)), rel=1e-5)
    assert psnr(x + 5, truth) == pytest.approx(psnr(np.ones_like(x), truth))
    assert cosine(3 * x, x) == pytest.approx(1.0)
    assert cosine(np.zeros_like(x), x) == 0.0
    assert psnr(truth, truth) == pytest.approx(100)


def test_matched_psnr_ignores_amplitude(pair):
    x, truth = pair
    assert psnr_matched(0.3 * x, truth) == pytest.approx(psnr_matched(x, truth), rel=1e-4)


def test_ssim(pair):
    x, truth = pair
    assert ssim(truth, truth) == pytest.approx(1.0)
    assert ssim(x, truth) < 0.5
    assert ssim(x[:, :8, :8], truth[:, :8, :8]) is None


def test_image_metrics_average_over_samples(pair):
    x, truth = pair
    values = image_metrics(truth, np.stack([x, truth]), truth)
    assert values["psnr_sample"] == pytest.approx((psnr(x, truth) + 100) / 2)
    assert values["psnr_mean"] == pytest.approx(100)
    assert image_metrics(x, np.zeros((0, 1, 16, 16)), truth)["psnr_sample"] is None


def test_running_moments_merge_to_the_direct_result():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(11, 1, 4, 4)) + 100
    moments, other = RunningMoments(), RunningMoments()
    assert moments.mean is None
    moments.add(samples[:1])
    assert moments.std is None
    moments.add(samples[1:4])
    other.add(samples[4:])
    moments.merge(other)
    assert moments.count == 11
    assert np.allclose(moments.mean, samples.mean(0), rtol=1e-6)
    assert np.allclose(moments.std, samples.std(0, ddof=1), rtol=1e-5)
