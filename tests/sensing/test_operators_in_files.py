"""Measurement files that hold an instrument: a kernel, a sparse matrix, rows of a fast transform."""

import numpy as np
import pytest
import scipy.sparse
import torch

from engine.errors import InputError
from engine.runs.job import prepare
from engine.runs.spec import RunSpec
from engine.sensing.entries import assemble
from engine.sensing.files import load_measurement
from engine.sensing.operators.from_arrays import operator_from
from engine.sensing.own import instrument_of

SCENE = np.random.default_rng(0).random((1, 16, 12)).astype(np.float32)
KERNEL = np.random.default_rng(1).random((3, 5)).astype(np.float32)


def seen_through(kernel):
    """The part of the scene's convolution that sees nothing from beyond it."""
    height, width = (n - k + 1 for n, k in zip(SCENE.shape[1:], kernel.shape, strict=True))
    turned = kernel[::-1, ::-1]
    rows = [[(SCENE[0, i : i + 3, j : j + 5] * turned).sum() for j in range(width)] for i in range(height)]
    return np.array(rows, np.float32)


def test_a_kernel_sees_a_part_of_a_larger_scene():
    y = seen_through(KERNEL)
    measurement = assemble({"y": y, "kernel": KERNEL, "noise": np.array(0.01)})
    assert measurement.operator.image_shape == (1, 16, 12)
    assert measurement.predict(torch.from_numpy(SCENE)[None]).numpy() == pytest.approx(y.reshape(1, -1), abs=1e-5)
    found = instrument_of({"y": y, "kernel": KERNEL})
    assert not found.operator.random_like
    assert not found.operator.has_eigenbasis
    assert found.operator.rows_for((1, 16, 12)) == y.size
    whole = assemble({"y": np.ones((16, 12)), "kernel": KERNEL, "sensor": np.array([16, 12]), "noise": np.array(0.1)})
    assert whole.operator.rows == 16 * 12


def test_a_sparse_matrix_is_never_made_dense():
    matrix = scipy.sparse.random_array((50, 192), density=0.05, rng=np.random.default_rng(0)).tocsr()
    pieces = {"y": matrix @ SCENE.ravel(), "indptr": matrix.indptr, "indices": matrix.indices, "data": matrix.data}
    measurement = assemble(pieces | {"shape": np.array([16, 12]), "noise": np.array(0.1)})
    x = torch.from_numpy(SCENE)[None]
    assert measurement.predict(x).numpy()[0] == pytest.approx(matrix @ SCENE.ravel(), abs=1e-5)
    assert not instrument_of(pieces).operator.has_eigenbasis


def test_rows_of_a_transform_by_their_numbers():
    index = np.array([0, 5, 17])
    pieces = {"transform": np.array("dct"), "index": index, "scale": np.array(2.0)}
    operator = operator_from(pieces, (1, 16, 12))
    every = operator_from({"transform": np.array("dct")}, (1, 16, 12))
    x = torch.from_numpy(SCENE)[None]
    assert torch.allclose(operator.forward(x), 2 * every.forward(x)[:, index], atol=1e-6)
    assert instrument_of(pieces | {"y": np.ones(3) * 0.3}).operator.orthogonal_rows


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ({"kernel": np.zeros((3, 3))}, "measures nothing"), ({"kernel": KERNEL, "A": np.eye(3)}, "both 'A' and 'kernel'"),
        ({"kernel": np.ones((40, 40))}, "leaves nothing"), ({"kernel": KERNEL, "sensor": np.array([3])}, "height and width"),
        ({"indptr": np.array([0, 1])}, "'indices' is missing"), ({"transform": np.array("fourier")}, "is not known"),
        ({"transform": np.array("dct"), "index": np.array([0, 500])}, "numbered from 0 to 191"),
        ({"transform": np.array("dct"), "index": np.array([0.5])}, "whole numbers"),
        ({"transform": np.array("dct"), "scale": np.array(0.0)}, "one number other than 0"),
        ({"kernel": np.full((3, 3), np.nan)}, "kernel"),
    ],
)  # fmt: skip
def test_what_is_no_instrument_is_refused(pieces, said):
    with pytest.raises(InputError, match=said):
        assemble({"y": np.full(3, 0.3), "noise": np.array(0.1), "shape": np.array([16, 12])} | pieces)


def test_a_blurred_photograph_is_given_as_a_file(tmp_path):
    np.savez(tmp_path / "seen.npz", y=seen_through(KERNEL / KERNEL.sum()), kernel=KERNEL / KERNEL.sum(), noise=0.01)
    assert load_measurement(tmp_path / "seen.npz").operator.image_shape == (1, 16, 12)
    spec = RunSpec(
        measurement=str(tmp_path / "seen.npz"), prior="natural", algorithm="plug-and-play steps=6", device="cpu"
    )
    job = prepare(spec)
    for _ in job.stream():
        pass
    result = job.reconstructions()[0]
    assert result.mean.shape == (1, 16, 12)
    assert np.sqrt(np.mean((result.mean - SCENE) ** 2)) < np.sqrt(np.mean((SCENE.mean() - SCENE) ** 2))
