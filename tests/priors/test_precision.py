"""The arithmetic of networks: single precision unless bfloat16 was asked for, and the same on every machine."""

import pytest
import torch
from made_networks import GUIDED, guided_file, guided_settings

from engine.priors.base import Card, DenoiserPrior
from engine.priors.importing.importer import import_prior
from engine.priors.library import priors
from engine.priors.precision import at_precision, has_bfloat16
from engine.runs.estimates import Speed, estimate
from engine.runs.job import reconstruct
from engine.runs.spec import RunSpec

SIGMA = torch.tensor([0.05, 0.3, 1.0])


@pytest.fixture
def noisy():
    return torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=[False, True], ids=["plain-processor", "bfloat16-processor"])
def able(request, monkeypatch):
    """Whether torch says that the processor has instructions for bfloat16."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: request.param, raising=False)
    assert has_bfloat16() is request.param
    return request.param


class ByBatch(DenoiserPrior):
    """Stands for kernels that are chosen by the shape of the batch: its answers differ with the number of rows."""

    image_shape, sigma_min, sigma_max, mean, variance, card = (1, 4, 4), 0.01, 1.0, 0.5, 0.1, Card("made", "Made")

    def denoise(self, x, sigma):
        levels = torch.as_tensor(sigma).expand(len(x)).reshape(-1, 1, 1, 1)
        return x / (1 + levels) + 0.01 * len(x)

    def to(self, device):
        return self


def test_float32_is_what_is_meant_on_every_processor(noisy, able):
    plain, exact = (priors().parse(f"mnist{more}").load() for more in ("", " precision=float32"))
    assert plain.precision == exact.precision == "float32"
    assert torch.equal(plain.denoise(noisy, SIGMA), exact.denoise(noisy, SIGMA))
    apart = torch.cat([plain.denoise(noisy[i : i + 1], SIGMA[i : i + 1]) for i in range(3)])
    assert torch.allclose(apart, plain.denoise(noisy, SIGMA), atol=1e-5)


def test_a_recipe_gives_the_same_arrays_whatever_the_processor_can(monkeypatch):
    found = []
    for can in (False, True):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda can=can: can, raising=False)
        result = reconstruct(RunSpec(algorithm="turbo rounds=2 levels=2", samples=2, device="cpu"))
        assert result.facts["precision"] == "float32"
        found.append(torch.from_numpy(result.samples))
    assert torch.equal(*found)


def test_bfloat16_is_near_and_the_same_alone_as_among_others(noisy, able):
    exact, low = (priors().parse(f"mnist precision={p}").load() for p in ("float32", "bfloat16"))
    wanted, got = exact.denoise(noisy, SIGMA), low.denoise(noisy, SIGMA)
    assert got.dtype == torch.float32
    assert 1e-5 < float((got - wanted).square().mean().sqrt()) < 4e-3
    assert torch.equal(low.denoise(noisy, SIGMA), got)
    for i in range(3):
        assert torch.equal(low.denoise(noisy[i : i + 1], float(SIGMA[i])), got[i : i + 1])
    assert torch.equal(low.denoise(noisy[1:], SIGMA[1:]), got[1:])
    assert low.card == exact.card and low.sigma_min == exact.sigma_min and low.precision == "bfloat16"


def test_kernels_chosen_by_the_batch_do_not_reach_the_rows():
    prior = at_precision(ByBatch(), "bfloat16")
    x, levels = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.linspace(0.1, 0.5, 5)
    together = prior.denoise(x, levels)
    for i in range(5):
        assert torch.equal(prior.denoise(x[i : i + 1], levels[i : i + 1]), together[i : i + 1])
    assert prior.denoise(x[:0], 0.3).shape == (0, 1, 4, 4)


def test_auto_of_old_recipes_is_float32(able):
    old = RunSpec(prior="mnist precision=auto")
    assert old == RunSpec(prior="mnist") and str(old.prior) == "mnist precision=float32"
    assert RunSpec.from_dict(old.as_dict() | {"prior": "mnist precision=auto"}) == old
    assert priors().get("mnist").settings()["precision"].choices == ("float32", "bfloat16")


def test_gradients_pass_through(noisy):
    gradients = []
    for written in ("mnist", "mnist precision=bfloat16"):
        x = noisy.clone().requires_grad_()
        priors().parse(written).load().denoise(x, 0.2).square().sum().backward()
        gradients.append(x.grad.flatten())
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99


def test_recipes_keep_it_and_generators_have_none():
    spec = RunSpec(prior="mnist precision=bfloat16")
    assert str(spec.prior) == "mnist precision=bfloat16"
    assert RunSpec.from_dict(spec.as_dict()) == spec
    assert "precision" not in priors().get("vae-mnist").settings()


def test_a_result_says_what_it_was_computed_in(able):
    quick = {"operator": "gaussian measurements=100", "algorithm": "turbo rounds=1 levels=2", "samples": 1}
    for word in ("bfloat16", "float32"):
        result = reconstruct(RunSpec(image="sample:digit-1", prior=f"mnist precision={word}", **quick))
        assert result.facts["precision"] == word


def test_the_time_is_told_for_samples_that_are_computed_one_by_one():
    speed = Speed(per_call=1.0, per_row=0.1, pixels=784)

    def told(word, samples, algorithm="guided steps=10"):
        return estimate(RunSpec(prior=f"mnist precision={word}", algorithm=algorithm, samples=samples), speed).seconds

    assert told("bfloat16", 4) == pytest.approx(4 * told("bfloat16", 1)) == pytest.approx(4 * told("float32", 1))
    assert told("float32", 4) < 3 * told("float32", 1)
    assert told("bfloat16", 4, "plug-and-play") == told("float32", 4, "plug-and-play")


def test_imported_networks_are_never_called_in_bfloat16_unless_asked(tmp_path, able):
    guided_file(tmp_path / "a.pt", GUIDED["conv"])
    import_prior(guided_settings(tmp_path / "a.pt", GUIDED["conv"], name="theirs"))
    theirs = priors().parse("theirs")
    assert theirs.load().precision == "float32"
    assert theirs.quick("cpu") is theirs
    assert theirs.replace(precision="bfloat16").load().precision == "bfloat16"


def test_previews_are_quick_where_the_processor_is(able):
    ours = priors().parse("mnist")
    assert ours.quick("cpu").precision == ("bfloat16" if able else "float32")
    for name in ("vae-mnist", "gaussian", "wavelet"):
        other = priors().parse(name)
        assert other.quick("cpu") is other


def test_a_gpu_multiplies_float32_as_float32(monkeypatch):
    """Its convolutions keep ten bits otherwise, and give another picture than a processor."""
    from engine.device import choose_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    assert choose_device("auto") == "cuda"
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
