"""The score networks NCSNv2, NCSNv2Deeper and NCSNv2Deepest of Song and Ermon, "Improved techniques for training
score-based generative models" (2020): a residual encoder with dilated stages and a RefineNet decoder.

Names of parameters and order of operations are those of the published checkpoints, so that their state dictionaries
load strictly. The noise level enters only as a division of the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["VARIANTS", "InstanceNormPlus", "RefineBlock", "ResidualBlock", "ScoreNet", "ScoreNetShape"]

_EPS = 1e-5


@dataclass(frozen=True)
class Layout:
    """One variant. ``stages``: (name, channels as a multiple of the width, dilation; None halves the grid where the
    stage is not the first). ``refine``: (name, encoder stage it takes, channels out as a multiple), coarsest first."""

    stages: tuple[tuple[str, int, int | None], ...]
    refine: tuple[tuple[str, str, int], ...]

    @property
    def halvings(self) -> int:
        """How often the grid is halved; dilated stages keep it."""
        return sum(dilation is None for _, _, dilation in self.stages) - 1


_HEAD = (("res1", 1, None), ("res2", 2, None))
_DEEP = (*_HEAD, ("res3", 2, None))
_TAIL = (("res4", 4, 2), ("res5", 4, 4))
VARIANTS = {
    "NCSNv2": Layout(
        (*_HEAD, ("res3", 2, 2), ("res4", 2, 4)),
        (("refine1", "res4", 2), ("refine2", "res3", 2), ("refine3", "res2", 1), ("refine4", "res1", 1)),
    ),
    "NCSNv2Deeper": Layout(
        (*_DEEP, *_TAIL),
        (
            ("refine1", "res5", 4),
            ("refine2", "res4", 2),
            ("refine3", "res3", 2),
            ("refine4", "res2", 1),
            ("refine5", "res1", 1),
        ),
    ),
    "NCSNv2Deepest": Layout(
        (*_DEEP, ("res31", 2, None), *_TAIL),
        (
            ("refine1", "res5", 4),
            ("refine2", "res4", 2),
            ("refine31", "res31", 2),
            ("refine3", "res3", 2),
            ("refine4", "res2", 1),
            ("refine5", "res1", 1),
        ),
    ),
}


@dataclass(frozen=True)
class ScoreNetShape:
    """What has to be known to build the network again; ``levels`` is the number of noise levels it was trained at."""

    variant: str = "NCSNv2"
    channels: int = 3
    width: int = 128
    levels: int = 1

    @property
    def smallest_side(self) -> int:
        """Shortest image side: instance norm needs more than one pixel, and two are not yet a picture."""
        return 4 * 2 ** VARIANTS[self.variant].halvings

    def as_dict(self) -> dict:
        return asdict(self)


class InstanceNormPlus(nn.Module):
    """Instance norm that keeps what it removes: the channels' means, normalised across the channels, are added back.

    gamma (IN(x) + alpha (mu_c - mean mu) / sqrt(var mu + 1e-5)) + beta, with the unbiased variance over the channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels).normal_(1, 0.02))
        self.gamma = nn.Parameter(torch.empty(channels).normal_(1, 0.02))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3))
        centred = means - means.mean(dim=1, keepdim=True)
        plus = centred / torch.sqrt(means.var(dim=1, keepdim=True, unbiased=True) + _EPS)
        h = F.instance_norm(x, eps=_EPS) + (self.alpha * plus)[:, :, None, None]
        return self.gamma[:, None, None] * h + self.beta[:, None, None]


def _conv3(inputs: int, outputs: int, dilation: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=bias)


