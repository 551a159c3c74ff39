"""Samplers against exact posteriors of Gaussian and mixture priors, within Monte-Carlo error."""

import itertools
import math

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.langevin.stability import stable_step
from engine.errors import EngineError
from engine.priors.base import DenoiserPrior
from engine.priors.exact.gaussian import GaussianPrior
from engine.priors.levels import geometric_levels, polynomial_levels
from engine.priors.sampling import reverse_diffusion
from engine.runs import RunSpec, reconstruct
from engine.sensing.cells import cell_moments
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 6, 6)
N = 36
MEAN, SD = 0.4, 0.3


def orthogonal(rows, scale, shape=SHAPE):
    """A with A A^T = scale I."""
    gen = torch.Generator().manual_seed(7)
    q, _ = torch.linalg.qr(torch.randn(math.prod(shape), rows, generator=gen, dtype=torch.float64))
    return DenseOperator((math.sqrt(scale) * q.T).float(), shape)


def correlated_covariance(pixels, rho=0.8):
    index = torch.arange(pixels, dtype=torch.float64)
    return SD**2 * rho ** (index[:, None] - index).abs()


def draw(prior, count, seed=0):
    gen = torch.Generator().manual_seed(seed)
    pixels = math.prod(prior.image_shape)
    white = torch.randn(count, pixels, generator=gen, dtype=torch.float64) * prior.values.sqrt()
    x = white if prior.vectors is None else white @ prior.vectors.T
    return (x.reshape(count, *prior.image_shape) + prior.centre).float()


def last(iterates):
    iterate = None
    for iterate in iterates:
        pass
    return iterate


def linear_posterior(prior, covariance, measurement):
    """Exact mean (pixels,) and covariance of a Gaussian prior with y = A x + n."""
    matrix = measurement.operator.matrix.double()
    gram = matrix @ covariance @ matrix.T + measurement.noise**2 * torch.eye(len(matrix))
    gain = covariance @ matrix.T @ torch.linalg.inv(gram)
    centre = prior.centre.flatten()
    return centre + gain @ (measurement.values[0].double() - matrix @ centre), covariance - gain @ matrix @ covariance


def one_bit_posterior(measurement, variance, scale):
    """Exact mean and pixel-average variance for an isotropic prior and A A^T = scale I: the z_m are independent."""
    operator, pixels = measurement.operator, measurement.operator.pixels
    centre = torch.full((1, *operator.image_shape), MEAN, dtype=torch.float64)
    b, v = operator.forward(centre), scale * variance
    total = torch.tensor(v + measurement.noise**2)
    moments = cell_moments(measurement.lower, measurement.upper, b, total)
    shift = v * moments.score
    var_z = v - v**2 * (1 - moments.ratio) / total
    mean = centre + operator.adjoint(shift) / scale
    return mean[0], (variance * (pixels - operator.rows) + float(var_z.sum()) / scale) / pixels


# -- turbo -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correlated", [False, True], ids=["isotropic", "correlated"])
def test_turbo_linear_is_the_exact_posterior(correlated):
    shape, pixels, samples = (1, 16, 16), 256, 60
    covariance = correlated_covariance(pixels) if correlated else SD**2 * torch.eye(pixels, dtype=torch.float64)
    prior = GaussianPrior(shape, MEAN, covariance if correlated else SD**2)
    operator = OPERATORS.parse("gaussian measurements=128").build(shape, 1)
    measurement = simulate(draw(prior, 1), operator, QUANTIZERS.parse("none"), 0.1, 0)
    mean, exact = linear_posterior(prior, covariance, measurement)
    algorithm = ALGORITHMS.parse("turbo rounds=60 probes=8")
    end = last(algorithm.iterates(measurement, prior, Draws(0, [0], range(samples))))

    variance = float(exact.diagonal().mean())
    assert float((end.mean.flatten() - mean).square().mean()) < 1e-3 * variance
    # the predicted error is exact for random A of growing size; at 256 pixels within a few per cent
    assert float(end.predicted_rmse) == pytest.approx(math.sqrt(variance), rel=0.05)
    spread = float(end.x.double().var(0).mean())
    assert spread == pytest.approx(variance, rel=0.05 + 3 * math.sqrt(2 / (pixels * samples)))
    bias = (end.x.double().mean(0).flatten() - mean).square().mean()
    assert float(bias) < 1.3 * variance / samples


