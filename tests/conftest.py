"""Shared fixtures: a data folder of the test's own, one torch thread, and tiny pictures."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share two cores
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    """No test reads or writes the user's own priors and drawings."""
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))


@pytest.fixture
def digit() -> np.ndarray:
    """A bundled digit, (1, 28, 28)."""
    from engine.images import load_image
    from engine.images.bundled import sample_path

    return load_image(sample_path("sample:digit-3")).pixels
