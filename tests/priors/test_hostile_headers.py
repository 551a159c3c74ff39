"""Headers and configurations that were made to harm: each is one sentence, soon."""

import json
import struct
import time

import pytest
import torch
from made_networks import guided_file, nothing_written, score_net

from engine.errors import InputError
from engine.priors.header import read_header
from engine.priors.importing.importer import import_prior
from engine.priors.importing.settings import PriorImport
from engine.priors.library import priors, user_folder
from engine.priors.networks.registry import read_prior

resource = pytest.importorskip("resource")

DEEP = "[" * 200_000


def with_header(path, header: str):
    content = header.encode()
    path.write_bytes(struct.pack("<Q", len(content)) + content)
    return path


def shipped():
    """Header and tensors of a prior that comes with the program."""
    from safetensors.torch import load_file

    path = priors().get("mnist")().path
    return read_header(path), load_file(path)


def prior_file(path, facts, tensors):
    from safetensors.torch import save_file

    save_file(tensors, path, metadata={"qcs": json.dumps(facts)})
    return path


@pytest.mark.parametrize("header", [DEEP, json.dumps({"__metadata__": {"qcs": DEEP}}), "{}", '{"__metadata__": []}'])
def test_headers_that_are_none(tmp_path, header):
    path = with_header(tmp_path / "x.safetensors", header)
    with pytest.raises(InputError, match="not a prior"):
        read_header(path)
    with pytest.raises(InputError):
        import_prior(PriorImport(file=str(path)))
    assert nothing_written()


def test_long_headers_are_not_read(tmp_path):
    with_header(tmp_path / "x.safetensors", "{" + " " * (5 << 20) + "}")
    with pytest.raises(InputError, match="no network's"):
        import_prior(PriorImport(file=str(tmp_path / "x.safetensors")))


