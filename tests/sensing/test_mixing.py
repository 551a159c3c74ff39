"""What the numbers of a matrix tell of the algorithm that suits it."""

import math

import numpy as np
import pytest
from scipy.linalg import hadamard

from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.mixing import mixes_at_random
from engine.sensing.quantizers import QUANTIZERS

SIDE = 16


def haar():
    """Rows of the orthonormal Haar transform of a picture, by scale."""
    one = np.array([[1.0]])
    while len(one) < SIDE:
        one = np.vstack([np.kron(one, [1, 1]), np.kron(np.eye(len(one)), [1, -1])]) / math.sqrt(2)
    return np.kron(one, one)


def matrices():
    draw = np.random.default_rng(0)
    walsh = np.kron(hadamard(SIDE), hadamard(SIDE))
    yield "gaussian", draw.standard_normal((60, SIDE**2)), True
    yield "one row", draw.standard_normal((1, SIDE**2)), True
    yield "signs of a fast transform", (walsh * draw.choice([-1, 1], SIDE**2))[::3], True
    yield "correlated", OPERATORS.parse("correlated measurements=64").build((1, SIDE, SIDE), 0).matrix.numpy(), True
    yield "colour", draw.standard_normal((40, 3 * SIDE**2)), True
    yield "patterns of light", draw.random((60, SIDE**2)), True
    yield "masks of zeros and ones", draw.integers(0, 2, (60, SIDE**2)).astype(float), True
    yield "brightness alone", np.ones((20, SIDE**2)), False
    yield "strips that repeat", np.tile(draw.standard_normal((60, SIDE**2 // 4)), 4), False
    yield "pixels", -np.eye(SIDE**2)[::2], False
    yield "Haar", haar()[draw.permutation(SIDE**2)[:128]], False
    changes = np.abs(np.diff(hadamard(SIDE), axis=1)).sum(1)
    yield "coarse Walsh patterns", walsh[np.argsort(np.add.outer(changes, changes).ravel(), kind="stable")][:128], False


@pytest.mark.parametrize(("name", "matrix", "mixes"), list(matrices()), ids=[m[0] for m in matrices()])
def test_the_advice_follows_the_numbers_of_an_own_matrix(tmp_path, name, matrix, mixes):
    assert mixes_at_random(matrix) is mixes
    np.save(tmp_path / "A.npy", matrix)
    operator = OPERATORS.parse(f"matrix file={tmp_path / 'A.npy'}")
    for prior in ("natural", "mnist"):
        advised = recommend(operator, QUANTIZERS.parse("none"), priors().parse(prior))[0]
        assert advised == ("turbo" if mixes else "split-gibbs")


def test_cells_of_light_are_left_to_exact_draws(tmp_path):
    np.save(tmp_path / "A.npy", np.random.default_rng(0).integers(0, 2, (60, SIDE**2)).astype(float))
    operator = OPERATORS.parse(f"matrix file={tmp_path / 'A.npy'}")
    advised = {
        q: recommend(operator, QUANTIZERS.parse(q), priors().parse("natural"))[0] for q in ("none", "uniform bits=3")
    }
    assert advised == {"none": "turbo", "uniform bits=3": "split-gibbs"}
