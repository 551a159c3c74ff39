"""Plug-and-play and the splitting samplers: against exact posteriors, and against doing nothing on photographs."""

import math

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.splitting.samplers import DENOISING_SAMPLERS
from engine.priors.exact.gaussian import GaussianPrior
from engine.runs.job import prepare
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec
from engine.seeds import RowGenerators, generator
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE, SD = (1, 8, 8), 0.3


def last(iterates):
    for iterate in iterates:
        pass
    return iterate


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 150), ("ddim", 100), ("second-order", 40)])
@pytest.mark.parametrize("level", [0.08, 0.2, 0.5])
def test_denoising_samplers_draw_the_exact_conditional(sampler, steps, level):
    """Levels 0.16, 0.4 and 1 of the paper are half of that in [0, 1] units."""
    count, prior = 600, GaussianPrior(SHAPE, 0.4, 0.25**2)
    noise = RowGenerators([generator(0, "dds", i) for i in range(count)])
    x, _known = DENOISING_SAMPLERS[sampler](prior, torch.full((count, *SHAPE), 0.7), level, steps, noise)
    share = 0.25**2 / (0.25**2 + level**2)
    mean, deviation = 0.4 + share * 0.3, math.sqrt(share) * level
    assert float(x.mean()) == pytest.approx(mean, abs=0.02 * deviation + 3 * deviation / math.sqrt(count * 64))
    assert float(x.std()) == pytest.approx(deviation, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "written",
    [
        "split-gibbs hold=40 denoising=12",
        "dpnp anneal=90 hold=40 langevin=40 denoising=6 level_last=0.03",
    ],
)
def test_samplers_reach_the_posterior_of_a_gaussian(written):
    index = torch.arange(64, dtype=torch.float64)
    covariance = SD**2 * 0.9 ** (index[:, None] - index).abs()
    prior, chains = GaussianPrior(SHAPE, 0.4, covariance), 250
    truth = prior.sample(1, generator(0, "truth"))
    operator = OPERATORS.parse("gaussian measurements=32").build(SHAPE, 0)
    measurement = simulate(truth, operator, QUANTIZERS.parse("none"), 0.3, 0)
    matrix = operator.matrix.double()
    gain = covariance @ matrix.T @ torch.linalg.inv(matrix @ covariance @ matrix.T + 0.3**2 * torch.eye(32).double())
    mean = 0.4 + gain @ (measurement.values[0].double() - 0.4 * matrix.sum(1))
    exact = covariance - gain @ matrix @ covariance
    end = last(ALGORITHMS.parse(written).iterates(measurement, prior, Draws(0, [0], range(chains))))
    x = end.x.double().flatten(1)
    error = float((x.mean(0) - mean).norm() / mean.norm())
    assert error < 0.03 + math.sqrt(float(exact.trace()) / chains) / float(mean.norm())
    assert float(x.var(0).sum()) == pytest.approx(float(exact.trace()), rel=0.03)
    assert float((end.mean[0].flatten() - mean).norm() / mean.norm()) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("operator", ["inpainting", "super-resolution", "blur width=2", "identity"])
@pytest.mark.parametrize("quantizer", ["none", "uniform bits=4", "dithered"])
def test_plug_and_play_beats_what_was_seen_on_photographs(operator, quantizer):
    spec = RunSpec(
        image="sample:photo-camera", prior="natural", size="64", operator=operator, quantizer=quantizer, noise=0.02,
        algorithm="plug-and-play", samples=1, device="cpu",
    )  # fmt: skip
    job = prepare(spec)
    for iterate in job.stream():
        assert iterate.per_image
    result = job.reconstructions()[0]
    seen = job.measurement.simple_estimate()[0].clamp(0, 1).numpy()
    assert psnr(result.mean, result.truth) > psnr(seen, result.truth) + 0.8
    assert not result.failed and result.std is None and len(result.samples) == 0


@pytest.mark.parametrize("splitting", ["hqs", "admm"])
def test_plug_and_play_with_a_gaussian_prior_nears_the_posterior_mean(splitting):
    prior = GaussianPrior(SHAPE, 0.4, SD**2)
    operator = OPERATORS.parse("inpainting").build(SHAPE, 0)
    measurement = simulate(prior.sample(2, generator(0, "truth")), operator, QUANTIZERS.parse("none"), 0.05, 0)
    algorithm = ALGORITHMS.parse(f"plug-and-play splitting={splitting} weight=1 steps=60")
    end = last(algorithm.iterates(measurement, prior, Draws(0, [0, 1], [0])))
    share = SD**2 / (SD**2 + 0.05**2)
    exact = torch.full_like(end.mean, 0.4) + operator.adjoint(share * (measurement.values - 0.4))
    assert float((end.mean - exact).abs().max()) < 0.05


@pytest.mark.parametrize("name", ["plug-and-play", "diffpir", "daps", "dmps", "pigdm", "dps"])
def test_codes_as_values_is_another_way_of_seeing_them(name):
    def mean(data):
        short = {"plug-and-play": "steps=4"}.get(name, "steps=6")
        spec = RunSpec(algorithm=f"{name} {short} data={data}", quantizer="uniform bits=2", samples=1, device="cpu")
        job = prepare(spec)
        for _ in job.stream():
            pass
        return job.reconstructions()[0].mean

    exact, published = mean("exact"), mean("as-values")
    assert np.isfinite(published).all() and not np.allclose(exact, published, atol=1e-3)
