"""Fast transforms against scipy and against orthonormality."""

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import torch

from engine.sensing.operators import orthonormal

SIZES = [1, 2, 3, 8, 12, 49, 64, 98, 784]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", ["dct", "dft", "hadamard"])
def test_inverse_is_the_transpose(name, n):
    forward, inverse = getattr(orthonormal, name), getattr(orthonormal, f"inverse_{name}")
    eye = torch.eye(n, dtype=torch.float64)
    matrix = forward(eye)
    assert torch.allclose(matrix @ matrix.T, eye, atol=1e-10)
    assert torch.allclose(inverse(eye), matrix.T, atol=1e-10)


@pytest.mark.parametrize("n", SIZES)
def test_dct_is_scipys(n):
    x = np.random.default_rng(0).normal(size=(3, n))
    assert np.allclose(orthonormal.dct(torch.from_numpy(x)).numpy(), scipy.fft.dct(x, norm="ortho"), atol=1e-12)


def test_hadamard_is_scipys_for_powers_of_two():
    matrix = orthonormal.hadamard(torch.eye(64, dtype=torch.float64)).numpy()
    assert np.allclose(matrix, scipy.linalg.hadamard(64) / 8)
    blocks = orthonormal.hadamard(torch.eye(12, dtype=torch.float64)).numpy().T
    want = np.kron(scipy.fft.dct(np.eye(3), norm="ortho", axis=0), scipy.linalg.hadamard(4) / 2)
    assert np.allclose(blocks, want)


def test_single_precision_is_kept():
    for name in ("dct", "inverse_dct", "dft", "inverse_dft", "hadamard", "inverse_hadamard"):
        assert getattr(orthonormal, name)(torch.rand(2, 98)).dtype == torch.float32
