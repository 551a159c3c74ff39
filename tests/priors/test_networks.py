"""The project's own networks: shapes that may be asked for, and the same answers when compiled."""

import pytest
import torch

from engine.errors import InputError
from engine.images import save_png
from engine.priors.networks.lean import LeanNet, LeanShape
from engine.priors.networks.registry import read_prior
from engine.priors.networks.unet import Attention
from engine.priors.training.denoiser import DenoiserTrainer
from engine.priors.training.settings import DenoiserTraining
from engine.priors.training.stepping import compile_network


def filled(network):
    """All weights at random: fresh networks answer nothing."""
    draw = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.data = 0.1 * torch.randn(weight.shape, generator=draw)
    return network


@pytest.mark.parametrize("width", [16, 56, 72, 112, 160])
def test_attention_takes_any_width(width):
    x = torch.randn(2, width, 5, 4)
    attention = filled(Attention(width))
    assert width % attention.heads == 0
    assert attention(x).shape == x.shape
    assert not torch.equal(attention(x), x)


@pytest.mark.slow
def test_a_compiled_network_answers_and_learns_the_same():
    network = filled(LeanNet(LeanShape.of(1, 16, 2, 1, False)))
    names = list(network.state_dict())
    x, label = torch.randn(2, 1, 12, 12), torch.zeros(2)
    plain = network(x, label)
    plain.square().sum().backward()
    learnt = network.first.weight.grad.clone()
    network.zero_grad()
    compile_network(network, backend="aot_eager")
    compiled = network(x, label)
    compiled.square().sum().backward()
    assert torch.allclose(plain, compiled, atol=1e-5)
    assert torch.allclose(learnt, network.first.weight.grad, rtol=1e-3, atol=1e-3)
    assert list(network.state_dict()) == names


def test_a_compiler_that_fails_leaves_the_network_as_it_is():
    def broken(module, inputs):
        raise RuntimeError("no compiler")

    network = filled(LeanNet(LeanShape.of(1, 16, 1, 1, False)))
    x, label = torch.randn(1, 1, 8, 8), torch.zeros(1)
    plain = network(x, label)
    compile_network(network, backend=broken)
    assert torch.equal(network(x, label), plain)


def test_large_crops_leave_the_prior_its_usual_size_and_count_how_far_pictures_go(tmp_path):
    for i in range(16):
        save_png(tmp_path / f"{i}.png", torch.rand(1, 160, 170, generator=torch.Generator().manual_seed(i)).numpy())
    settings = DenoiserTraining(
        images=str(tmp_path), out=str(tmp_path / "x.safetensors"), crops=True, side=160, attention=False, width=16,
        blocks=1, grids=1, batch=1, steps=1, threads=1,
    )  # fmt: skip
    trainer = DenoiserTrainer(settings)
    for _ in trainer:
        pass
    trainer.held_out = []
    trainer.finish()
    prior = read_prior(tmp_path / "x.safetensors")
    assert prior.image_shape == (1, 128, 128)
    assert prior.extent[0] == pytest.approx(1, abs=0.02) and prior.extent[1] < 0.02  # noise is white and black alike


@pytest.mark.parametrize("extent", [[1.0], [0.0, 0.1], [float("nan"), 0.1], ["a", "b"], [1e999, 0.1], 7])
def test_an_extent_that_is_none_is_refused(tmp_path, extent):
    import json

    from safetensors.torch import load_file, save_file

    from engine.priors.header import read_header
    from engine.priors.library import priors

    path = priors().get("cifar10")().path
    facts, odd = read_header(path) | {"extent": extent}, tmp_path / "odd.safetensors"
    save_file(load_file(path), odd, metadata={"qcs": json.dumps(facts)})
    with pytest.raises(InputError, match=r"not a (whole denoiser file|prior of this program)"):
        read_prior(odd)
