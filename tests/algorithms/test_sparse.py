"""Lasso against scikit-learn and a plain ISTA, BIHT on sparse pictures; both keep the contract of algorithms."""

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.sparse.convex_concave import likeliest_gain
from engine.control import Cancelled, Control
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs import Job, RunSpec, measure, prepare
from engine.runs.job import load_truth
from engine.sensing.measurement import Measurement
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import Quantizer


def run(spec, truth=None):
    truth = load_truth(spec)[0] if truth is None else truth
    job = Job(spec, measure(spec, torch.from_numpy(np.asarray(truth, np.float32)).reshape(-1, 1, 28, 28)))
    for _ in job.stream():
        pass
    return job


def objective(job, x, prior, penalty):
    seen = job.measurement
    residual = seen.values.double() - seen.predict(x).double()
    return float(0.5 * residual.square().sum() + penalty * prior.penalty(x).sum())


@pytest.mark.slow
@pytest.mark.parametrize("penalty", [0.01, 0.1])
@pytest.mark.parametrize("operator", ["gaussian measurements=200", "dct measurements=300"])
def test_lasso_reaches_the_objective_of_scikit_learn(penalty, operator):
    from sklearn.linear_model import Lasso

    spec = RunSpec(prior="pixels", operator=operator, quantizer="none",
                   algorithm=f"lasso penalty={penalty} tolerance=1e-7 iterations=3000")  # fmt: skip
    job = run(spec)
    seen, prior = job.measurement, spec.prior.load("cpu", (1, 28, 28))
    matrix = seen.operator.forward(torch.eye(784).reshape(784, 1, 28, 28)).T.double().numpy()
    y = seen.values[0].double().numpy()
    model = Lasso(penalty / len(y), fit_intercept=False, max_iter=50_000, tol=1e-8)
    with np.errstate(all="ignore"):
        theirs = model.fit(matrix, y).coef_
    best = objective(job, torch.from_numpy(theirs).reshape(1, 1, 28, 28).double(), prior, penalty)
    assert objective(job, job.last.x.double(), prior, penalty) <= best * (1 + 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("written", ["wavelet level=0", "total-variation level=0"])
@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=3"])
def test_lasso_reaches_the_objective_of_a_plain_ista(written, quantizer):
    from engine.likelihoods.data_term import DataTerm

    spec = RunSpec(
        prior=written, quantizer=quantizer, noise=0.1, algorithm="lasso penalty=0.02 tolerance=1e-5 iterations=300"
    )
    job = run(spec)
    term, prior = DataTerm(job.measurement), spec.prior.load("cpu", (1, 28, 28))
    step, x, memory = 1 / term.gain(), torch.zeros((1, 1, 28, 28)), {}
    for _ in range(300):
        x = prior.prox(x - step * term.variance * term.gradient(x), 0.02 * step, memory)

    def value(u):
        return float(term.variance * term.value(u) + 0.02 * prior.penalty(u))

    assert value(job.last.x) <= value(x) + 1e-3 * abs(value(x))


def test_cells_explain_more_than_codes_taken_as_real_values():
    cosines = {}
    for data in ("cells", "codes"):
        spec = RunSpec(prior="wavelet level=0", algorithm=f"lasso data={data}", image="sample:digit-3")
        cosines[data] = run(spec).reconstructions()[0].metrics()["cosine_mean"]
    assert cosines["cells"] > cosines["codes"]


def test_the_discrepancy_leaves_what_the_noise_would():
    spec = RunSpec(prior="wavelet level=0", quantizer="none", noise=0.2, algorithm="lasso rule=discrepancy",
                   operator="gaussian measurements=300")  # fmt: skip
    job = run(spec)
    residual = job.measurement.values - job.measurement.predict(job.last.x)
    assert 0.5 < float(residual.square().mean()) / 0.2**2 <= 1.1


@pytest.mark.slow
def test_an_image_alone_is_the_same_as_among_others():
    truths = np.stack([load_truth(RunSpec(image=f"sample:digit-{d}"))[0] for d in (3, 7, 1)])
    for written in ("lasso", "biht"):
        spec = RunSpec(prior="wavelet level=0", algorithm=written)
        many = [r.mean for r in run(spec, truths).reconstructions()]
        alone = run(spec, truths[:1]).reconstructions()[0].mean
        assert np.abs(many[0] - alone).max() < 1e-3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["one-sided-l1", "one-sided-l2"])
def test_biht_finds_a_sparse_picture_from_bits(seed, loss):
    rng, x = np.random.default_rng(seed), np.zeros(784)
    x[rng.choice(784, 10, replace=False)] = rng.uniform(0.2, 1.0, 10)
    spec = RunSpec(prior="pixels", operator="gaussian measurements=400", noise=0.0, seed=seed,
                   algorithm=f"biht sparsity=1.2755 loss={loss}")  # fmt: skip
    result = run(spec, x).reconstructions()[0]
    assert result.metrics()["cosine_mean"] > (0.97 if loss == "one-sided-l1" else 0.9)
    assert (np.abs(result.mean) > 1e-6).sum() == 10 and result.mean.max() <= 1 + 1e-6


