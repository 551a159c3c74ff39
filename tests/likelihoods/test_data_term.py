"""The exact data term: against automatic differentiation, finite differences and its Lipschitz constant."""

import pytest
import torch

from engine.likelihoods.data_term import DataTerm
from engine.seeds import generator
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 6, 6)
OPERATOR_NAMES = ("gaussian measurements=20", "dct measurements=20", "inpainting", "blur", "super-resolution factor=2",
                  "phase-retrieval")  # fmt: skip
QUANTIZER_NAMES = ("none", "one-bit", "one-bit flip=0.1", "uniform bits=3", "dithered", "dithered known=false",
                   "dithered kind=logistic known=false")  # fmt: skip


def term_of(operator, quantizer, noise=0.1):
    truth = torch.rand((2, *SHAPE), generator=generator(0, "truth"))
    made = OPERATORS.parse(operator).build(SHAPE, 1)
    return DataTerm(simulate(truth, made, QUANTIZERS.parse(quantizer), noise, 2, offset=0.2))


@pytest.mark.parametrize("operator", OPERATOR_NAMES)
@pytest.mark.parametrize("quantizer", QUANTIZER_NAMES)
def test_gradient_is_that_of_the_value_by_finite_differences(operator, quantizer):
    term = term_of(operator, quantizer)
    x, direction = (torch.rand((2, *SHAPE), generator=generator(3, "x", i), dtype=torch.float64) for i in range(2))
    h = 1e-3  # operators may compute in single precision
    numeric = (term.value(x + h * direction) - term.value(x - h * direction)) / (2 * h)
    slope = (term.gradient(x) * direction).flatten(1).sum(1)
    assert torch.allclose(slope, numeric, rtol=2e-3, atol=2e-2)


def test_value_is_the_sum_of_the_log_probabilities_and_its_gradient_is_autodiff_s():
    term = term_of("gaussian measurements=20", "uniform bits=3")
    seen = term.measurement
    x = torch.rand((2, *SHAPE), generator=generator(4, "x")).requires_grad_(True)
    from engine.sensing.cells import cell_log_prob

    z = seen.predict(x).double()
    value = -cell_log_prob(seen.lower, seen.upper, z, torch.full_like(z, term.variance)).sum(1)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    mine, slope = term.value_and_gradient(x.detach())
    assert torch.allclose(mine, value.detach(), rtol=1e-9)
    assert torch.allclose(slope, gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("operator", [n for n in OPERATOR_NAMES if n != "phase-retrieval"])
@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=3", "dithered known=false"])
def test_lipschitz_constant_bounds_the_change_of_the_gradient(operator, quantizer):
    term = term_of(operator, quantizer)
    bound = term.lipschitz()
    for i in range(10):
        x, y = (torch.rand((2, *SHAPE), generator=generator(i, "pair", k)) for k in range(2))
        change = (term.gradient(x) - term.gradient(y)).flatten(1).norm(dim=1)
        assert bool((change <= 1.001 * bound * (x - y).flatten(1).norm(dim=1) + 1e-6).all())


def test_where_there_is_no_lipschitz_constant_it_says_none():
    assert term_of("phase-retrieval", "one-bit").lipschitz() is None
    assert term_of("gaussian measurements=20", "one-bit flip=0.1").lipschitz() is None


def test_rows_left_out_do_not_count():
    term = term_of("gaussian measurements=20", "one-bit")
    some = torch.zeros(20, dtype=torch.float64)
    some[:7] = 1
    x = torch.rand((2, *SHAPE))
    parts = [DataTerm(term.measurement, mask).value(x) for mask in (some, 1 - some)]
    assert torch.allclose(parts[0] + parts[1], term.value(x))


def test_no_noise_is_finite():
    term = term_of("gaussian measurements=20", "one-bit", noise=0.0)
    value, slope = term.value_and_gradient(torch.zeros((2, *SHAPE)))
    assert bool(value.isfinite().all() and slope.isfinite().all())
