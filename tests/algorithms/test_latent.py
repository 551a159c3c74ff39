"""Methods on a generator's latent, against what is known exactly for a linear generator."""

import itertools

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import Draws
from engine.likelihoods.data_term import DataTerm
from engine.priors.base import Card, GeneratorPrior
from engine.seeds import generator
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE, LATENT = (1, 8, 8), 5


class LinearGenerator(GeneratorPrior):
    """x = 0.5 + B z: the posterior of z is Gaussian where the measurement is."""

    def __init__(self):
        self.card = Card("linear", "Linear")
        self.image_shape, self.latent_shape = SHAPE, (LATENT,)
        self.basis = 0.1 * torch.randn(LATENT, 64, generator=torch.Generator().manual_seed(3))
        self.mean, self.variance = 0.5, 0.01 * LATENT

    def to(self, device):
        return self

    def draw_latents(self, generators, device="cpu"):
        return generators.normal(self.latent_shape, device)

    def generate(self, latent):
        return 0.5 + (latent @ self.basis).reshape(-1, *SHAPE)


def seen(quantizer="none", rows=12, noise=0.05, images=1):
    prior = LinearGenerator()
    operator = OPERATORS.parse(f"gaussian measurements={rows}").build(SHAPE, 0)
    z = torch.stack([torch.randn(LATENT, generator=generator(5, "truth", i)) for i in range(images)])
    y = simulate(prior.generate(z), operator, QUANTIZERS.parse(quantizer), noise, 0, offset=0.5)
    return prior, operator, y, z


def last(name, measurement, prior, samples, images=(0,)):
    *_, end = ALGORITHMS.parse(name).iterates(measurement, prior, Draws(0, images, range(samples)))
    return end


@pytest.mark.slow
def test_latent_langevin_samples_the_exact_posterior():
    prior, operator, y, _ = seen()
    samples = 4000
    x = last("latent-langevin powers=12 moves=2 settle=20", y, prior, samples).x
    a = operator.forward(torch.eye(64).reshape(64, *SHAPE)).double().T @ prior.basis.double().T  # rows by latents
    precision = a.T @ a / 0.05**2 + torch.eye(LATENT, dtype=torch.float64)
    covariance = torch.linalg.inv(precision)
    mean = covariance @ a.T @ y.values[0].double() / 0.05**2
    found = torch.linalg.lstsq(prior.basis.double().T, (x.double() - 0.5).flatten(1).T).solution.T
    scale = covariance.diagonal().sqrt()
    assert float(((found.mean(0) - mean) / scale).abs().max()) < 4 / samples**0.5
    got = torch.from_numpy(np.cov(found.numpy().T))
    whitened = torch.linalg.solve(torch.linalg.cholesky(covariance), got)
    whitened = torch.linalg.solve(torch.linalg.cholesky(covariance), whitened.T)
    assert float((whitened - torch.eye(LATENT, dtype=torch.float64)).norm(2)) < 0.12
    assert float(whitened.trace() / LATENT) == pytest.approx(1, abs=0.03)


def test_the_dynamics_no_longer_adapt_where_they_sample(monkeypatch):
    """A chain whose step follows its own acceptance does not leave the posterior as it is."""
    from engine.algorithms.latent.hamiltonian import Chains

    prior, _, y, _ = seen()
    steps, move = [], Chains.move

    def watched(chain, *arguments, **named):
        found = move(chain, *arguments, **named)
        if not chain.pooled:
            steps.append(chain.step.clone())
        return found

    monkeypatch.setattr(Chains, "move", watched)
    last("latent-langevin particles=8 powers=4 moves=3 settle=20", y, prior, 5)
    assert len(steps) == 20
    annealing, rest = steps[:10], steps[9:]
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(annealing))
    assert all(torch.equal(rest[0], step) for step in rest)


