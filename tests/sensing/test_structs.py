"""Measurements in MATLAB structs of other programs: a scan with its geometry, or entries within one struct."""

import numpy as np
import pytest
import torch
from scipy.io import savemat

from engine.errors import InputError
from engine.sensing.entries import assemble
from engine.sensing.files import load_measurement, read_pieces

ANGLES = np.arange(0, 60, 5.0)
PARAMETERS = {
    "geometryType": "Cone", "distanceSourceOrigin": 400.0, "distanceSourceDetector": 600.0, "pixelSize": 0.05,
    "pixelSizePost": 0.3, "angles": ANGLES, "projectName": "a disc",
}  # fmt: skip


def written(path, sinogram, **parameters):
    scan = {"type": "2d", "sinogram": sinogram, "parameters": PARAMETERS | parameters}
    savemat(path, {"CtDataLimited": scan})
    return path


def test_a_scan_with_its_geometry(tmp_path):
    pieces = read_pieces(written(tmp_path / "scan.mat", np.full((12, 20), 2.0)))
    assert pieces["y"].shape == (12, 20)
    assert str(pieces["gain"]) == "auto"
    measurement = assemble(pieces)
    assert measurement.operator.image_shape == (1, 20, 20)  # one pixel for each detector, at the axis
    # a disc of 3 pixels about the axis is 6 long wherever it is looked from, and the shadow is the magnification times as wide
    y, x = np.mgrid[:20, :20] - 9.5
    disc = torch.from_numpy((np.hypot(x, y) < 3).astype(np.float32))[None, None]
    sinogram = measurement.predict(disc).reshape(12, 20)
    assert sinogram[:, 9:11].mean() == pytest.approx(6, abs=0.4)
    assert sinogram.mean(0).numpy() == pytest.approx(sinogram.mean(0).flip(0).numpy(), abs=0.3)
    assert sinogram.sum(1).numpy() == pytest.approx(float(disc.sum()), rel=0.1)
    turned = read_pieces(written(tmp_path / "turned.mat", np.ones((20, 12))))
    assert turned["y"].shape == (12, 20)


def test_scans_side_by_side_need_no_distances():
    seen = {"y": np.ones((4, 9)), "angles": np.array([0, 30, 60, 90.0]), "noise": np.array(0.1)}
    operator = assemble(seen).operator
    assert operator.image_shape == (1, 9, 9)
    assert operator.forward(torch.ones(1, 1, 9, 9)).reshape(4, 9)[0] == pytest.approx(torch.full((9,), 9.0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"angles": ANGLES[1:]}, "one line of it for each angle"),
        ({"geometryType": "spiral"}, "'spiral' of the scan is not known"),
        ({"distanceSourceDetector": 300.0}, "larger 'distanceSourceDetector'"),
        ({"distanceSourceOrigin": "far"}, "'parameters.distanceSourceOrigin' must be one number above 0"),
    ],
)
def test_scans_that_lack_something(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        read_pieces(written(tmp_path / "scan.mat", np.ones((12, 20)), **changed))


def test_entries_of_a_struct(tmp_path):
    rows = np.random.default_rng(0).normal(size=(6, 16))
    savemat(tmp_path / "m.mat", {"data": {"y": rows @ np.ones(16), "A": rows, "shape": [4, 4], "noise": 0.1}})
    assert load_measurement(tmp_path / "m.mat").operator.rows == 6


@pytest.mark.parametrize(
    "entries",
    [{"angles": np.arange(5.0)}, {"angles": np.arange(4.0), "source": np.array(3.0)}, {"angles": np.array([1j] * 4)}],
)
def test_scans_that_do_not_fit(entries):
    with pytest.raises(InputError, match=r"scan|angles"):
        assemble({"y": np.ones((4, 9)), "noise": np.array(0.1)} | entries)
