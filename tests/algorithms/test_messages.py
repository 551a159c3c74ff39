"""Turbo where its assumptions do not hold: it stays near black and white, and knows which frequencies a matrix sees."""

import math

import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.messages import coloured
from engine.algorithms.messages.spectrum import analyse, spectrum_of, synthesise
from engine.algorithms.messages.turbo import POWER, Turbo
from engine.algorithms.splitting.sign_changes import size_by_signs
from engine.priors.exact.gaussian import GaussianPrior
from engine.priors.library import priors
from engine.priors.sampling import reverse_diffusion
from engine.runs.job import prepare
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec
from engine.seeds import RowGenerators, generator
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.dense import DenseOperator
from engine.sensing.quantizers import QUANTIZERS


def run(**settings):
    given = {
        "image": "sample:photo-camera",
        "prior": "natural",
        "size": "64",
        "noise": 0.02,
        "samples": 1,
        "device": "cpu",
    }
    job = prepare(RunSpec(**(given | settings)))
    for _ in job.stream():
        pass
    return job, job.reconstructions()[0]


@pytest.mark.parametrize(
    ("operator", "noise"),
    [
        ("gaussian measurements=1", 0.0),
        ("identity", 0.02),
        ("inpainting", 0.02),
        ("super-resolution", 0.0),
        ("blur", 0.02),
    ],
)
def test_turbo_stays_near_black_and_white_whatever_is_measured(operator, noise):
    _, result = run(operator=operator, quantizer="one-bit", noise=noise, algorithm="turbo levels=2", size="32")
    assert float(abs(result.mean - 0.5).max()) <= 1
    assert float(abs(result.samples - 0.5).max()) < 1.5


def test_cosine_coefficients_are_an_orthonormal_transform():
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    z = analyse(x)
    assert torch.allclose(z.square().sum((1, 2, 3)), x.square().sum((1, 2, 3)))
    assert torch.allclose(synthesise(z), x)


@pytest.mark.parametrize("written", ["gaussian", "orthogonal", "ill-conditioned", "single-pixel", "correlated rho=0"])
def test_matrices_that_mix_at_random_see_all_frequencies_alike(written):
    operator = OPERATORS.parse(f"{written} measurements=128").build((1, 16, 16), 0)
    assert spectrum_of(operator) is None


def test_correlated_columns_see_coarse_structure_better():
    operator = OPERATORS.parse("correlated measurements=256 rho=0.4").build((1, 24, 24), 0)
    spectrum = spectrum_of(operator)
    seen = spectrum.energies[0].mean(0)  # by horizontal frequency: columns follow one another row by row
    middle = float(1 / spectrum.energies.mean())  # the energies are those of the median pattern
    assert float(seen[:3].mean()) * middle == pytest.approx(1.4 / 0.6, rel=0.1)
    assert float(seen[-3:].mean()) * middle == pytest.approx(0.6 / 1.4, rel=0.1)


def test_a_matrix_that_is_evened_sees_all_frequencies_alike():
    operator = OPERATORS.parse("correlated measurements=256 rho=0.4").build((1, 24, 24), 0)
    spectrum = spectrum_of(operator)
    z = operator.forward(torch.randn(1, 1, 24, 24))
    basis, again = spectrum.basis, operator.forward(spectrum.evened(operator.adjoint(z)))
    assert torch.allclose(basis.synthesise(basis.values * basis.analyse(z)), again, rtol=1e-3, atol=1e-3)
    patterns = analyse(operator.matrix.double().reshape(-1, 1, 24, 24)) * spectrum.energies.rsqrt()
    even = DenseOperator(synthesise(patterns).flatten(1).float(), (1, 24, 24))
    assert spectrum_of(even) is None


