"""Correlated matrices without an N x N root are those with one."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm, toeplitz

from engine.seeds import generator
from engine.sensing.operators import OPERATORS


@pytest.mark.parametrize("rho", [0.0, 0.4, 0.9, 0.999])
@pytest.mark.parametrize("convention", ["root", "element-wise"])
def test_against_dense_roots(rho, convention):
    made = OPERATORS.parse(f"correlated measurements=12 rho={rho} convention={convention}").build((1, 5, 7), 3)
    core = torch.randn((12, 35), generator=generator(3, "matrix"), dtype=torch.float64).numpy() / np.sqrt(12)

    def root(size):
        dense = toeplitz(rho ** np.arange(size))
        return np.sqrt(dense) if convention == "element-wise" else np.real(sqrtm(dense))

    assert np.allclose(made.matrix.numpy(), root(12) @ core @ root(35), atol=3e-6)