@pytest.mark.parametrize("file", ["config.json", "scheduler_config.json"])
@pytest.mark.parametrize("content", [DEEP, '{"sample_size": 1e999}', '{"sample_size": NaN}'])
def test_configurations_that_are_none(tmp_path, file, content):
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel", "sample_size": 16}')
    save_file({"a": torch.zeros(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=f"{file}' is not a configuration"):
        import_prior(PriorImport(file=str(tmp_path), name="x"))


@pytest.mark.parametrize(
    "more",
    [
        {"sample_size": "many"}, {"sample_size": [8]}, {"sample_size": [[8]]}, {"in_channels": None},
        {"in_channels": "x"}, {"block_out_channels": 5},
    ],
    ids=str,
)  # fmt: skip
def test_configurations_of_nonsense(tmp_path, more):
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel", "sample_size": 16} | more))
    save_file({"a": torch.zeros(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(InputError, match="makes no sense"):
        import_prior(PriorImport(file=str(tmp_path), name="x"))


@pytest.mark.parametrize(
    ("low", "high"), [(1e-30, 1e30), (0.01, 1e30), (1e-30, 1.0), (2.0, 1.0), (1.0, 1.0), (-1.0, 1.0)]
)
def test_noise_levels_of_nonsense(tmp_path, low, high):
    facts, tensors = shipped()
    path = prior_file(tmp_path / "x.safetensors", facts | {"sigma_min": low, "sigma_max": high}, tensors)
    for read in (read_header, read_prior):
        with pytest.raises(InputError, match=r"'x\.safetensors' has noise levels from"):
            read(path)
    if high < low:  # a checkpoint lists its levels in any order
        return
    network = score_net(levels=2)
    network.sigmas.copy_(torch.tensor([low, high]))
    torch.save(network.state_dict(), tmp_path / "n.pth")
    with pytest.raises(InputError, match="noise level"):
        import_prior(PriorImport(file=str(tmp_path / "n.pth")))
    assert nothing_written()


def test_schedules_of_nonsense(tmp_path):
    from made_networks import GUIDED, guided_settings

    guided_file(tmp_path / "g.pth", GUIDED["conv"])
    settings = guided_settings(tmp_path / "g.pth", GUIDED["conv"])
    with pytest.raises(InputError, match=r"noise (level|schedule)"):
        import_prior(settings.replace(beta_first=1e-30, beta_last=1e-29))


@pytest.mark.parametrize(
    "more",
    [{"card": []}, {"card": {"name": ["a"]}}, {"card": {"name": ""}}, {"image_shape": [1, 28]}, {"mean": "x"},
     {"image_shape": [1, 28, 1 << 40]}, {"sigma_max": None}],
    ids=str,
)  # fmt: skip
def test_a_damaged_file_does_not_take_the_list_of_priors_down(more):
    facts, tensors = shipped()
    user_folder().mkdir(parents=True)
    path = prior_file(user_folder() / "mine.safetensors", facts | more, tensors)
    with pytest.raises(InputError):
        read_header(path)
    assert "mnist" in priors().choices
    assert priors().describe()


@pytest.mark.parametrize(
    "more",
    [
        {"layers_per_block": 3000}, {"layers_per_block": [3000, 3000]}, {"block_out_channels": [32] * 200},
        {"block_out_channels": [1 << 40] * 2}, {"attention_head_dim": [8] * 100_000}, {"norm_num_groups": -(1 << 60)},
        {"down_block_types": ["DownBlock2D"] * 10_000}, {"layers_per_block": 1e12}, {"act_fn": "x" * 100_000},
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_folders_that_ask_for_too_much(tmp_path, more):
    from safetensors.torch import save_file

    made = {"_class_name": "UNet2DModel", "sample_size": 16, "block_out_channels": [32, 32]}
    (tmp_path / "config.json").write_text(json.dumps(made | more))
    save_file({"a": torch.zeros(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    start = time.monotonic()
    with pytest.raises(InputError, match=f"far larger than .*{next(iter(more))}"):
        import_prior(PriorImport(file=str(tmp_path), name="x"))
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "more",
    [{"width": 1 << 15}, {"width": 1 << 40}, {"blocks": 10**7}, {"multipliers": [1] * 40}, {"multipliers": [1 << 19, 1]},
     {"unshuffle": 1 << 12}, {"multipliers": []}, {"width": 0}, {"width": -8}, {"width": "x"}],
    ids=str,
)  # fmt: skip
def test_priors_that_ask_for_too_much(tmp_path, more):
    """Before, 14 GB were taken for a header beside weights of half a megabyte."""
    facts, tensors = shipped()
    path = prior_file(tmp_path / "x.safetensors", facts | {"network": facts["network"] | more}, tensors)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(InputError, match=r"'\S*x\.safetensors' (describes|is not)") as caught:
        read_prior(path)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


@pytest.mark.parametrize("shape", ["conv", "ncsnv2"])
@pytest.mark.parametrize("value", [10**7, 1 << 40, "x", [1] * 40, [[1]]])
def test_imported_priors_that_ask_for_too_much(tmp_path, shape, value):
    from made_networks import GUIDED, guided_settings
    from safetensors.torch import load_file

    if shape == "ncsnv2":
        torch.save(score_net().state_dict(), tmp_path / "n.pth")
        path = import_prior(PriorImport(file=str(tmp_path / "n.pth")))
    else:
        guided_file(tmp_path / "n.pth", GUIDED[shape])
        path = import_prior(guided_settings(tmp_path / "n.pth", GUIDED[shape]))
    facts, tensors = read_header(path), load_file(path)
    for key in facts["network"]:
        if isinstance(facts["network"][key], bool) or key in ("heads", "head_channels"):
            continue
        changed = prior_file(tmp_path / "x.safetensors", facts | {"network": facts["network"] | {key: value}}, tensors)
        start = time.monotonic()
        with pytest.raises(InputError):
            read_prior(changed)
        assert time.monotonic() - start < 2


def test_schedules_and_names_that_ask_for_too_much(tmp_path):
    from made_networks import GUIDED, guided_settings
    from safetensors.torch import load_file

    guided_file(tmp_path / "n.pth", GUIDED["conv"])
    settings = guided_settings(tmp_path / "n.pth", GUIDED["conv"])
    path = import_prior(settings)
    facts, tensors = read_header(path), load_file(path)
    for more in ({"steps": 10**11}, {"steps": -1}, {"betas": [2.0, 3.0]}, {"betas": "x"}, {"first": -1.0}):
        prior_file(tmp_path / "x.safetensors", facts | {"schedule": facts["schedule"] | more}, tensors)
        with pytest.raises(InputError):
            read_prior(tmp_path / "x.safetensors")
    state = torch.load(tmp_path / "n.pth") | {"input_blocks.1000000000.0.x": torch.zeros(1)}
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(InputError, match="not a whole"):
        import_prior(settings.replace(name="other"))