class TwoHills(LinearGenerator):
    """x = 0.5 + B f(z) with f(z) = (|z_1|, z_2 + z_1 / 4, ...): two values of z_1 explain every picture nearly as well."""

    def generate(self, latent):
        folded = torch.cat([latent[:, :1].abs(), latent[:, 1:] + 0.25 * latent[:, :1]], 1)
        return super().generate(2.5 * folded)


def weighted(prior, y, count=200_000):
    """Images of latents drawn from the prior (count, 64) and their weights: the posterior by importance sampling."""
    z = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(1))
    x = prior.generate(z)
    logs = -DataTerm(y).value(x)
    return z, x.flatten(1).double(), torch.softmax(logs, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("quantizer", "rows", "noise"), [("one-bit", 10, 0.1), ("uniform bits=3", 4, 0.3)])
def test_modes_have_the_weight_of_their_evidence(quantizer, rows, noise):
    operator = OPERATORS.parse(f"gaussian measurements={rows}").build(SHAPE, 0)
    prior = TwoHills()
    truth = prior.generate(torch.tensor([[1.2, 0.3, -0.5, 0.8, 0.1]]))
    y = simulate(truth, operator, QUANTIZERS.parse(quantizer), noise, 0, offset=0.5)
    _, x, weights = weighted(prior, y)
    assert float(1 / weights.square().sum()) > 500
    mean = weights @ x
    spread = (weights @ (x - mean).square()).sqrt()
    found = torch.cat(
        [
            [*ALGORITHMS.parse("latent-langevin moves=1").iterates(y, prior, Draws(seed, (0,), range(24)))][-1]
            .x.flatten(1)
            .double()
            for seed in range(8)
        ]
    )
    off = ((found.mean(0) - mean) / spread).square().mean().sqrt()
    assert float(off) < 0.25
    assert float((found.var(0).sum() / spread.square().sum()).sqrt()) == pytest.approx(1, abs=0.1)


def test_a_sample_is_the_same_whatever_others_are_asked_for():
    prior, _, y, _ = seen("one-bit", images=2)
    text = "latent-langevin particles=16 powers=6 moves=1 settle=4"
    together = last(text, y, prior, 3, (0, 1)).x
    *_, alone = ALGORITHMS.parse(text).iterates(y.select([1]), prior, Draws(0, (1,), (2,)))
    assert torch.allclose(alone.x[0], together[5], atol=1e-4)


def test_the_population_reaches_the_full_likelihood_in_the_powers_allowed():
    prior, _, y, _ = seen(noise=1e-4)
    iterates = list(
        ALGORITHMS.parse("latent-langevin particles=8 powers=5 moves=2 settle=3").iterates(y, prior, Draws(0))
    )
    assert len(iterates) == 5 * 2 + 3 and iterates[-1].is_last
    powers = [i.statistics["power"] for i in iterates]
    assert powers == sorted(powers) and powers[9] == 1


