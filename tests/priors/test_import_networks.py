"""The networks of imported priors and their noise schedules, against formulas written out plainly."""

import pytest
import torch
from made_networks import GUIDED, randomised
from torch.nn import functional as F

from engine.priors.importing.settings import SCHEDULES
from engine.priors.networks.guided import GuidedNet, GuidedShape, infer_shape
from engine.priors.networks.ncsnv2 import (
    VARIANTS,
    InstanceNormPlus,
    RefineBlock,
    ResidualBlock,
    ScoreNet,
    ScoreNetShape,
)
from engine.priors.networks.schedule import noise_levels, schedule

PARAMETERS = {"NCSNv2": 29_694_083, "NCSNv2Deeper": 83_445_379, "NCSNv2Deepest": 94_132_611}
TENSORS = {"NCSNv2": 154, "NCSNv2Deeper": 192, "NCSNv2Deepest": 230}


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