def test_turbo_one_bit_is_the_exact_posterior_for_orthogonal_rows():
    scale, prior = 2.0, GaussianPrior(SHAPE, MEAN, SD**2)
    measurement = simulate(draw(prior, 1), orthogonal(18, scale), QUANTIZERS.parse("one-bit"), 0.05, 0)
    mean, variance = one_bit_posterior(measurement, SD**2, scale)
    end = last(ALGORITHMS.parse("turbo rounds=30 probes=8").iterates(measurement, prior, Draws(0, [0], range(800))))
    # scalar variances replace each z_m's own by their average, so the mean is exact only up to that
    assert float((end.mean[0] - mean).square().mean()) < 0.01 * variance
    assert float(end.predicted_rmse**2) == pytest.approx(variance, rel=0.02)
    assert float(end.x.double().var(0).mean()) == pytest.approx(variance, rel=0.03)


@pytest.mark.slow
def test_turbo_one_bit_correlated_prior_against_gibbs():
    """x | z is Gaussian and z | y a box-truncated Gaussian, sampled here coordinate by coordinate."""
    shape, rows = (1, 8, 8), 48
    covariance = correlated_covariance(64)
    prior = GaussianPrior(shape, MEAN, covariance)
    operator = OPERATORS.parse(f"gaussian measurements={rows}").build(shape, 3)
    noise = 0.1
    measurement = simulate(draw(prior, 1, seed=2), operator, QUANTIZERS.parse("one-bit"), noise, 0)
    matrix = operator.matrix.double()
    gram = matrix @ covariance @ matrix.T + noise**2 * torch.eye(rows, dtype=torch.float64)
    b, precision = matrix @ prior.centre.flatten(), torch.linalg.inv(gram)
    signs = 2.0 * measurement.codes[0].double() - 1
    gen = torch.Generator().manual_seed(0)
    chains = 400
    z = (0.5 * signs).repeat(chains, 1)
    total = torch.zeros(rows, dtype=torch.float64)
    for sweep in range(260):
        for m in range(rows):
            sd = precision[m, m] ** -0.5
            others = (z - b) @ precision[:, m] - (z[:, m] - b[m]) * precision[m, m]
            centre = b[m] - others / precision[m, m]
            low = torch.special.ndtr(-signs[m] * centre / sd)
            u = low + (1 - low) * torch.rand(chains, generator=gen, dtype=torch.float64)
            z[:, m] = centre + signs[m] * sd * torch.special.ndtri(u.clamp(1e-15, 1 - 1e-15))
        if sweep >= 60:
            total += z.mean(0) / 200
    mean = prior.centre.flatten() + covariance @ matrix.T @ precision @ (total - b)
    end = last(ALGORITHMS.parse("turbo rounds=60 probes=16").iterates(measurement, prior, Draws(0, [0], [0])))
    error = float((end.mean.flatten() - mean).square().mean().sqrt())
    assert error < 0.15 * float(end.predicted_rmse)  # 64 pixels are far from the large-system limit


# -- qcs-sgm ---------------------------------------------------------------------------------------------------------


