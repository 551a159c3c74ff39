"""The EP likelihood score against an exact one, from a Gibbs sampler of the truncated Gaussian."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.likelihoods import make_likelihood
from engine.likelihoods.diagonal import DiagonalLikelihood
from engine.likelihoods.ep import EpLikelihood
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.quantizers import QUANTIZERS

SHAPE, ROWS, NOISE, SWEEPS = (1, 7, 7), 24, 0.05, 300
RANDOM_LIKE = ["gaussian", "orthogonal", "ill-conditioned condition=32", "correlated rho=0.4"]


def exact_scores(lower, upper, covariance, sweeps, chains=150, burn=0.2):
    """E[C^-1 n | n in the cells] for n ~ N(0, C), coordinate by coordinate, for a batch of problems at once.

    ``lower``, ``upper`` (problems, rows), ``covariance`` (problems, rows, rows). Rows are visited in a new order each
    sweep; the conditional means, not the draws, are averaged.
    """
    precision, gen = torch.linalg.inv(covariance), torch.Generator().manual_seed(0)
    start = torch.where(lower.isinf(), upper - 0.1, torch.where(upper.isinf(), lower + 0.1, (lower + upper) / 2))
    n, total, kept = start[:, None].repeat(1, chains, 1), torch.zeros_like(lower), 0
    widths = precision.diagonal(dim1=1, dim2=2).rsqrt()
    for sweep in range(sweeps):
        for m in torch.randperm(lower.shape[1], generator=gen).tolist():
            sd = widths[:, m, None]
            centre = n[:, :, m] - (n @ precision[:, :, m, None])[:, :, 0] * sd**2
            low, high = (lower[:, m, None] - centre) / sd, (upper[:, m, None] - centre) / sd
            flip = low > 0
            low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
            first, last = torch.special.ndtr(low), torch.special.ndtr(high)
            u = first + (last - first) * torch.rand(low.shape, generator=gen, dtype=torch.float64)
            t = torch.special.ndtri(u.clamp(1e-300, 1 - 1e-16)).clamp(low, high)
            n[:, :, m] = centre + sd * torch.where(flip, -t, t)
            if sweep >= burn * sweeps:
                tilt = (torch.exp(-0.5 * low.square()) - torch.exp(-0.5 * high.square())) / math.sqrt(2 * math.pi)
                mean = tilt / (last - first).clamp_min(1e-300)
                total[:, m] += (centre + sd * torch.where(flip, -mean, mean)).mean(1)
        kept += sweep >= burn * sweeps
    return (precision @ (total / kept)[:, :, None])[:, :, 0]


def covariance_of(matrix, beta):
    return NOISE**2 * torch.eye(ROWS, dtype=torch.float64) + beta**2 * matrix @ matrix.T


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


@pytest.mark.slow
@pytest.mark.parametrize("written", RANDOM_LIKE)
def test_twenty_draws_are_exact_within_eight_iterations(written):
    """One to three bits, beta from 50 to 0.01, against Gibbs sampling of the truncated Gaussian."""
    cases = [(*case(written, 1 + i % 3, (50.0, 10.0, 1.0, 0.1, 0.01)[i % 5], 100 + i), i) for i in range(20)]
    betas = [(50.0, 10.0, 1.0, 0.1, 0.01)[i % 5] for i in range(20)]
    b = torch.stack([matrix @ x.flatten() for _, x, matrix, _ in cases])
    lower = torch.cat([seen.lower for seen, *_ in cases]) - b
    upper = torch.cat([seen.upper for seen, *_ in cases]) - b
    covariances = torch.stack([covariance_of(c[2], beta) for c, beta in zip(cases, betas, strict=True)])
    exact = exact_scores(lower, upper, covariances, SWEEPS)
    cosines, norms = [], []
    for (seen, x, matrix, _), beta, want in zip(cases, betas, exact, strict=True):
        cosine, norm = compare(matrix, make_likelihood("ep", seen, 8).score(x, beta)[0], want)
        cosines.append(cosine)
        norms.append(norm)
    assert np.median(cosines) >= 0.998
    assert min(cosines) >= 0.98
    assert np.median(norms) == pytest.approx(1, abs=0.02)


def test_one_sweep_is_exact_where_the_rows_are_orthogonal():
    """EP itself, on rows of equal norm; the factory takes the diagonal score there, which is exact for any norms."""
    seen, x, _ = case("orthogonal", 2, 0.7, 0)
    ep, diagonal = EpLikelihood(seen), DiagonalLikelihood(seen)
    assert torch.allclose(ep.score(x, 0.7), diagonal.score(x, 0.7), rtol=1e-4, atol=1e-5)
    assert ep.used <= 2
    assert isinstance(make_likelihood("ep", seen), DiagonalLikelihood)


@pytest.mark.slow
def test_orthogonal_rows_of_unequal_norm_take_the_diagonal_score():
    seen, x, _ = case("orthogonal", 3, 1.0, 0)
    unequal = DenseOperator(seen.operator.matrix * torch.linspace(0.05, 3, ROWS)[:, None], SHAPE)
    seen = replace(seen, operator=unequal)
    matrix = unequal.matrix.double()
    b = matrix @ x.flatten()
    want = exact_scores(seen.lower - b, seen.upper - b, covariance_of(matrix, 1.0)[None], 300)[0]
    chosen, scalar = make_likelihood("ep", seen, 100), EpLikelihood(seen, 100)
    assert compare(matrix, chosen.score(x, 1.0)[0], want)[0] > 0.999
    assert compare(matrix, scalar.score(x, 1.0)[0], want)[0] < 0.999


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