@pytest.mark.slow
def test_one_bit_samples_agree_with_importance_sampling():
    prior, operator, y, _ = seen("one-bit", rows=20)
    x = last("latent-langevin powers=12 moves=2 settle=20", y, prior, 3000).x
    z = torch.randn(200_000, LATENT, generator=torch.Generator().manual_seed(1))
    t = operator.forward(prior.generate(z) - 0.5).double()
    sign = torch.where(y.lower.isinf(), -1.0, 1.0)
    logs = torch.special.log_ndtr(sign * t / 0.05).sum(1)
    weights = torch.softmax(logs, 0)
    mean = (weights[:, None] * (prior.generate(z) - 0.5).flatten(1).double()).sum(0)
    spread = (weights[:, None] * ((prior.generate(z) - 0.5).flatten(1).double() - mean).square()).sum(0).sqrt()
    got = (x - 0.5).flatten(1).double()
    assert float(((got.mean(0) - mean) / spread).abs().max()) < 0.15
    assert float((got.std(0) / spread).mean()) == pytest.approx(1, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", ["none", "uniform bits=3"])
def test_descent_finds_the_picture(quantizer):
    prior, _, y, z = seen(quantizer, rows=40, noise=0.01, images=2)
    truth = prior.generate(z)
    for name in ("csgm penalty=0 rate=0.05", "bipg iterations=30"):
        end = last(name, y, prior, 3, (0, 1))
        x = end.mean
        if x is None:
            best = end.loss.reshape(2, 3).argmin(1)
            x = end.x.reshape(2, 3, *SHAPE)[torch.arange(2), best]
        limit = 0.04 if quantizer == "none" else 0.08  # three bits for a wider range than these pictures have
        assert float((x - truth).square().mean().sqrt()) < limit, name


@pytest.mark.slow
def test_signs_give_the_direction_and_the_norm_must_be_told():
    prior, _, y, z = seen("one-bit", rows=60, noise=0.01)
    truth = (prior.generate(z) - 0.5).flatten()
    found = {name: (last(name, y, prior, 2).x[0] - 0.5).flatten() for name in ("bipg", "oneshot norm=true", "oneshot")}
    for name, x in found.items():
        limit = 0.75 if name == "bipg" else 0.9  # its step, made for a bounded range, is long for this unbounded one
        assert float(torch.nn.functional.cosine_similarity(x, truth, 0)) > limit, name
    assert (found["oneshot norm=true"] - truth).norm() < 0.5 * truth.norm()


def test_csgm_keeps_the_best_of_each_row():
    prior, _, y, _ = seen(noise=0.01)
    algorithm = ALGORITHMS.parse("csgm optimiser=sgd rate=0.5 steps=30 penalty=0")  # too long a step: it wanders off
    iterates = list(algorithm.iterates(y, prior, Draws(0, (0,), range(2))))
    least = torch.stack([i.loss for i in iterates]).amin(0)
    assert torch.equal(iterates[-1].loss, least)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dcs", "sdlss"])
def test_learnt_steps_do_what_they_were_trained_for(tmp_path, monkeypatch, method):
    from engine.errors import InputError
    from engine.images import save_png
    from engine.priors.library import priors, user_folder
    from engine.priors.training.generators import trainer_for
    from engine.priors.training.generators.settings import GeneratorTraining
    from engine.runs.job import reconstruct
    from engine.runs.spec import RunSpec

    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    rng = np.random.default_rng(0)
    shade = np.linspace(0, 1, 8)[None, None]
    for i in range(20):
        picture = np.clip(rng.random() * shade + (1 - shade) * rng.random() * shade.transpose(0, 2, 1), 0, 1)
        save_png(tmp_path / f"{i:02}.png", picture.astype(np.float32))
    user_folder().mkdir(parents=True)
    trainer = trainer_for(
        GeneratorTraining(
            images=str(tmp_path), out=str(user_folder() / "steps.safetensors"), prior="steps", method=method, latent=6,
            hidden=32, batch=16, steps=700, rate=5e-3, sparsity=4, measurements=20, average=0.9, threads=1, decay=0.5,
        )
    )  # fmt: skip
    losses = [progress.loss for progress in trainer]
    assert losses[-1] < 0.5 * losses[0]
    prior = trainer.finish()
    assert prior.meta["method"] == method and prior.meta["rate"] != 0.01
    z = prior.on_latents(torch.randn(5, 6))
    if method == "dcs":
        assert torch.allclose(z.norm(dim=1), torch.ones(5), atol=1e-5)
    else:
        assert int((z != 0).sum(1).max()) == 4
    spec = RunSpec(
        image=str(tmp_path / "03.png"), prior="steps", operator="gaussian measurements=20", quantizer="none", noise=0.01,
        algorithm=method, samples=3, device="cpu",
    )  # fmt: skip
    result = reconstruct(spec)
    found = result.history["objective"]
    assert len(found) == 4 and found[-1] < 0.5 * found[0]
    assert priors().parse("steps").kind == "generator"
    with pytest.raises(InputError, match="trained for it"):
        RunSpec(prior="vae-mnist", algorithm=method)