class Recursion:
    """Mean and covariance of (x, velocity) under the steps of a sampler whose score is ``push`` - ``pull`` x."""

    def __init__(self, mean, variance, momentum):
        self.mean, self.velocity, self.kept = mean, torch.zeros_like(mean), momentum
        self.covariance = torch.tensor([[variance, 0.0], [0.0, 0.0]], dtype=torch.float64)

    def step(self, size, push, pull):
        stride, c = math.sqrt(2 * size), self.kept
        kicks = (1 + c) * stride / 2
        self.velocity = c * self.velocity + kicks * (push - pull * self.mean)
        self.mean = self.mean + stride * self.velocity
        a = torch.tensor([[1 - stride * kicks * pull, stride * c], [-kicks * pull, c]], dtype=torch.float64)
        b = math.sqrt(1 - c**2) * torch.tensor([[stride], [1.0]], dtype=torch.float64)
        self.covariance = a @ self.covariance @ a.T + b @ b.T

    @property
    def variance(self):
        return float(self.covariance[0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_langevin_follows_its_own_closed_form_recursion(momentum):
    """Isotropic prior, A A^T = c I, linear: every coordinate of the rows' span and of its complement is a scalar
    affine recursion, whose mean and variance are known exactly at every step size. Without momentum it is Algorithm 1."""
    c, noise, chains = 2.0, 0.1, 4000
    prior, operator = GaussianPrior(SHAPE, MEAN, SD**2), orthogonal(18, 2.0)
    measurement = simulate(draw(prior, 1), operator, QUANTIZERS.parse("none"), noise, 0)
    written = f"qcs-sgm sigma_first=1 sigma_last=0.05 levels=8 repeats=3 step=0.3 guard=false momentum={momentum}"
    end = last(ALGORITHMS.parse(written).iterates(measurement, prior, Draws(0, [0], range(chains))))

    basis = operator.matrix.double() / math.sqrt(c)
    target = measurement.values[0].double() / math.sqrt(c)
    centre = basis @ torch.full((N,), MEAN, dtype=torch.float64)
    within = Recursion(basis.sum(1) * 0.5, 1 / 12, momentum)
    across = Recursion(torch.tensor(0.5, dtype=torch.float64), 1 / 12, momentum)
    for sigma in geometric_levels(1, 0.05, 8):
        size, pull = 0.3 * sigma**2, 1 / (SD**2 + sigma**2)
        data = c / (noise**2 + sigma**2 * c)
        for _ in range(3):
            within.step(size, pull * centre + data * target, pull + data)
            across.step(size, pull * MEAN, pull)
    gain = SD**2 / (SD**2 + 0.05**2)  # the final denoising
    mean_in, var_in = centre + gain * (within.mean - centre), gain**2 * within.variance
    mean_out, var_out = MEAN + gain * (across.mean - MEAN), gain**2 * across.variance

    x = end.x.double().flatten(1)
    inside = x @ basis.T
    assert torch.allclose(inside.mean(0), mean_in, atol=4 * math.sqrt(var_in / chains))
    assert float(inside.var(0).mean()) == pytest.approx(var_in, rel=4 * math.sqrt(2 / (chains * 18)))
    outside = x - inside @ basis
    remains = torch.eye(N, dtype=torch.float64) - basis.T @ basis
    assert torch.allclose(outside.mean(0), mean_out * remains.sum(1), atol=4 * math.sqrt(var_out / chains))
    assert float(outside.var(0).sum()) == pytest.approx(var_out * 18, rel=4 * math.sqrt(2 / (chains * 18)))


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["none", "one-bit"])
def test_langevin_reaches_the_posterior_up_to_its_discretisation_bias(quantizer):
    """A Langevin step of size s times the curvature inflates a variance by 1 / (1 - s/2); at step 0.1 of a total
    curvature of at most 2 that is 11 %, and in the data's directions the pseudo-likelihood at the last level adds
    its own sigma^2 row norm^2 to the noise."""
    scale, chains, noise = 2.0, 400, 0.2
    prior = GaussianPrior(SHAPE, MEAN, SD**2)
    measurement = simulate(draw(prior, 1), orthogonal(18, scale), QUANTIZERS.parse(quantizer), noise, 0)
    written = "qcs-sgm sigma_first=3 sigma_last=0.05 levels=40 repeats=30 step=0.1"
    end = last(ALGORITHMS.parse(written).iterates(measurement, prior, Draws(0, [0], range(chains))))
    if quantizer == "none":
        mean, exact = linear_posterior(prior, SD**2 * torch.eye(N, dtype=torch.float64), measurement)
        variance = float(exact.diagonal().mean())
    else:
        mean, variance = one_bit_posterior(measurement, SD**2, scale)
    bias = float((end.x.double().mean(0).flatten() - mean.flatten()).square().mean())
    assert bias < variance * (0.02 + 2 / chains)
    assert float(end.x.double().var(0).mean()) == pytest.approx(variance, rel=0.11)


@pytest.mark.slow
def test_guard_keeps_the_paper_step_finite_and_says_so():
    prior = GaussianPrior(SHAPE, MEAN, SD**2)
    operator = OPERATORS.parse("gaussian measurements=12").build(SHAPE, 0)
    measurement = simulate(draw(prior, 1), operator, QUANTIZERS.parse("uniform bits=3"), 0.01, 0)
    draws = Draws(0, [0], range(4))
    end = last(ALGORITHMS.parse("qcs-sgm preset=paper").iterates(measurement, prior, draws))
    assert torch.isfinite(end.x).all()
    assert "lowered" in end.note
    with pytest.raises(EngineError, match="diverged"):
        last(ALGORITHMS.parse("qcs-sgm step=50 guard=false levels=40").iterates(measurement, prior, draws))


def test_a_chain_that_grows_is_stopped_long_before_its_numbers_end():
    """Networks draw some directions out a little at low noise, which momentum makes grow by a tenth in each step."""

    class Stretching(GaussianPrior):
        def denoise(self, x, sigma):
            return x + 0.3 * (x - 0.5) if sigma < 0.1 else super().denoise(x, sigma)

    prior = Stretching(SHAPE, MEAN, SD**2)
    operator = OPERATORS.parse("gaussian measurements=4").build(SHAPE, 0)
    measurement = simulate(draw(GaussianPrior(SHAPE, MEAN, SD**2), 1), operator, QUANTIZERS.parse("one-bit"), 0.1, 0)
    iterates = ALGORITHMS.parse("qcs-sgm levels=40").iterates(measurement, prior, Draws(0))
    furthest = 0.0

    def followed():
        nonlocal furthest
        for iterate in iterates:
            furthest = float((iterate.x - MEAN).square().mean().sqrt())

    with pytest.raises(EngineError, match=r"diverged at noise level 0\.0.*lower momentum or the step"):
        followed()
    assert 0.5 < furthest < 10


@pytest.mark.parametrize("quantizer", ["none", "uniform bits=2", "uniform bits=3"])
def test_guidance_stays_where_pictures_vary_more_than_it_takes_them_to(quantizer):
    """A Gaussian of deviation 0.3, nearly four times `spread`: the moves of guidance alone would double with each level."""
    prior = GaussianPrior(SHAPE, MEAN, 0.3**2)
    operator = OPERATORS.parse("gaussian measurements=12").build(SHAPE, 0)
    truth = draw(prior, 1)
    measurement = simulate(truth, operator, QUANTIZERS.parse(quantizer), 0.02, 0)
    end = last(ALGORITHMS.parse("guided steps=20").iterates(measurement, prior, Draws(0, [0], range(8))))
    spread = (end.x - MEAN).square().mean().sqrt()
    assert float(spread) < 0.6
    seen = measurement.predict(end.x.mean(0, keepdim=True)) - measurement.predict(truth)
    assert float(seen.square().mean()) < 0.5 * float((measurement.predict(truth)).square().mean())


def test_limit_of_stability_is_that_of_the_recursion():
    """With an exact score of A A^T = c I the total curvature is 2 / sigma^2, so the limit is 1."""
    assert stable_step(orthogonal(18, 3.0)) == pytest.approx(1.0, rel=1e-4)
    matrix = orthogonal(18, 3.0).matrix.clone()
    matrix[3] = 0  # a row that measures nothing must not stop the dynamics
    matrix[5] *= 1e-4
    assert stable_step(DenseOperator(matrix, SHAPE)) == pytest.approx(1.0, rel=1e-2)


# -- guided ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["none", "one-bit"])
def test_guided_is_the_exact_posterior_in_the_limit(quantizer):
    """Isotropic prior, A A^T = c I, spread = prior sd: the guidance is exact, only the 500 levels remain."""
    scale, chains = 2.0, 300
    prior = GaussianPrior(SHAPE, MEAN, SD**2)
    measurement = simulate(draw(prior, 1), orthogonal(18, scale), QUANTIZERS.parse(quantizer), 0.1, 0)
    algorithm = ALGORITHMS.parse(f"guided steps=500 spread={SD} sigma_last=0.005")
    end = last(algorithm.iterates(measurement, prior, Draws(0, [0], range(chains))))
    if quantizer == "none":
        mean, exact = linear_posterior(prior, SD**2 * torch.eye(N, dtype=torch.float64), measurement)
        mean, variance = mean.reshape(SHAPE), float(exact.diagonal().mean())
    else:
        mean, variance = one_bit_posterior(measurement, SD**2, scale)
    sd = math.sqrt(variance)
    monte_carlo = 3 / math.sqrt(2 * N * chains)
    assert float(end.x.double().var(0).mean().sqrt()) == pytest.approx(sd, rel=0.02 + monte_carlo)
    assert float((end.x.double().mean(0) - mean).square().mean().sqrt()) < sd * (0.02 + 1.3 / math.sqrt(chains))


# -- reverse diffusion and schedules -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_qcs_sgm_plus_alone_is_the_same_as_among_others():
    spec = RunSpec(algorithm="qcs-sgm-plus levels=12 repeats=2", operator="ill-conditioned measurements=100", samples=4)
    among = reconstruct(spec).samples
    for number in (0, 2):
        alone = reconstruct(spec.replace(samples=1, first_sample=number)).samples[0]
        assert np.abs(alone - among[number]).max() < 1e-3


class TwoPeaks(DenoiserPrior):
    """Pixels independent, 0.7 N(0, 0.05^2) + 0.3 N(1, 0.05^2)."""

    image_shape, peaks, weights, width = (1, 8, 8), (0.0, 1.0), (0.7, 0.3), 0.05

    def moments(self, x, sigma):
        x = x.double()
        level, v = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1, 1, 1) ** 2, self.width**2
        logits = torch.stack(
            [math.log(w) - (x - m) ** 2 / (2 * (v + level)) for m, w in zip(self.peaks, self.weights, strict=True)]
        )
        share = torch.softmax(logits, 0)
        means = torch.stack([m + v / (v + level) * (x - m) for m in self.peaks])
        mean = (share * means).sum(0)
        return mean, (share * (means**2 + v * level / (v + level))).sum(0) - mean**2

    def denoise(self, x, sigma):
        return self.moments(x, sigma)[0].to(x.dtype)

    def to(self, device):
        return self


