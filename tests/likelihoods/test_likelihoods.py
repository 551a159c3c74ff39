"""The diagonal likelihood against autograd and against the paper's own formulas."""

import math

import pytest
import torch

from engine.likelihoods.diagonal import DiagonalLikelihood
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 6, 6)


def measured(quantizer, noise=0.1):
    truth = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    operator = OPERATORS.parse("gaussian measurements=20").build(SHAPE, 0)
    return simulate(truth, operator, QUANTIZERS.parse(quantizer), noise, 0)


@pytest.mark.parametrize("sigma", [0.0, 0.01, 1.0, 50.0])
@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=2", "uniform bits=5"])
def test_score_is_the_gradient(quantizer, sigma):
    likelihood = DiagonalLikelihood(measured(quantizer))
    x = torch.randn(3, *SHAPE, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(likelihood.log_prob(x, sigma).sum(), x)
    score = likelihood.measurement.operator.adjoint(likelihood.score(x.detach(), sigma))
    assert torch.allclose(score, gradient, rtol=1e-5, atol=1e-7 * float(gradient.abs().max()))


def test_one_bit_is_equation_18():
    seen = measured("one-bit")
    beta, x = 0.4, torch.rand(3, *SHAPE)
    matrix = seen.operator.matrix.double()
    v = seen.noise**2 + beta**2 * matrix.square().sum(1)
    z = x.flatten(1).double() @ matrix.T / v.sqrt()
    y = 2 * seen.codes.double() - 1
    phi = torch.special.ndtr(z)
    want = ((1 + y) / (2 * phi) - (1 - y) / (2 * (1 - phi))) * torch.exp(-(z**2) / 2) / torch.sqrt(2 * math.pi * v)
    assert torch.allclose(DiagonalLikelihood(seen).score(x, beta).double(), want, rtol=1e-4, atol=1e-5)


def test_linear_is_equation_20():
    seen = measured("none")
    beta, x = 0.4, torch.rand(3, *SHAPE)
    v = seen.noise**2 + beta**2 * seen.operator.row_norms_squared()
    want = (seen.values - seen.operator.forward(x)) / v
    assert torch.allclose(DiagonalLikelihood(seen).score(x, beta).double(), want.double(), rtol=1e-5)


def test_a_level_per_row():
    seen = measured("one-bit")
    x, levels = torch.rand(3, *SHAPE), torch.tensor([0.1, 1.0, 10.0])
    together = DiagonalLikelihood(seen).score(x, levels)
    for i, level in enumerate(levels):
        alone = DiagonalLikelihood(seen.select([i])).score(x[i : i + 1], float(level))
        assert torch.allclose(together[i : i + 1], alone, rtol=1e-4)


def test_strongly_violated_sign_is_pulled_back():
    """40 sd on the wrong side: clamped likelihoods give nothing here."""
    seen = measured("one-bit", noise=0.001)
    x = -100 * torch.rand(3, *SHAPE)
    score = DiagonalLikelihood(seen).score(x, 0.001)
    assert torch.isfinite(score).all()
    assert score.abs().max() > 1e3
