"""Whether rows see neighbouring pixels alone is told from the numbers, in whatever form a file holds them."""

import numpy as np
import pytest
import scipy.sparse

from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.neighbours import sees_neighbours
from engine.sensing.own import instrument_of

RNG = np.random.default_rng(0)
SIDE = 16
PIXELS = SIDE * SIDE
HILL = np.exp(-((np.arange(7) - 3) ** 2) / 2)
KERNEL = np.outer(HILL, HILL) / HILL.sum() ** 2
SCATTERED = (RNG.random((SIDE, SIDE)) < 0.05) / 13.0


def blocks():
    """Means of 2 x 2 pixels."""
    pooled = np.kron(np.eye(SIDE // 2), [0.5, 0.5])
    return np.kron(pooled, pooled)


def sparse(matrix):
    made = scipy.sparse.csr_array(matrix)
    return {"indptr": made.indptr, "indices": made.indices, "data": made.data, "y": np.full(len(matrix), 0.3)}


def matrix(numbers):
    return {"A": numbers, "y": np.full(len(numbers), 0.3)}


SHAPE, SEEN = {"shape": np.array([SIDE, SIDE])}, {"y": np.full((SIDE, SIDE), 0.3), "sensor": np.array([SIDE, SIDE])}


@pytest.mark.parametrize(
    ("pieces", "algorithm"),
    [
        ({"kernel": KERNEL} | SEEN, "lasso"),
        ({"kernel": SCATTERED} | SEEN, "convex-concave"),
        (matrix(blocks()), "lasso"),
        (matrix(RNG.normal(size=(60, PIXELS))), "convex-concave"),
        (matrix(RNG.random((60, PIXELS))), "convex-concave"),
        (sparse(blocks()), "lasso"),
        (sparse((RNG.random((60, PIXELS)) < 0.1) * 1.0), "convex-concave"),
        ({"transform": np.array("hadamard"), "y": np.full(PIXELS, 0.3)}, "convex-concave"),
    ],
)
def test_two_grey_levels_are_pushed_apart_only_where_rows_see_more_than_neighbours(pieces, algorithm):
    seen = instrument_of(pieces | SHAPE)
    assert seen.operator.sees_neighbours == (algorithm == "lasso")
    assert recommend(seen.operator, seen.quantizer, priors().parse("two-valued"))[0] == algorithm


def test_operators_know_whether_their_rows_do():
    near = {
        n for n in [d["name"] for d in OPERATORS.describe()] if n != "matrix" and OPERATORS.parse(n).sees_neighbours
    }
    assert near == {"identity", "inpainting", "bayer", "blur", "super-resolution"}


def test_a_matrix_file_is_asked_itself(tmp_path):
    np.save(tmp_path / "near.npy", blocks())
    np.save(tmp_path / "far.npy", RNG.normal(size=(60, PIXELS)))
    found = [OPERATORS.parse(f"matrix file={tmp_path / n}.npy").sees_neighbours for n in ("near", "far")]
    assert found == [True, False]


def test_a_ray_sees_more_than_neighbours_and_nothing_sees_nothing():
    assert not sees_neighbours(np.eye(SIDE)[None] * 1.0)
    assert not sees_neighbours(np.zeros((3, SIDE, SIDE)))
