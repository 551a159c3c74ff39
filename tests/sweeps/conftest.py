"""Sweeps that take a second: tiny pictures, a wavelet prior and few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.images import save_png

GRID = """
title = "A small grid"
images = "pictures"
batch = 2
documents = false

[fixed]
prior = "wavelet"
size = "8"
device = "cpu"

[axes]
operator.measurements = [20, 40, 60]
quantizer = ["one-bit", "uniform bits=2", "none"]

[axes.method]
lasso = { algorithm = "lasso iterations=20 penalty=0.05" }
biht = { algorithm = "biht iterations=5" }

[figure]
x = "operator.measurements"
y = ["psnr_mean", "cosine_mean"]
lines = "method"
"""


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder of eight pictures of 8 x 8."""
    rng, folder = np.random.default_rng(0), tmp_path / "pictures"
    folder.mkdir()
    for number in range(8):
        save_png(folder / f"picture-{number}.png", rng.random((1, 8, 8)).astype(np.float32))
    return folder


@pytest.fixture
def grid(pictures) -> Path:
    """The file of a sweep of 3 x 3 x 2 combinations."""
    path = pictures.parent / "grid.toml"
    path.write_text(GRID, encoding="utf-8")
    return path
