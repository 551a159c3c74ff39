"""The EP likelihood score against an exact one, from a Gibbs sampler of the truncated Gaussian."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.likelihoods import make_likelihood
from engine.likelihoods.diagonal import DiagonalLikelihood
from engine.likelihoods.ep import EpLikelihood
from engine.measurements import simulate
from engine.operators import OPERATORS
from engine.operators.dense import DenseOperator
from engine.quantizers import QUANTIZERS

SHAPE, ROWS, NOISE = (1, 7, 7), 24, 0.05
RANDOM_LIKE = ["gaussian", "orthogonal", "ill-conditioned condition=32", "correlated rho=0.4"]


def exact_score(seen, b, covariance, sweeps=160, chains=300, burn=40):
    """E[C^-1 n | b + n in the cells] for n ~ N(0, C), coordinate by coordinate."""
    precision, gen = torch.linalg.inv(covariance), torch.Generator().manual_seed(0)
    lower, upper = seen.lower[0] - b, seen.upper[0] - b
    n = torch.where(lower.isinf(), upper - 0.1, torch.where(upper.isinf(), lower + 0.1, (lower + upper) / 2))
    n, total = n[None].repeat(chains, 1), torch.zeros(len(b), dtype=torch.float64)
    for sweep in range(sweeps):
        for m in range(len(b)):
            sd = precision[m, m] ** -0.5
            centre = -(n @ precision[:, m] - n[:, m] * precision[m, m]) / precision[m, m]
            low, high = (lower[m] - centre) / sd, (upper[m] - centre) / sd
            flip = low > 0
            low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
            edges = torch.special.ndtr(low), torch.special.ndtr(high)
            u = edges[0] + (edges[1] - edges[0]) * torch.rand(chains, generator=gen, dtype=torch.float64)
            t = torch.special.ndtri(u.clamp(1e-300, 1 - 1e-16)).clamp(low, high)
            n[:, m] = centre + sd * torch.where(flip, -t, t)
        if sweep >= burn:
            total += n.mean(0)
    return precision @ (total / (sweeps - burn))


def case(written, bits, beta, seed):
    name, *settings = written.split()
    operator = OPERATORS.parse(" ".join([name, f"measurements={ROWS}", *settings])).build(SHAPE, seed)
    gen = torch.Generator().manual_seed(seed)
    truth = torch.rand(1, *SHAPE, generator=gen)
    seen = simulate(truth, operator, QUANTIZERS.parse(f"uniform bits={bits}"), NOISE, seed)
    x = (truth + beta * torch.randn(1, *SHAPE, generator=gen)).double()
    return seen, x, operator.matrix.double()


def compare(matrix, score, want):
    score, want = matrix.T @ score, matrix.T @ want
    return float(score @ want / (score.norm() * want.norm())), float(score.norm() / want.norm())


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.parametrize("written", RANDOM_LIKE)
def test_score_is_exact_within_eight_iterations(written, bits):
    """A few draws each; the sampler that it is compared with is off by a few tenths of a per cent itself."""
    cosines, norms = [], []
    for seed, beta in enumerate((50.0, 1.0, 0.1)):
        seen, x, matrix = case(written, bits, beta, seed)
        covariance = NOISE**2 * torch.eye(ROWS, dtype=torch.float64) + beta**2 * matrix @ matrix.T
        want = exact_score(seen, matrix @ x.flatten(), covariance)
        cosine, norm = compare(matrix, make_likelihood("ep", seen, 8).score(x, beta)[0], want)
        cosines.append(cosine)
        norms.append(norm)
    assert np.median(cosines) >= 0.995
    assert min(cosines) >= 0.98
    assert np.median(norms) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("written", RANDOM_LIKE)
def test_twenty_draws_are_at_the_fixed_point_within_eight_iterations(written):
    """Against EP run to the end, which the test above holds against an exact score."""
    cosines, norms = [], []
    for seed in range(20):
        bits, beta = 1 + seed % 3, (50.0, 10.0, 1.0, 0.1, 0.01)[seed % 5]
        seen, x, matrix = case(written, bits, beta, 100 + seed)
        ended = make_likelihood("ep", seen, 300).score(x, beta)[0]
        cosine, norm = compare(matrix, make_likelihood("ep", seen, 8).score(x, beta)[0], ended)
        cosines.append(cosine)
        norms.append(norm)
    assert np.median(cosines) >= 0.9995
    assert min(cosines) >= 0.98
    assert np.median(norms) == pytest.approx(1, abs=0.01)


def test_one_sweep_is_exact_where_the_rows_are_orthogonal():
    """EP itself, on rows of equal norm; the factory takes the diagonal score there, which is exact for any norms."""
    seen, x, _ = case("orthogonal", 2, 0.7, 0)
    ep, diagonal = EpLikelihood(seen), DiagonalLikelihood(seen)
    assert torch.allclose(ep.score(x, 0.7), diagonal.score(x, 0.7), rtol=1e-4, atol=1e-5)
    assert ep.used <= 2
    assert isinstance(make_likelihood("ep", seen), DiagonalLikelihood)


def test_orthogonal_rows_of_unequal_norm_take_the_diagonal_score():
    seen, x, _ = case("orthogonal", 3, 1.0, 0)
    unequal = DenseOperator(seen.operator.matrix * torch.linspace(0.05, 3, ROWS)[:, None], SHAPE)
    seen = replace(seen, operator=unequal)
    covariance = NOISE**2 * torch.eye(ROWS).double() + unequal.matrix.double() @ unequal.matrix.double().T
    want = exact_score(seen, unequal.matrix.double() @ x.flatten(), covariance)
    chosen, scalar = make_likelihood("ep", seen, 100), EpLikelihood(seen, 100)
    assert compare(unequal.matrix.double(), chosen.score(x, 1.0)[0], want)[0] > 0.999
    assert compare(unequal.matrix.double(), scalar.score(x, 1.0)[0], want)[0] < 0.999


def test_ep_and_diagonal_differ_on_iid_matrices():
    seen, x, matrix = case("gaussian", 2, 1.0, 0)
    diagonal = make_likelihood("diagonal", seen).score(x, 1.0)[0]
    cosine, _ = compare(matrix, diagonal, EpLikelihood(seen, 50).score(x, 1.0)[0])
    assert cosine < 0.97


@pytest.mark.parametrize("written", ["ill-conditioned condition=1000", "correlated rho=0.4 convention=element-wise"])
@pytest.mark.parametrize("bits", [1, 2, 3])
def test_damping_reaches_the_fixed_point_on_hard_matrices(written, bits):
    for seed, beta in enumerate((50.0, 10.0, 1.0, 0.05)):
        seen, x, _ = case(written, bits, beta, seed)
        ep = EpLikelihood(seen, iterations=100)
        assert torch.isfinite(ep.score(x, beta)).all()
        assert ep.residual < 1e-5


def test_linear_is_equation_19():
    operator = OPERATORS.parse(f"gaussian measurements={ROWS}").build(SHAPE, 0)
    seen = simulate(torch.rand(2, *SHAPE), operator, QUANTIZERS.parse("none"), NOISE, 0)
    x, beta, matrix = torch.rand(2, *SHAPE, dtype=torch.float64), 0.3, operator.matrix.double()
    covariance = NOISE**2 * torch.eye(ROWS, dtype=torch.float64) + beta**2 * matrix @ matrix.T
    want = torch.linalg.solve(covariance, (seen.values.double() - x.flatten(1) @ matrix.T).T).T
    assert torch.allclose(make_likelihood("exact", seen).score(x, beta), want, rtol=1e-3, atol=1e-3)


def test_exact_is_refused_for_quantized_measurements():
    seen, _, _ = case("gaussian", 1, 1.0, 0)
    with pytest.raises(InputError, match="likelihood=ep"):
        make_likelihood("exact", seen)


def test_a_batch_is_its_images_and_warm_starts_do_not_change_the_fixed_point():
    seen, x, _ = case("gaussian", 2, 1.0, 0)
    other, y, _ = case("gaussian", 2, 1.0, 0)
    both = EpLikelihood(seen.for_rows(2), 60)
    batch = torch.cat([x, y + 0.1])
    together = both.score(batch, 1.0)
    again = both.score(batch, 1.0)
    assert torch.allclose(together, again, atol=1e-4)
    assert both.used <= 3
    assert torch.allclose(EpLikelihood(other, 60).score(y + 0.1, 1.0)[0], together[1], atol=1e-4)