class _ConvMeanPool(nn.Module):
    """A convolution, then the mean of each 2 x 2 cell; an odd last row or column is left out."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(x), 2)


class ResidualBlock(nn.Module):
    """norm, ELU, conv, norm, ELU, conv, plus a shortcut.

    ``down`` begins a coarser stage: it halves the grid, or, with a ``dilation``, keeps it and widens the view instead.
    The channels then change in the second convolution, otherwise in the first.
    """

    def __init__(self, inputs: int, outputs: int, down: bool = False, dilation: int | None = None) -> None:
        super().__init__()
        between = inputs if down else outputs
        conv = partial(_conv3, dilation=dilation or 1)
        halves = down and dilation is None
        self.normalize1, self.normalize2 = InstanceNormPlus(inputs), InstanceNormPlus(between)
        self.conv1 = conv(inputs, between)
        self.conv2 = _ConvMeanPool(inputs, outputs, 3) if halves else conv(between, outputs)
        self.shortcut: nn.Module | None = None
        if halves:
            self.shortcut = _ConvMeanPool(inputs, outputs, 1)
        elif down or inputs != outputs:
            self.shortcut = conv(inputs, outputs) if dilation else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.elu(self.normalize1(x)))
        h = self.conv2(F.elu(self.normalize2(h)))
        return (x if self.shortcut is None else self.shortcut(x)) + h


class _ResidualUnits(nn.Module):
    """Blocks of two times (ELU, bias-free conv), each added to its input."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.blocks = blocks
        for block in range(1, blocks + 1):
            for stage in (1, 2):
                self.add_module(f"{block}_{stage}_conv", _conv3(channels, channels, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for block in range(1, self.blocks + 1):
            h = x
            for stage in (1, 2):
                h = self.get_submodule(f"{block}_{stage}_conv")(F.elu(h))
            x = x + h
        return x


class _Fusion(nn.Module):
    """Sum of the inputs, each convolved and enlarged to one size."""

    def __init__(self, inputs: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv3(n, outputs) for n in inputs)

    def forward(self, xs: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        parts = [
            F.interpolate(conv(x), size=tuple(size), mode="bilinear", align_corners=True)
            for conv, x in zip(self.convs, xs, strict=True)
        ]
        return sum(parts[1:], parts[0])


class _ChainedPooling(nn.Module):
    """ELU, then two links of 5 x 5 max pooling and a bias-free conv; what each gives is added on."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv3(channels, channels, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = path = F.elu(x)
        for conv in self.convs:
            path = conv(F.max_pool2d(path, 5, stride=1, padding=2))
            x = x + path
        return x


class RefineBlock(nn.Module):
    """A decoder stage: residual units per input, fusion, chained pooling, residual units (three blocks where it
    ends)."""

    def __init__(self, inputs: Sequence[int], outputs: int, end: bool = False) -> None:
        super().__init__()
        self.adapt_convs = nn.ModuleList(_ResidualUnits(n, 2) for n in inputs)
        self.msf = _Fusion(inputs, outputs) if len(inputs) > 1 else None
        self.crp = _ChainedPooling(outputs)
        self.output_convs = _ResidualUnits(outputs, 3 if end else 1)

    def forward(self, xs: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        hs = [adapt(x) for adapt, x in zip(self.adapt_convs, xs, strict=True)]
        h = hs[0] if self.msf is None else self.msf(hs, size)
        return self.output_convs(self.crp(h))


class ScoreNet(nn.Module):
    """The network of a variant.

    ``forward(x, label)``: the score of x (batch, channels, height, width), images in [0, 1] plus noise, at the noise
    level ``sigmas[label]``, label (batch,) of integers. ``noise(x)``: the same times sigma, an estimate of minus the
    unit noise.
    ``centred``: images in [0, 1] are mapped to [-1, 1] first, as published.
    """

    sigmas: Tensor

    def __init__(self, shape: ScoreNetShape, centred: bool = True) -> None:
        super().__init__()
        self.shape, self.centred = shape, centred
        self.layout = VARIANTS[shape.variant]
        width = shape.width
        self.register_buffer("sigmas", torch.ones(shape.levels))
        self.begin_conv = _conv3(shape.channels, width)
        self.normalizer = InstanceNormPlus(width)
        self.end_conv = _conv3(width, shape.channels)
        channels, of = width, {}
        for name, multiple, dilation in self.layout.stages:
            outputs, down = multiple * width, name != "res1"
            first = ResidualBlock(channels, outputs, down, dilation)
            self.add_module(name, nn.ModuleList([first, ResidualBlock(outputs, outputs, False, dilation)]))
            channels = of[name] = outputs
        coarser: tuple[int, ...] = ()
        for name, stage, multiple in self.layout.refine:
            last = name == self.layout.refine[-1][0]
            self.add_module(name, RefineBlock((of[stage], *coarser), multiple * width, end=last))
            coarser = (multiple * width,)

    def noise(self, x: Tensor) -> Tensor:
        h = self.begin_conv(2 * x - 1 if self.centred else x)
        layers = {}
        for name, _, _ in self.layout.stages:
            for block in self.get_submodule(name).children():
                h = block(h)
            layers[name] = h
        coarser: tuple[Tensor, ...] = ()
        for name, stage, _ in self.layout.refine:
            h = self.get_submodule(name)((layers[stage], *coarser), layers[stage].shape[2:])
            coarser = (h,)
        return self.end_conv(F.elu(self.normalizer(h)))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return self.noise(x) / self.sigmas[label].reshape(-1, 1, 1, 1)