def test_coloured_noise_is_removed_as_well_as_white():
    prior = priors().parse("gaussian").load("cpu", (1, 32, 32))
    truth = prior.sample(16, generator(0, "truth"))
    w = torch.arange(32, dtype=torch.float64) * math.pi / 32
    energies = (0.84 / (1.16 - 0.8 * w.cos())).expand(1, 32, 32)
    shape = energies.mean() / energies
    noise = torch.randn(truth.shape, generator=generator(0, "noise"), dtype=torch.float64)
    r = truth + 0.2 * synthesise(noise * shape.sqrt()).float()
    variance = torch.full((16,), 0.04, dtype=torch.float64)
    once = prior.denoise(r, (variance * float(shape.mean())).sqrt().float())
    better = coloured.denoise(prior, r, variance, shape)
    error = [float((d - truth).square().mean()) for d in (once, better)]
    assert coloured.calls_for(shape) == 2
    assert error[1] < 0.93 * error[0]


def test_one_level_is_enough_where_noise_is_white():
    assert coloured.calls_for(torch.ones(1, 8, 8)) == 1


def test_correlated_rows_cost_turbo_little():
    prior = priors().parse("gaussian").load("cpu", (1, 32, 32))
    truth = prior.sample(4, generator(0, "truth"))
    draws, errors = Draws(0, range(4), range(1)), {}
    for written in ("gaussian", "correlated"):
        operator = OPERATORS.parse(f"{written} measurements=512").build((1, 32, 32), 0)
        seen = simulate(truth, operator, QUANTIZERS.parse("uniform bits=3"), 0.02, 0, offset=0.45)
        *_, end = ALGORITHMS.parse("turbo levels=2").iterates(seen, prior, draws)
        errors[written] = float((end.mean - truth).square().mean())
        assert float(end.predicted_rmse.square().mean()) == pytest.approx(errors[written], rel=0.35)
    assert errors["correlated"] < 1.3 * errors["gaussian"]


def test_few_levels_draw_a_gaussian_as_wide_as_many():
    prior, rows = GaussianPrior((1, 8, 8), 0.4, 0.09), 200
    for noise in (0.1, 0.3, 1.0):
        exact = 0.09 * noise**2 / (0.09 + noise**2)
        levels = Turbo().levels_for(torch.full((rows,), noise))
        draws = RowGenerators([generator(0, "rows", i) for i in range(rows)])
        start = torch.full((rows, 1, 8, 8), 0.4)
        *_, (x, _, _) = reverse_diffusion(prior, start, torch.full((rows,), noise), 0.01, levels, draws, power=POWER)
        assert float(x.double().var(0).mean()) == pytest.approx(exact, rel=0.07)
    assert int(Turbo().levels_for(torch.tensor([0.1])).max()) < 10 < int(Turbo().levels_for(torch.tensor([1.0])).max())


def test_rows_with_few_levels_are_drawn_alike_alone_and_among_others():
    prior = GaussianPrior((1, 4, 4), 0.4, 0.09)
    start, noise = torch.rand(2, 1, 4, 4), torch.tensor([0.1, 2.0])
    levels = Turbo().levels_for(noise)
    assert levels[0] < levels[1]

    def drawn(rows):
        draws = RowGenerators([generator(0, "rows", i) for i in rows])
        *_, (x, _, _) = reverse_diffusion(prior, start[rows], noise[rows], 0.01, levels[rows], draws)
        return x

    together = drawn([0, 1])
    assert torch.allclose(together[0], drawn([0])[0], atol=1e-6) and torch.allclose(
        together[1], drawn([1])[0], atol=1e-6
    )


@pytest.mark.parametrize("operator", ["identity", "inpainting", "super-resolution"])
def test_plug_and_play_keeps_the_contrast_that_signs_do_not_tell(operator):
    job, result = run(operator=operator, quantizer="one-bit", algorithm="plug-and-play", image="sample:photo-cat")
    seen = job.measurement.simple_estimate()[0].clamp(0, 1).numpy()
    assert psnr(result.mean, result.truth) > psnr(seen, result.truth)
    told = size_by_signs(job.measurement)
    size = float(((result.mean - 0.5) ** 2).mean()) ** 0.5
    assert told is not None and math.log(size / float(told)) == pytest.approx(0, abs=0.1)
