"""The data half of splittings: modes are stationary, draws have the law they should, the Metropolis chain too."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from engine.likelihoods.consistency import make_consistency
from engine.likelihoods.data_term import DataTerm
from engine.likelihoods.gram import GramSolver
from engine.likelihoods.mala import Mala
from engine.likelihoods.truncated import draw_conditional, truncated_normal
from engine.seeds import RowGenerators, generator
from engine.sensing.channels import CellChannel, DitherChannel
from engine.sensing.measurement import Measurement, simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 8, 8)


def seen(operator, quantizer, noise=0.05):
    truth = torch.rand((1, *SHAPE), generator=generator(0, "truth"))
    return simulate(truth, OPERATORS.parse(operator).build(SHAPE, 0), QUANTIZERS.parse(quantizer), noise, 0)


def rows(count):
    return RowGenerators([generator(0, "draws", i) for i in range(count)])


@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=3", "dithered known=false"])
@pytest.mark.parametrize(
    "operator", ["inpainting", "super-resolution", "blur", "gaussian measurements=40", "phase-retrieval"]
)
def test_the_mode_is_where_the_gradient_vanishes(operator, quantizer):
    measurement, rho = seen(operator, quantizer), 0.3
    half, term = make_consistency(measurement), DataTerm(measurement)
    centre = torch.full((1, *SHAPE), 0.5)
    x = centre
    for _ in range(6 if operator != "phase-retrieval" else 1):
        x = half.mode(centre, rho)

    def value(x):
        return float(term.value(x)[0] + (x - centre).double().square().sum() / (2 * rho**2))

    gradient = term.gradient(x) + (x - centre) / rho**2
    if operator == "phase-retrieval":  # not convex: less than where it began
        assert value(x) < value(centre)
    else:
        assert min(value(x - s * gradient) for s in (1e-5, 1e-4, 1e-3, 1e-2)) > value(x) - 1e-2


@pytest.mark.parametrize("operator", ["inpainting", "blur", "gaussian measurements=40"])
def test_draws_of_real_values_are_the_exact_gaussian(operator):
    measurement, rho, count = seen(operator, "none", 0.2), 0.3, 3000
    half = make_consistency(measurement.for_rows(count))
    centre = torch.full((1, *SHAPE), 0.5)
    x = half.draw(centre.expand(count, -1, -1, -1), rho, rows(count)).double().flatten(1)
    matrix = measurement.operator.forward(torch.eye(64).reshape(64, *SHAPE)).T.double()
    precision = torch.eye(64, dtype=torch.float64) / rho**2 + matrix.T @ matrix / 0.2**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (centre.flatten().double() / rho**2 + matrix.T @ measurement.values[0].double() / 0.2**2)
    sd = covariance.diagonal().sqrt()
    assert float(((x.mean(0) - mean) / sd).abs().max()) < 4.5 / math.sqrt(count)
    assert x.var(0).sum().item() == pytest.approx(float(covariance.trace()), rel=0.02)


@pytest.mark.parametrize("operator", ["inpainting", "super-resolution", "blur", "gaussian measurements=40"])
def test_unbiased_draws_leave_the_measurement_its_noise(operator):
    """z given x and y, where y given z has what is left of the noise: then y given x has all of it, which is what the pair's
    margin needs to be the posterior."""
    measurement, rho, noise, count = seen(operator, "none", 0.2), 0.05, 0.2, 4000
    half = make_consistency(measurement.for_rows(count))
    centre = torch.full((1, *SHAPE), 0.5)
    z = half.draw(centre.expand(count, -1, -1, -1), rho, rows(count), unbiased=True).double().flatten(1)
    matrix = measurement.operator.forward(torch.eye(64).reshape(64, *SHAPE)).T.double()
    left = noise**2 * torch.eye(len(matrix), dtype=torch.float64) - rho**2 * matrix @ matrix.T
    assert float(torch.linalg.eigvalsh(left).min()) > 0
    precision = torch.eye(64, dtype=torch.float64) / rho**2 + matrix.T @ torch.linalg.solve(left, matrix)
    covariance = torch.linalg.inv(precision)
    rhs = centre.flatten().double() / rho**2 + matrix.T @ torch.linalg.solve(left, measurement.values[0].double())
    mean, sd = covariance @ rhs, covariance.diagonal().sqrt()
    assert float(((z.mean(0) - mean) / sd).abs().max()) < 4.5 / math.sqrt(count)
    assert z.var(0).sum().item() == pytest.approx(float(covariance.trace()), rel=0.02)


@pytest.mark.slow
def test_unbiased_draws_of_cells_have_the_posterior_as_their_margin():
    """One pixel, one bit, a Gaussian prior: x and z in turn, against the posterior by quadrature."""
    count, rho, noise = 4000, 0.15, 0.2
    operator = OPERATORS.parse("identity").build((1, 1, 1), 0)
    measurement = Measurement.from_cells(
        operator, noise, torch.full((count, 1), 0.6).double(), torch.full((count, 1), torch.inf).double()
    )
    half, draws = make_consistency(measurement), rows(count)
    x = torch.full((count, 1, 1, 1), 0.5)
    for _ in range(60):
        z = half.draw(x, rho, draws, unbiased=True)
        share = 0.3**2 / (0.3**2 + rho**2)  # x given z under x ~ N(0.5, 0.3^2)
        x = 0.5 + share * (z - 0.5) + math.sqrt(share) * rho * draws.normal((1, 1, 1))
    at = np.linspace(-1.5, 2.5, 8001)
    density = scipy.stats.norm.pdf(at, 0.5, 0.3) * scipy.stats.norm.sf((0.6 - at) / noise)
    density /= density.sum()
    mean = (at * density).sum()
    deviation = math.sqrt((np.square(at - mean) * density).sum())
    assert abs(float(x.mean()) - mean) < 4 * deviation / math.sqrt(count)
    assert float(x.std()) == pytest.approx(deviation, rel=0.04)


@pytest.mark.slow
@pytest.mark.parametrize(
    "channel",
    [CellChannel, lambda a, b: CellChannel(a, b, flip=0.1), lambda a, b: DitherChannel(a, b, "logistic", 0.3)],
    ids=["cells", "flips", "dither"],
)
def test_draws_given_one_answer_follow_its_law(channel):
    count, mean, variance, noise = 8000, -0.5, 0.4, 0.05
    lower, upper = torch.zeros(count, 1).double(), torch.full((count, 1), torch.inf).double()
    made = channel(lower, upper)
    z = draw_conditional(made, torch.full_like(lower, mean), torch.full_like(lower, variance), noise, rows(count))
    grid = torch.linspace(-5, 5, 20001, dtype=torch.float64)
    one = type(made)(
        **(made.__dict__ | {"lower": torch.zeros(1, 1).double(), "upper": torch.full((1, 1), torch.inf).double()})
    )
    logs = one.moments(grid[None], torch.full((1, 1), noise, dtype=torch.float64)).log_prob[0]
    density = torch.exp(logs - (grid - mean) ** 2 / (2 * variance))
    law = np.cumsum(density.numpy()) / float(density.sum())
    test = scipy.stats.kstest(z[:, 0].numpy(), lambda x: np.interp(x, grid.numpy(), law))
    assert test.pvalue > 1e-3


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, math.inf), (2.0, 2.5), (6.0, math.inf), (-0.1, 0.1), (-math.inf, -33.0), (40.0, 41.0)]
)
def test_truncated_normals_in_both_tails(low, high):
    u = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    a, b = torch.full_like(u, low), torch.full_like(u, high)
    t = truncated_normal(a, b, torch.zeros_like(u), torch.ones_like(u), u)
    assert bool((t >= low).all()) and bool((t <= high).all())
    exact = scipy.stats.truncnorm(low, high).mean()
    assert float(t.mean()) == pytest.approx(exact, abs=2e-3 * max(1, abs(exact)))


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["one-bit", "uniform bits=3"])
def test_cells_of_coupled_rows_are_drawn_like_by_metropolis(quantizer):
    """At a coupling as fine as the noise data augmentation mixes within a call: both samplers have the same law."""
    measurement, rho, count = seen("blur", quantizer, 0.1), 0.1, 1500
    centre, many = torch.full((count, *SHAPE), 0.5), measurement.for_rows(count)
    half = make_consistency(many)
    for _ in range(3):
        x = half.draw(centre, rho, rows(count))
    chain = Mala(DataTerm(many), centre, torch.full((count,), rho**2))
    other = chain.run(centre + rho * rows(count).normal(SHAPE), 200, rows(count))
    sd = other.std(0).mean()
    assert float(((x.mean(0) - other.mean(0)).abs() / sd).max()) < 6 / math.sqrt(count)
    assert float(x.std(0).mean() / sd) == pytest.approx(1, abs=0.02)


@pytest.mark.slow
def test_the_metropolis_chain_has_the_right_law_in_two_dimensions():
    count, rho = 3000, 0.7
    operator = DenseOperator(torch.tensor([[1.0, 0.6], [0.0, 0.8]]), (1, 1, 2))
    measurement = Measurement.from_cells(
        operator, 0.3, torch.zeros(1, 2).double(), torch.full((1, 2), torch.inf).double()
    ).for_rows(count)
    centre = torch.full((count, 1, 1, 2), -0.3)
    chain = Mala(DataTerm(measurement), centre, torch.full((count,), rho**2))
    x = chain.run(centre + rho * rows(count).normal((1, 1, 2)), 300, rows(count)).reshape(count, 2).double()
    assert 0.3 < float(chain.acceptance.mean()) < 0.9
    axis = torch.linspace(-4, 4, 801, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    z = grid @ operator.matrix.double().T
    logs = torch.special.log_ndtr(z / 0.3).sum(1) - (grid + 0.3).square().sum(1) / (2 * rho**2)
    density = torch.exp(logs - logs.max()).reshape(801, 801)
    for i in range(2):
        law = density.sum(1 - i).cumsum(0).numpy()
        test = scipy.stats.kstest(x[:, i].numpy(), lambda t, law=law: np.interp(t, axis.numpy() + 0.005, law / law[-1]))
        assert test.pvalue > 1e-3


def test_conjugate_gradients_agree_with_the_eigenbasis():
    operator = OPERATORS.parse("gaussian measurements=40").build(SHAPE, 0)
    solver, other = GramSolver(operator), GramSolver(operator)
    other.basis = None
    r = torch.randn(3, 40, generator=generator(0, "r")).double()
    a, b = torch.tensor([0.1, 1.0, 2.0]), torch.tensor([1.0, 0.5, 0.0])
    assert torch.allclose(solver.solve(r, a, b), other.solve(r, a, b), atol=1e-4)
