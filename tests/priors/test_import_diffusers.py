"""Folders of the diffusers library."""

import json
import pickle
import sys

import pytest
import torch
from made_networks import contract, nothing_written, randomised

from engine.errors import InputError
from engine.priors.importing.importer import import_prior
from engine.priors.importing.settings import PriorImport
from engine.priors.networks.registry import load_prior
from engine.priors.networks.schedule import noise_levels, schedule


def diffusers_folder(folder, pipeline=False, **scheduler):
    diffusers = pytest.importorskip("diffusers")
    from safetensors.torch import save_file

    config = {
        "_class_name": "UNet2DModel", "_diffusers_version": "0.2", "sample_size": 16,
        "in_channels": 1, "out_channels": 1,
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


def test_old_names_of_attention_and_half_weights_in_a_diffusers_folder(tmp_path):
    network = diffusers_folder(tmp_path / "old")
    from safetensors.torch import save_file

    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for key, value in network.state_dict().items():
        for new, name in old.items():
            key = key.replace(f".{new}.", f".{name}.")
        tensors[key] = value.half()
    assert any(".query." in k for k in tensors)
    (tmp_path / "old" / "diffusion_pytorch_model.safetensors").unlink()
    save_file(tensors, tmp_path / "old" / "diffusion_pytorch_model.fp16.safetensors")
    prior = load_prior(import_prior(PriorImport(file=str(tmp_path / "old" / "config.json"))))
    assert prior.card.name == "old"
    assert "linear with 1000 steps, as set" in prior.card.notes
    ours, theirs = prior.network.state_dict(), network.half().float().state_dict()
    assert all(torch.equal(ours[k], v) for k, v in theirs.items())


def test_diffusers_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel", "sample_size": 16}))
    save_file({"a": torch.zeros(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(InputError, match="needs the package diffusers"):
        import_prior(PriorImport(file=str(tmp_path), name="x"))
    assert nothing_written()


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
