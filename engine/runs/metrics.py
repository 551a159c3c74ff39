"""How good a reconstruction is. Images are float arrays in [0, 1], (channels, height, width); one number an image."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["cosine", "image_metrics", "psnr", "psnr_matched", "rmse", "snr_db", "ssim"]


def rmse(x: np.ndarray, truth: np.ndarray) -> float:
    """Root-mean-square error, unclipped."""
    return float(np.sqrt(np.mean((x.astype(np.float64) - truth) ** 2)))


def psnr(x: np.ndarray, truth: np.ndarray, clip: bool = True) -> float:
    """Peak signal-to-noise ratio in dB, data range 1, after clipping x to [0, 1] unless told not to; at most 100 dB."""
    error = rmse(np.clip(x, 0, 1) if clip else x, truth)
    return float(-20 * np.log10(max(error, 1e-5)))


def cosine(x: np.ndarray, truth: np.ndarray) -> float:
    """Uncentred cosine similarity; 0 where either image is all zero."""
    norms = float(np.linalg.norm(x) * np.linalg.norm(truth))
    return float(np.vdot(x.astype(np.float64), truth)) / norms if norms > 0 else 0.0


def psnr_matched(x: np.ndarray, truth: np.ndarray) -> float:
    """PSNR after giving x the norm of the truth: what one-bit measurements, which lose the amplitude, can be held to."""
    norm = float(np.linalg.norm(x))
    return psnr(x * (float(np.linalg.norm(truth)) / norm) if norm > 0 else x, truth)


def ssim(x: np.ndarray, truth: np.ndarray) -> float | None:
    """Structural similarity with Gaussian weights (sigma 1.5, data range 1); None below 11 pixels a side."""
    from skimage.metrics import structural_similarity

    if min(x.shape[1:]) < 11:
        return None
    value = structural_similarity(
        np.clip(x, 0, 1).astype(np.float64), truth.astype(np.float64),
        channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    return float(value)


def image_metrics(mean: np.ndarray, samples: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """All metrics of one image: ``*_mean`` of the posterior mean, ``*_sample`` averaged over samples (n, c, h, w)."""
    result: dict[str, float | None] = {}
    for name, measure in (("psnr", psnr), ("psnr_matched", psnr_matched), ("cosine", cosine), ("ssim", ssim)):
        values = [measure(sample, truth) for sample in samples]
        known = [v for v in values if v is not None]
        result[f"{name}_sample"] = float(np.mean(known)) if known else None
        result[f"{name}_mean"] = measure(mean, truth)
    return result


def snr_db(mean_row_norm_squared: float, noise: float, pixel_rms: float) -> float | None:
    """Signal-to-noise ratio of A x in dB for an image of root-mean-square pixel value ``pixel_rms``; None without noise."""
    if noise <= 0 or pixel_rms <= 0:
        return None
    return 10 * math.log10(mean_row_norm_squared * pixel_rms**2 / noise**2)