@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_biht_shows_signs_at_the_amplitude_that_makes_them_likeliest(noise):
    rng, x = np.random.default_rng(2), np.zeros(784)
    x[rng.choice(784, 10, replace=False)] = rng.uniform(0.2, 1.0, 10)
    spec = RunSpec(prior="pixels", operator="gaussian measurements=400", noise=noise, offset=0.0,
                   algorithm="biht sparsity=1.2755")  # fmt: skip
    job = run(spec, x)
    shown = job.last.x
    signs = torch.where(job.measurement.lower.isinf(), -1.0, 1.0)

    def surprise(share):  # -ln p of all the bits at a share of full contrast
        z = job.measurement.operator.forward(share * shown / shown.abs().max()).double()
        return float(-torch.special.log_ndtr(signs * z / noise).sum())

    others = [surprise(share) for share in np.linspace(0.05, 1.0, 39)]
    assert surprise(float(shown.abs().max())) <= min(others) + 0.02 * (max(others) - min(others))


@pytest.mark.parametrize("quantizer", ["none", "uniform bits=6"])
def test_biht_keeps_the_amplitude_where_the_cells_tell_it(quantizer):
    rng, x = np.random.default_rng(5), np.zeros(784)
    x[rng.choice(784, 10, replace=False)] = rng.uniform(0.2, 1.0, 10)
    spec = RunSpec(prior="pixels", operator="gaussian measurements=400", noise=0.01, quantizer=quantizer,
                   algorithm="biht sparsity=1.2755")  # fmt: skip
    assert run(spec, x).reconstructions()[0].metrics()["psnr_mean"] > 28


@pytest.mark.parametrize("written", ["lasso", "lasso penalty=0.05", "biht"])
def test_one_estimate_streams_stops_and_has_no_samples(written):
    spec = RunSpec(prior="pixels", algorithm=written)
    algorithm = ALGORITHMS.parse(written)
    job = prepare(spec)
    for steps, iterate in enumerate(job.stream(), start=1):
        assert iterate.step == steps <= algorithm.steps_for(8) and iterate.per_image
    assert iterate.is_last
    result = job.reconstructions()[0]
    assert result.std is None and len(result.samples) == 0 and result.rows_are == "one estimate"
    assert result.metrics()["psnr_sample"] is None and result.metrics()["coverage_90"] is None
    with pytest.raises(InputError, match="one estimate"):
        result.export("std.png", "std")
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        list(prepare(spec).stream(control))


def test_two_grey_levels_from_sixty_degrees_with_beam_hardening():
    shape = (1, 40, 40)
    operator = OPERATORS.parse("tomography angles=31 range=62").build(shape, 0)
    rows, columns = np.mgrid[:40, :40] - 19.5
    disc = (
        (np.hypot(rows, columns) < 17) & (np.hypot(rows - 5, columns + 6) > 4) & (np.hypot(rows + 7, columns - 3) > 4)
    )
    truth = torch.from_numpy(disc.astype(np.float32))[None, None]
    z = operator.forward(truth)
    seen = Measurement(operator, 0.1, values=1.05 * z - 0.004 * z**2, quantizer=Quantizer(None))
    prior = priors().parse("two-valued").load("cpu", shape)
    lowest = {}
    for hardening in ("true", "false"):
        for last in ALGORITHMS.parse(f"convex-concave hardening={hardening}").iterates(seen, prior, Draws(0)):
            assert 0 <= float(last.x.min()) <= float(last.x.max()) <= 1
        wrong = float(((last.mean > 0.5) != (truth > 0.5)).float().mean())
        lowest[hardening] = wrong, last.statistics["residual"]
    assert lowest["true"][0] < 0.02
    assert lowest["true"] < (0.7 * lowest["false"][0], lowest["false"][1]), lowest
    assert last.statistics["grey"] < 1e-3


def test_two_grey_levels_begin_with_coarser_pixels():
    shape = (1, 84, 90)
    operator = OPERATORS.parse("tomography angles=20").build(shape, 0)
    truth = torch.zeros((1, *shape))
    truth[..., 20:61, 30:71] = 1
    seen = Measurement(operator, 0.1, values=operator.forward(truth), quantizer=Quantizer(None))
    prior = priors().parse("two-valued").load("cpu", shape)
    for last in ALGORITHMS.parse("convex-concave iterations=6").iterates(seen, prior, Draws(0)):
        assert last.x.shape == (1, *shape)
        if last.step == 12:  # pixels are twice as wide until then
            assert torch.equal(last.x[..., ::2, ::2], last.x[..., 1::2, 1::2])
    assert float(((last.mean > 0.5) != (truth > 0.5)).float().mean()) < 0.01


def test_two_grey_levels_tell_their_own_gain():
    shape = (1, 32, 32)
    operator = OPERATORS.parse("tomography angles=24").build(shape, 0)
    truth = torch.zeros((1, *shape))
    truth[..., 8:22, 6:26] = 1
    seen = Measurement(operator, 0.1, values=1.2 * operator.forward(truth), quantizer=Quantizer(None))
    gain, step = likeliest_gain(seen)
    assert gain == pytest.approx(1.2, abs=1.5 * step)
    assert step < 0.15


def test_two_grey_levels_are_of_real_values_alone():
    with pytest.raises(InputError, match="real values of a linear operator"):
        RunSpec(prior="two-valued", quantizer="one-bit", algorithm="convex-concave")
    with pytest.raises(InputError, match="take the prior two-valued"):
        RunSpec(prior="total-variation", quantizer="none", algorithm="convex-concave")
    assert RunSpec(prior="two-valued", quantizer="one-bit").algorithm.name == "lasso"
    pushed, local = ("tomography", "gaussian measurements=196"), ("blur", "inpainting")
    for operator, advised in (*((o, "convex-concave") for o in pushed), *((o, "lasso") for o in local)):
        assert RunSpec(prior="two-valued", quantizer="none", operator=operator).algorithm.name == advised