@pytest.mark.parametrize("sigma", [0.3, 0.5])
def test_reverse_diffusion_samples_a_mixture_posterior(sigma):
    """32 levels, one network call each: mean and spread within Monte-Carlo error and 2 % of the spread."""
    prior, rows = TwoPeaks(), 500
    noise = Draws(0, [0], range(rows)).per_row("test")
    start = torch.full((rows, 1, 8, 8), 0.55)
    for x, _, _ in reverse_diffusion(prior, start, torch.full((rows,), sigma), 0.01, 32, noise):
        pass
    mean, variance = (float(v.mean()) for v in prior.moments(start[:1], sigma))
    sd = math.sqrt(variance)
    assert float(x.mean()) == pytest.approx(mean, abs=sd * (0.02 + 3 / math.sqrt(64 * rows)))
    assert float(x.std()) == pytest.approx(sd, rel=0.02)


def test_schedules_have_the_right_ends():
    for levels in (geometric_levels(50, 0.01, 232), polynomial_levels(10, 0.02, 51)):
        assert levels[0] in (pytest.approx(50), pytest.approx(10))
        assert levels[-1] in (pytest.approx(0.01), pytest.approx(0.02))
        assert all(a > b for a, b in itertools.pairwise(levels))
    ratios = [a / b for a, b in zip(geometric_levels(50, 0.01, 232), geometric_levels(50, 0.01, 232)[1:], strict=False)]
    assert ratios[0] == pytest.approx(1.03756, rel=1e-5)
    assert max(ratios) == pytest.approx(min(ratios))
