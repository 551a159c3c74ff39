"""The contract of every operator: adjoint, row norms, eigenbasis, seeds, memory."""

import math

import pytest
import torch

from engine.errors import InputError
from engine.operators import OPERATORS
from engine.operators.base import refuse_if_too_large

SHAPES = [(1, 8, 8), (3, 5, 7)]
ALL = list(OPERATORS.choices)


def build(name, shape, seed=0):
    settings = OPERATORS.get(name).settings()
    values = {"measurements": 24} if "measurements" in settings else {}
    return OPERATORS.make(name, values).build(shape, seed)


def dense(operator):
    pixels = math.prod(operator.image_shape)
    return operator.forward(torch.eye(pixels).reshape(pixels, *operator.image_shape)).T.double()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ALL)
def test_adjoint_dot_test(name, shape):
    operator = build(name, shape)
    x, z = torch.randn(5, *shape, dtype=torch.float64), torch.randn(5, operator.rows, dtype=torch.float64)
    left = (operator.forward(x) * z).sum(1)
    right = (x * operator.adjoint(z)).flatten(1).sum(1)
    assert torch.allclose(left, right, rtol=1e-6, atol=1e-6 * float(left.abs().max()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ALL)
def test_row_norms_and_eigenbasis_are_exact(name, shape):
    operator = build(name, shape)
    matrix = dense(operator)
    assert torch.allclose(operator.row_norms_squared(), matrix.square().sum(1), rtol=1e-5)
    basis = operator.gram_eigenbasis()
    if basis is not None:
        z = torch.randn(3, operator.rows, dtype=torch.float64)
        assert torch.allclose(basis.synthesise(basis.analyse(z)), z, atol=1e-5)
        product = basis.synthesise(basis.values.double() * basis.analyse(z))
        assert torch.allclose(product, z @ (matrix @ matrix.T), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_seed_fixes_the_operator_and_scale_is_the_convention(name):
    first, again, other = (dense(build(name, (1, 16, 16), seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.square().sum()) == pytest.approx(256, rel=0.05)


def test_memory_is_refused_before_allocation():
    with pytest.raises(InputError, match="GB"):
        OPERATORS.parse("gaussian measurements=10000000").build((3, 512, 512), 0)
    refuse_if_too_large(1000, "It", "nothing")


@pytest.mark.parametrize("name", ALL)
def test_memory_usage_is_within_the_estimate(name):
    operator = build(name, (1, 16, 16))
    settings = OPERATORS.get(name).settings()
    choice = OPERATORS.make(name, {"measurements": 24} if "measurements" in settings else {})
    assert 0 < operator.memory_usage() <= choice.memory_for((1, 16, 16))
    assert choice.rows_for((1, 16, 16)) == operator.rows
