"""Import of networks that were trained elsewhere: what is imported is what was in the file."""

import json

import pytest
import torch
from made_networks import GUIDED, authors_file, contract, guided_file, guided_settings, score_net

from engine.cli import main
from engine.errors import InputError
from engine.priors.header import read_header
from engine.priors.importing.importer import import_prior
from engine.priors.importing.settings import PriorImport
from engine.priors.library import priors
from engine.priors.networks.ncsnv2 import VARIANTS
from engine.priors.networks.registry import load_prior
from engine.priors.networks.schedule import noise_levels, schedule


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_authors_checkpoint(tmp_path, variant):
    plain, average = score_net(variant, seed=1), score_net(variant, seed=2)
    file = authors_file(tmp_path / "checkpoint_1.pth", plain, average)
    x, label = torch.rand(2, 1, 36, 33), torch.tensor([0, 4])
    sigma = plain.sigmas[label]
    for ema, network in ((True, average), (False, plain)):
        prior = load_prior(import_prior(PriorImport(file=str(file), name=f"net-{ema}", side=32, ema=ema)))
        score = network(x, label)
        got = prior.score(x, sigma)
        # Tweedie's difference loses digits at small sigma; the denoised image does not.
        assert torch.allclose(prior.denoise(x, sigma), x + sigma.reshape(-1, 1, 1, 1) ** 2 * score, atol=1e-5)
        assert torch.allclose(got, score, rtol=1e-2, atol=1e-2)
        assert prior.image_shape == (1, 32, 32)
        assert (prior.sigma_min, prior.sigma_max) == pytest.approx((0.01, 10.0))
        assert ("EMA" in prior.card.notes) == (not ema)
        assert prior.card.licence.startswith("Licence not stated")
        assert "assumed" in prior.card.notes


def test_other_forms_of_the_same_network(tmp_path):
    network, x = score_net(), torch.rand(1, 1, 28, 28)
    want = x + 0.3 * network.noise(x)
    authors_file(tmp_path / "no-average.pth", network)
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    torch.save(network.state_dict(), tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"model": network.state_dict(), "step": 3}, tmp_path / "nested.pt")
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "bare.safetensors")
    for i, file in enumerate(sorted(tmp_path.glob("*.*"))):
        prior = load_prior(import_prior(PriorImport(file=str(file), name=f"a{i}")))
        assert torch.allclose(prior.denoise(x, 0.3), want, atol=1e-5), file.name
        assert "no separate averaged (EMA)" in prior.card.notes


def test_float16_stays_float16(tmp_path):
    network = score_net()
    file = authors_file(tmp_path / "half.pth", network, half=True)
    path = import_prior(PriorImport(file=str(file)))
    from safetensors.torch import load_file

    kept = load_file(path)
    assert path.stem == "half"
    assert {v.dtype for k, v in kept.items() if k != "sigmas"} == {torch.float16}
    assert all(torch.equal(v.float(), network.half().state_dict()[k].float()) for k, v in kept.items())
    assert load_prior(path).denoise(torch.rand(1, 1, 28, 28), 0.1).dtype == torch.float32


def test_images_between_minus_one_and_one(tmp_path):
    file = authors_file(tmp_path / "n.pth", score_net())
    prior = load_prior(import_prior(PriorImport(file=str(file), pixels="-1..1")))
    assert (prior.sigma_min, prior.sigma_max) == pytest.approx((0.005, 5.0))


@pytest.mark.parametrize("kind", list(GUIDED))
def test_guided_state_dictionary(tmp_path, kind):
    shape = GUIDED[kind]
    network = guided_file(tmp_path / "g.pt", shape)
    path = import_prior(guided_settings(tmp_path / "g.pt", shape, name="guided", title="Guided"))
    assert read_header(path)["kind"] == "guided-diffusion"
    assert "guided" in priors().choices
    prior = priors().parse("guided").load()
    assert prior.card.title == "Guided"
    assert prior.sigma_max == pytest.approx(157.4 / 2, rel=1e-3)
    x = torch.randn(3, shape.channels, 16, 16)
    levels = noise_levels(schedule("linear"))
    step = 400
    sigma = float(levels[step]) / 2
    assert float(prior.steps(torch.tensor([sigma]))) == pytest.approx(step, abs=1e-2)
    kept = 1 / (1 + levels[step] ** 2)
    eps = network(kept**0.5 * (2 * x - 1), torch.full((3,), float(step)))[:, : shape.channels]
    want = ((2 * x - 1) - levels[step] * eps + 1) / 2
    assert torch.allclose(prior.denoise(x, sigma), want, atol=1e-4)


