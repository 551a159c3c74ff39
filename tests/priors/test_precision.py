"""Networks in bfloat16: near the same answers, where and only where they were asked for."""

import pytest
import torch

from engine.priors import precision
from engine.priors.library import priors
from engine.runs.spec import RunSpec


@pytest.fixture
def noisy():
    return torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_bfloat16_is_near_and_float32_is_what_it_was(noisy):
    plain, exact, low = (
        priors().parse(f"mnist{more}").load() for more in ("", " precision=float32", " precision=bfloat16")
    )
    sigma = torch.tensor([0.05, 0.3, 1.0])
    answers = [prior.denoise(noisy, sigma) for prior in (plain, exact, low)]
    assert torch.equal(answers[0], answers[1]) or precision.has_bfloat16()
    assert answers[2].dtype == torch.float32
    apart = (answers[2] - answers[1]).square().mean().sqrt()
    assert 1e-5 < float(apart) < 4e-3
    assert torch.equal(low.denoise(noisy, sigma), answers[2])  # reproducible
    assert low.card == plain.card and low.sigma_min == plain.sigma_min and low.precision == "bfloat16"


def test_auto_asks_the_processor_and_the_noise_level(noisy, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    auto, exact, low = (priors().parse(f"mnist precision={p}").load() for p in ("auto", "float32", "bfloat16"))
    sigma = torch.tensor([0.005, 0.3, 0.01])
    out = auto.denoise(noisy, sigma)
    assert torch.allclose(out[1:2], low.denoise(noisy[1:2], sigma[1:2]), atol=1e-6)
    assert torch.allclose(out[[0, 2]], exact.denoise(noisy[[0, 2]], sigma[[0, 2]]), atol=1e-6)
    assert torch.equal(auto.denoise(noisy, 0.01), exact.denoise(noisy, 0.01))
    assert torch.equal(auto.denoise(noisy, 0.1), low.denoise(noisy, 0.1))
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    assert priors().parse("mnist").load() is exact


def test_gradients_pass_through(noisy):
    prior = priors().parse("mnist precision=bfloat16").load()
    x = noisy[:1].clone().requires_grad_()
    prior.denoise(x, 0.2).square().sum().backward()
    plain = noisy[:1].clone().requires_grad_()
    priors().parse("mnist precision=float32").load().denoise(plain, 0.2).square().sum().backward()
    assert torch.nn.functional.cosine_similarity(x.grad.flatten(), plain.grad.flatten(), dim=0) > 0.99


def test_recipes_keep_it_and_generators_have_none():
    spec = RunSpec(prior="mnist precision=bfloat16")
    assert str(spec.prior) == "mnist precision=bfloat16"
    assert RunSpec.from_dict(spec.as_dict()) == spec
    assert "precision" not in priors().get("vae-mnist").settings()


def test_a_result_says_what_it_was_computed_in():
    from engine.runs.job import prepare

    said = []
    for written in ("mnist precision=bfloat16", "mnist precision=float32"):
        quick = {"operator": "gaussian measurements=100", "algorithm": "turbo rounds=1 levels=2"}
        job = prepare(RunSpec(image="sample:digit-1", prior=written, **quick))
        for _ in job.stream():
            pass
        said.append(job.reconstructions()[0].facts["precision"])
    assert said == ["bfloat16", "float32"]
