"""Small networks of the kinds that are imported, with weights drawn at random, and their files."""

import torch

from engine.priors.importing.settings import PriorImport
from engine.priors.library import user_folder
from engine.priors.networks.guided import GuidedNet, GuidedShape
from engine.priors.networks.ncsnv2 import ScoreNet, ScoreNetShape


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