def test_predictions_agree_on_what_they_are_predictions_of(tmp_path):
    """A network that knows the clean image and the noise gives back the clean image whichever it predicts."""
    shape = GUIDED["conv"]
    guided_file(tmp_path / "g.pt", shape)
    gen = torch.Generator().manual_seed(0)
    clean, noise, sigma = torch.rand(1, 1, 16, 16, generator=gen), torch.randn(1, 1, 16, 16, generator=gen), 0.7
    kept = 1 / (1 + (2 * sigma) ** 2)
    said = {
        "epsilon": noise,
        "v_prediction": kept**0.5 * noise - (1 - kept) ** 0.5 * (2 * clean - 1),
        "sample": 2 * clean - 1,
        "velocity": noise - (2 * clean - 1),
    }
    for prediction, answer in said.items():
        prior = load_prior(
            import_prior(guided_settings(tmp_path / "g.pt", shape, name=prediction, prediction=prediction))
        )
        prior.predict = lambda x, step, answer=answer: answer
        assert torch.allclose(prior.denoise(clean + sigma * noise, sigma), clean, atol=1e-5)
        assert torch.allclose(prior.denoise(clean, 1e-6), clean, atol=1e-3)


def test_a_network_of_flow_matching_sees_the_straight_path(tmp_path):
    shape = GUIDED["conv"]
    network = guided_file(tmp_path / "g.pt", shape)
    settings = guided_settings(tmp_path / "g.pt", shape, name="flow", prediction="velocity")
    prior = load_prior(import_prior(settings))
    contract(prior)
    x, time = torch.randn(2, 1, 16, 16), 0.3
    sigma = time / (1 - time) / 2
    assert float(prior.steps(torch.tensor([sigma]))) == pytest.approx(1000 * time, abs=1e-2)
    seen = (1 - time) * (2 * x - 1)
    velocity = network(seen, torch.full((2,), 1000 * time))[:, :1]
    assert torch.allclose(prior.denoise(x, sigma), (seen - time * velocity + 1) / 2, atol=1e-4)
    with pytest.raises(InputError, match="no noise schedule to choose"):
        import_prior(settings.replace(name="odd", schedule="cosine"))


@pytest.mark.slow
def test_denoiser_contract(tmp_path):
    authors_file(tmp_path / "n.pth", score_net(channels=3))
    contract(load_prior(import_prior(PriorImport(file=str(tmp_path / "n.pth")))))
    for kind, shape in GUIDED.items():
        guided_file(tmp_path / f"{kind}.pt", shape)
        contract(load_prior(import_prior(guided_settings(tmp_path / f"{kind}.pt", shape))))


def test_sizes_that_do_not_suit(tmp_path):
    authors_file(tmp_path / "n.pth", score_net())
    prior = load_prior(import_prior(PriorImport(file=str(tmp_path / "n.pth"))))
    assert prior.denoise(torch.rand(1, 1, 8, 13), 0.1).shape == (1, 1, 8, 13)
    with pytest.raises(InputError, match="at least 8 x 8"):
        prior.denoise(torch.rand(1, 1, 7, 13), 0.1)
    guided_file(tmp_path / "g.pt", GUIDED["residual"])
    with pytest.raises(InputError, match="multiple of 4"):
        import_prior(guided_settings(tmp_path / "g.pt", GUIDED["residual"], name="x").replace(side=18))


@pytest.mark.slow
def test_command_line(tmp_path, capsys):
    file = authors_file(tmp_path / "checkpoint_5.pth", score_net(), score_net(seed=3))
    assert main(["import-prior", "--file", str(file), "--name", "cli", "--licence", "MIT", "--mean", "0.1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "cli"
    assert found["kind"] == "ncsnv2"
    assert found["parameters"] == sum(p.numel() for p in score_net().parameters())
    card = read_header(found["path"])["card"]
    assert card["licence"] == "MIT"
    assert "checkpoint_5.pth" in card["command"]
    assert str(tmp_path) not in json.dumps(card)
    assert "cli" in priors().choices
    for wrong in (
        ["--file", str(tmp_path)],
        ["--file", str(file), "--kind", "ncsn"],
        [],
        ["--file", str(file), "--side", "x"],
    ):
        assert main(["import-prior", *wrong]) == 2
        message = capsys.readouterr().err
        assert message.startswith("qcs: ")
        assert message.count("\n") == 1
