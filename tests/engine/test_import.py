"""Networks that were trained elsewhere: the networks themselves, and what their import takes and refuses."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from engine.checkpoints import read_checkpoint
from engine.cli import main
from engine.errors import InputError
from engine.import_settings import SCHEDULES, PriorImport
from engine.importing import import_prior
from engine.priors.guided import GuidedNet, GuidedShape, infer_shape
from engine.priors.header import read_header
from engine.priors.kinds import load_prior
from engine.priors.library import priors, user_folder
from engine.priors.ncsnv2 import VARIANTS, InstanceNormPlus, RefineBlock, ResidualBlock, ScoreNet, ScoreNetShape
from engine.priors.schedule import noise_levels, schedule

PARAMETERS = {"NCSNv2": 29_694_083, "NCSNv2Deeper": 83_445_379, "NCSNv2Deepest": 94_132_611}
TENSORS = {"NCSNv2": 154, "NCSNv2Deeper": 192, "NCSNv2Deepest": 230}


def randomised(network, seed=0):
    """Norms that start at one or zero would hide errors, so every weight is drawn."""
    gen = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if key != "sigmas":
            value.copy_(torch.randn(value.shape, generator=gen) * (0.3 if value.ndim < 2 else value[0].numel() ** -0.5))
            if key.endswith(("gamma", "norm.weight", "layers.0.weight")):
                value.add_(1)
    return network.eval().requires_grad_(False)


def score_net(variant="NCSNv2", channels=1, width=8, levels=6, seed=0):
    network = randomised(ScoreNet(ScoreNetShape(variant, channels, width, levels)), seed)
    network.sigmas.copy_(torch.logspace(1, -2, levels))
    return network


def authors_file(path, network, average=None, half=False):
    """A checkpoint as the authors of NCSNv2 write it."""
    state = {f"module.{k}": v.half() if half else v for k, v in network.state_dict().items()}
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))]).state_dict()
    states = [state, optimiser, 3, 300_000]
    if average is not None:
        states.append({k: v for k, v in average.state_dict().items() if k != "sigmas"})
    torch.save(states, path)
    return path


GUIDED = {
    "conv": GuidedShape(1, 1, 32, 128, (32, 64), 2, (1,), True, "conv", 16, 1),
    "residual": GuidedShape(3, 6, 32, 128, (32, 64, 64), 1, (1, 2), True, "residual", 0, 4),
    "pool": GuidedShape(1, 2, 32, 128, (32, 32), 1, (), False, "pool", 32, 1, True),
}


def guided_file(path, shape, seed=0):
    network = randomised(GuidedNet(shape), seed)
    torch.save(network.state_dict(), path)
    return network


def guided_settings(path, shape, **more):
    order = "new" if shape.new_order else "legacy"
    heads = {"head_channels": shape.head_channels} if shape.head_channels else {"heads": shape.heads}
    return PriorImport(file=str(path), side=16, attention_order=order, **heads, **more)


def nothing_written():
    return not user_folder().exists() or not list(user_folder().iterdir())


# The networks


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_parameters_and_tensors_as_published(variant):
    with torch.device("meta"):
        network = ScoreNet(ScoreNetShape(variant, 3, 128, 10))
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[variant]
    assert len(network.state_dict()) == TENSORS[variant]


def test_names_are_those_of_the_published_files():
    with torch.device("meta"):
        one = ScoreNet(ScoreNetShape("NCSNv2", 1, 128, 10))
        keys = {v: set(ScoreNet(ScoreNetShape(v, 3, 8, 10)).state_dict()) for v in VARIANTS}
    assert sum(p.numel() for p in one.parameters()) == 29_689_473
    shared = {
        "sigmas", "begin_conv.weight", "begin_conv.bias", "normalizer.alpha", "normalizer.gamma", "normalizer.beta",
        "res1.0.conv1.weight", "res1.1.normalize2.alpha", "res2.0.conv2.conv.weight", "res2.0.shortcut.conv.bias",
        "res4.0.shortcut.weight", "refine1.adapt_convs.0.2_2_conv.weight", "refine2.adapt_convs.1.1_1_conv.weight",
        "refine2.msf.convs.0.weight", "refine2.msf.convs.1.bias", "refine1.crp.convs.1.weight",
        "refine1.output_convs.1_2_conv.weight",
    }  # fmt: skip
    for of in keys.values():
        assert shared <= of
        assert "refine1.msf.convs.0.weight" not in of
        assert "refine1.output_convs.2_1_conv.weight" not in of
    assert "res3.0.shortcut.weight" in keys["NCSNv2"]
    assert "refine4.output_convs.3_2_conv.weight" in keys["NCSNv2"]
    assert {"res3.0.shortcut.conv.weight", "res5.1.conv1.weight"} <= keys["NCSNv2Deeper"]
    assert {"res31.0.conv2.conv.weight", "refine31.msf.convs.1.bias"} <= keys["NCSNv2Deepest"]


def test_instance_norm_plus_is_its_formula():
    norm, x = randomised(InstanceNormPlus(5)), torch.randn(2, 5, 4, 3)
    out = norm(x)
    for b in range(2):
        means = [float(x[b, c].mean()) for c in range(5)]
        mean = sum(means) / 5
        variance = sum((m - mean) ** 2 for m in means) / 4  # unbiased
        for c in range(5):
            flat = (x[b, c] - means[c]) / (x[b, c].var(unbiased=False) + 1e-5).sqrt()
            plus = norm.alpha[c] * (means[c] - mean) / (variance + 1e-5) ** 0.5
            assert torch.allclose(out[b, c], norm.gamma[c] * (flat + plus) + norm.beta[c], atol=1e-5)


def test_residual_blocks_are_their_formulas():
    x = torch.randn(2, 4, 9, 8)  # an odd height: the last row is left out
    block = randomised(ResidualBlock(4, 6, down=True))
    w = block.state_dict()
    assert w["conv1.weight"].shape == (4, 4, 3, 3)
    h = F.conv2d(F.elu(block.normalize1(x)), w["conv1.weight"], w["conv1.bias"], padding=1)
    h = F.conv2d(F.elu(block.normalize2(h)), w["conv2.conv.weight"], w["conv2.conv.bias"], padding=1)
    cut = F.conv2d(x, w["shortcut.conv.weight"], w["shortcut.conv.bias"])
    both = h + cut
    mean = (both[:, :, 0:8:2, ::2] + both[:, :, 1:8:2, ::2] + both[:, :, 0:8:2, 1::2] + both[:, :, 1:8:2, 1::2]) / 4
    assert torch.allclose(block(x), mean, atol=1e-5)

    block = randomised(ResidualBlock(4, 4, down=True, dilation=2))  # a shortcut although the channels stay
    w = block.state_dict()
    h = F.conv2d(F.elu(block.normalize1(x)), w["conv1.weight"], w["conv1.bias"], padding=2, dilation=2)
    h = F.conv2d(F.elu(block.normalize2(h)), w["conv2.weight"], w["conv2.bias"], padding=2, dilation=2)
    cut = F.conv2d(x, w["shortcut.weight"], w["shortcut.bias"], padding=2, dilation=2)
    assert torch.allclose(block(x), h + cut, atol=1e-5)


def test_refine_block_is_its_formula():
    block = randomised(RefineBlock((4, 6), 3, end=True))
    w, fine, coarse = block.state_dict(), torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4)

    def conv(x, key):
        return F.conv2d(x, w[f"{key}.weight"], w.get(f"{key}.bias"), padding=1)

    def units(x, key, blocks):
        for i in range(1, blocks + 1):
            x = x + conv(F.elu(conv(F.elu(x), f"{key}.{i}_1_conv")), f"{key}.{i}_2_conv")
        return x

    a = conv(units(fine, "adapt_convs.0", 2), "msf.convs.0")
    b = conv(units(coarse, "adapt_convs.1", 2), "msf.convs.1")
    b = F.interpolate(b, size=(8, 8), mode="bilinear", align_corners=True)
    start = F.elu(a + b)
    once = conv(F.max_pool2d(start, 5, 1, 2), "crp.convs.0")
    twice = conv(F.max_pool2d(once, 5, 1, 2), "crp.convs.1")
    want = units(start + once + twice, "output_convs", 3)
    assert torch.allclose(block([fine, coarse], (8, 8)), want, atol=1e-4)


@pytest.mark.parametrize("kind", list(GUIDED))
def test_shape_of_a_guided_network_is_read_from_its_tensors(kind):
    shape = GUIDED[kind]
    with torch.device("meta"):
        tensors = GuidedNet(shape).state_dict()
    heads = 0 if shape.head_channels else shape.heads
    assert infer_shape(tensors, shape.head_channels, heads, shape.new_order) == shape


def test_ffhq_network_of_guided_diffusion_has_its_published_size():
    shape = GuidedShape(3, 6, 128, 512, (128, 128, 256, 256, 512, 512), 1, (4,), True, "residual", 64, 1)
    with torch.device("meta"):
        network = GuidedNet(shape)
    assert len(network.state_dict()) == 362
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 93.56


def test_noise_schedules():
    for kind in SCHEDULES:
        levels = noise_levels(schedule(kind))
        assert (levels[1:] > levels[:-1]).all()
    levels = noise_levels(schedule("linear"))
    assert levels[0] == pytest.approx((1e-4 / (1 - 1e-4)) ** 0.5)
    assert levels[-1] == pytest.approx(157.4, rel=1e-3)


# What is imported is what was in the file


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
        assert prior.card.licence.startswith("not stated")
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
    }
    for prediction, answer in said.items():
        prior = load_prior(
            import_prior(guided_settings(tmp_path / "g.pt", shape, name=prediction, prediction=prediction))
        )
        prior.predict = lambda x, step, answer=answer: answer
        assert torch.allclose(prior.denoise(clean + sigma * noise, sigma), clean, atol=1e-5)
        assert torch.allclose(prior.denoise(clean, 1e-6), clean, atol=1e-3)


def contract(prior):
    x = torch.rand(4, *prior.image_shape, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.02, 0.1, 1.0, 3.0])
    out = prior.denoise(x, levels)
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert torch.equal(out, prior.denoise(x, levels))
    for i in range(4):
        assert torch.allclose(prior.denoise(x[i : i + 1], float(levels[i])), out[i : i + 1], atol=1e-3)
    assert torch.allclose(prior.denoise(x, 1e-6), x, atol=1e-3)
    assert 0 < prior.sigma_min < prior.sigma_max
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(prior.denoise(x, 0.3).sum(), x)
    assert torch.isfinite(gradient).all()


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


# What is refused


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path(Harmful.target),)


def test_pickles_with_code_are_refused_and_not_run(tmp_path):
    Harmful.target = str(tmp_path / "ran")
    torch.save([score_net().state_dict(), Harmful()], tmp_path / "zip.pth")
    torch.save([Harmful()], tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harmful()))
    for name in ("zip", "legacy", "plain"):
        with pytest.raises(InputError):
            import_prior(PriorImport(file=str(tmp_path / f"{name}.pth")))
    with pytest.raises(InputError, match="could run code"):
        import_prior(PriorImport(file=str(tmp_path / "zip.pth")))
    assert not (tmp_path / "ran").exists()
    assert nothing_written()


@pytest.mark.parametrize("new", [True, False])
def test_cut_files_are_refused(tmp_path, new):
    file = tmp_path / "cut.pth"
    torch.save(score_net().state_dict(), file, _use_new_zipfile_serialization=new)
    whole = file.read_bytes()
    for share in (0.9, 0.5, 0.1, 0.001, 0.0):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"cut\.pth"):
            import_prior(PriorImport(file=str(file)))
    assert nothing_written()


def refused(tmp_path, content, match, **settings):
    file = tmp_path / "bad.pth"
    torch.save(content, file)
    with pytest.raises(InputError, match=match) as caught:
        import_prior(PriorImport(**{"file": str(file)} | settings))
    assert "\n" not in str(caught.value)
    assert nothing_written()


def test_weights_that_do_not_fit_are_refused(tmp_path):
    state = score_net().state_dict()
    deepest = score_net("NCSNv2Deepest").state_dict()
    refused(tmp_path, {k: v for k, v in state.items() if k != "res3.1.conv2.bias"}, r"res3\.1\.conv2\.bias missing")
    refused(tmp_path, {k: v for k, v in state.items() if k != "sigmas"}, "lacks sigmas")
    refused(tmp_path, state | {"more": torch.zeros(1)}, "more not known")
    refused(tmp_path, state | {"end_conv.bias": torch.full((1,), float("nan"))}, "not finite")
    refused(tmp_path, state | {"end_conv.bias": torch.zeros(2)}, "another shape")
    refused(tmp_path, state | {"begin_conv.weight": torch.zeros(3)}, "not a whole")
    refused(tmp_path, state | {"sigmas": -state["sigmas"]}, "not positive")
    refused(tmp_path, state | {"res5.0.conv1.weight": torch.zeros(1)}, "missing")  # a part of a larger variant
    refused(tmp_path, {k: v for k, v in deepest.items() if "31" not in k}, "another shape|missing")
    refused(tmp_path, {k: v for k, v in deepest.items() if not k.startswith("res31")}, "not known|missing")
    refused(tmp_path, state, "of kind ncsnv2, not guided-diffusion", kind="guided-diffusion")
    refused(tmp_path, state, "needs the folder", kind="diffusers")
    refused(tmp_path, {"fc.weight": torch.zeros(2, 2)}, "no known kind")
    refused(tmp_path, [1, 2, 3], "no state dictionary")
    refused(tmp_path, torch.zeros(3), "no state dictionary")
    refused(tmp_path, score_net(channels=2).state_dict(), "2 channels")
    refused(tmp_path, state, "letters, digits", name="a/b")
    refused(tmp_path, state, "letters, digits", name="ü")
    refused(tmp_path, deepest, "too small", side=16)
    refused(tmp_path, state | {"res1.0.conv1.weight": torch.zeros(1).expand(2**31)}, "claims more")
    average = {k: v for k, v in state.items() if k not in ("sigmas", "end_conv.bias")}
    refused(tmp_path, [state, {}, 1, 1, average], "do not match")
    refused(tmp_path, state, "does not exist", file=str(tmp_path / "none.pth"))
    refused(tmp_path, state, "No file was given", file="")


def test_guided_files_that_are_no_priors_are_refused(tmp_path):
    state = GuidedNet(GUIDED["conv"]).state_dict()
    refused(tmp_path, state | {"label_emb.weight": torch.zeros(10, 128)}, "class-conditional", head_channels=16)
    refused(tmp_path, state | {"out.2.weight": torch.zeros(5, 32, 3, 3)}, "no denoiser", head_channels=16)
    refused(tmp_path, state, "cannot be split by 48 channels", head_channels=48)
    refused(tmp_path, state, "cannot be split by 3 heads", heads=3)
    refused(tmp_path, {k: v for k, v in state.items() if not k.startswith("middle")}, "missing", head_channels=16)
    refused(tmp_path, {k: v for k, v in state.items() if not k.startswith("time_embed")}, "not a whole")


def test_too_large_files_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.checkpoints.LARGEST_FILE", 1000)
    torch.save(score_net().state_dict(), tmp_path / "n.pth")
    with pytest.raises(InputError, match="GB large"):
        read_checkpoint(tmp_path / "n.pth")


def test_names_that_are_taken(tmp_path):
    torch.save(score_net().state_dict(), tmp_path / "n.pth")
    settings = PriorImport(file=str(tmp_path / "n.pth"), name="mnist")
    shipped = priors().get("mnist")().path
    before = shipped.read_bytes()
    path = import_prior(settings)
    assert "Takes the place" in read_header(path)["card"]["notes"]
    assert priors().get("mnist")().path == path
    assert shipped.read_bytes() == before
    with pytest.raises(InputError, match="already"):
        import_prior(settings)
    assert import_prior(settings.replace(overwrite=True)) == path


# The command line


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


# Folders of diffusers


def diffusers_folder(folder, pipeline=False, **scheduler):
    diffusers = pytest.importorskip("diffusers")
    from safetensors.torch import save_file

    config = {
        "_class_name": "UNet2DModel", "_diffusers_version": "0.2", "sample_size": 16, "in_channels": 1, "out_channels": 1,
        "block_out_channels": [32, 32], "layers_per_block": 1, "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    }  # fmt: skip
    network = randomised(diffusers.UNet2DModel(**{k: v for k, v in config.items() if k[0] != "_"}))
    unet = folder / "unet" if pipeline else folder
    unet.mkdir(parents=True)
    (unet / "config.json").write_text(json.dumps(config))
    save_file(network.state_dict(), unet / "diffusion_pytorch_model.safetensors")
    if pipeline:
        (folder / "scheduler").mkdir()
        facts = {"_class_name": "DDPMScheduler", "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(facts | scheduler))
    return network


def test_diffusers_folder(tmp_path):
    network = diffusers_folder(
        tmp_path / "pipe", True, prediction_type="v_prediction", beta_schedule="squaredcos_cap_v2"
    )
    path = import_prior(PriorImport(file=str(tmp_path / "pipe")))
    import shutil

    shutil.rmtree(tmp_path / "pipe")
    prior = load_prior(path)
    assert prior.image_shape == (1, 16, 16)
    assert prior.prediction == "v_prediction"
    contract(prior)
    levels = noise_levels(schedule("cosine"))
    x, step = torch.randn(2, 1, 16, 16), 300
    kept = 1 / (1 + levels[step] ** 2)
    said = network(kept**0.5 * (2 * x - 1), torch.tensor([300.0, 300.0])).sample
    want = kept * (2 * x - 1) - (1 - kept) ** 0.5 * said
    assert torch.allclose(prior.denoise(x, float(levels[step]) / 2), (want + 1) / 2, atol=1e-4)


def test_diffusers_schedules_are_those_of_the_library(tmp_path):
    diffusers = pytest.importorskip("diffusers")
    names = {"linear": "linear", "scaled_linear": "scaled-linear", "squaredcos_cap_v2": "cosine", "sigmoid": "sigmoid"}
    for theirs, ours in names.items():
        kept = diffusers.DDPMScheduler(beta_schedule=theirs).alphas_cumprod
        got = torch.as_tensor(1 / (1 + noise_levels(schedule(ours)) ** 2))
        assert torch.allclose(got.float(), kept[: len(got)], rtol=2e-3)


def test_diffusers_folders_that_are_refused(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    config = {"_class_name": "UNet2DModel", "in_channels": 1, "out_channels": 1, "sample_size": 16}

    def refused_with(match, **more):
        (folder / "config.json").write_text(json.dumps(config | more))
        with pytest.raises(InputError, match=match):
            import_prior(PriorImport(file=str(folder)))

    with pytest.raises(InputError, match=r"config\.json"):
        import_prior(PriorImport(file=str(folder)))
    (folder / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({}))
    refused_with("safe_serialization")
    refused_with("UNet2DConditionModel", _class_name="UNet2DConditionModel")
    refused_with("class-conditional", num_class_embeds=10)
    refused_with("variance-preserving", time_embedding_type="fourier")
    (folder / "config.json").write_text("[]")
    with pytest.raises(InputError, match="not a configuration"):
        import_prior(PriorImport(file=str(folder)))
    (folder / "vae").mkdir()
    refused_with("latent")
    with pytest.raises(InputError, match="is a folder"):
        import_prior(PriorImport(file=str(folder), kind="ncsnv2"))
    assert nothing_written()
