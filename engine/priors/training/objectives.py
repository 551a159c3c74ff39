"""What is trained and towards what: the network, its loss on a batch, and the prior that comes of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.device import choose_device
from engine.errors import InputError
from engine.priors.base import Card
from engine.priors.precision import has_bfloat16
from engine.priors.training.settings import DenoiserTraining
from engine.priors.training.sources import Source

if TYPE_CHECKING:
    from engine.priors.networks.denoisers import Denoising
    from engine.priors.networks.edm import EdmDenoiser
    from engine.priors.networks.ncsnv2 import ScoreNet
    from engine.priors.networks.score_network import ScorePrior

__all__ = ["EdmObjective", "NcsnObjective", "Objective", "make_objective"]

USUAL_SIDE = 128
"""Side of the pictures of a prior for any size where no size is given: larger crops serve the training, not those who wait."""


class Objective(ABC):
    """``network`` is trained; losses are scaled so that predicting nothing costs about 1."""

    network: nn.Module
    in_bfloat16 = False
    """Whether its products are bfloat16: quicker where processor or GPU have it, and of no effect on what a recipe means, since
    weights are kept once. Their card tells."""
    balanced = False
    """Whether noise levels are weighed by their running losses."""

    def __init__(self, settings: DenoiserTraining, source: Source) -> None:
        self.settings, self.source = settings, source

    @abstractmethod
    def draw(self, clean: Tensor, draw: torch.Generator) -> tuple[Tensor, ...]:
        """What a step needs of images (batch, c, h, w) in [0, 1]: their noise levels (batch,), then what :meth:`losses`
        takes with them. All is drawn, and lies, on the device of ``draw``."""

    @abstractmethod
    def losses(self, sigma: Tensor, *drawn: Tensor) -> Tensor:
        """Mean loss of each image, (batch,)."""

    @abstractmethod
    def prior(self, weights: dict[str, Tensor], card: Card) -> EdmDenoiser | ScorePrior:
        """The prior with these weights, rounded to fp16 as it is kept."""


class EdmObjective(Objective):
    """Denoising score matching with the preconditioning and weights of Karras et al. (2022)."""

    network: Denoising

    def __init__(self, settings: DenoiserTraining, source: Source) -> None:
        from engine.priors.networks.denoisers import build, in_channels_last, shape_of
        from engine.priors.training.start import start_from

        super().__init__(settings, source)
        s, self.balanced = settings, settings.balance
        self.in_bfloat16 = has_bfloat16(choose_device(s.device))
        shape = shape_of(s.network, source.shape[0], s.width, s.grids, s.blocks, s.attention)
        self.network = in_channels_last(build(shape, s.dropout))
        if settings.start:
            start_from(self.network, Path(settings.start))

    def levels(self, count: int, draw: torch.Generator) -> Tensor:
        """Noise levels of a batch: log-normal about the levels that matter most, log-uniform over the whole range."""
        s = self.settings
        low, high = math.log(s.sigma_min), math.log(s.sigma_max)
        where = draw.device
        normal = math.log(s.sigma_centre) + s.sigma_spread * torch.randn(count, generator=draw, device=where)
        uniform = low + (high - low) * torch.rand(count, generator=draw, device=where)
        chosen = torch.where(torch.rand(count, generator=draw, device=where) < s.uniform, uniform, normal)
        return chosen.clamp(low, high).exp()

    def draw(self, clean: Tensor, draw: torch.Generator) -> tuple[Tensor, ...]:
        clean, deviation = clean - self.source.mean, self.source.deviation
        sigma = self.levels(len(clean), draw)
        level = sigma.reshape(-1, 1, 1, 1)
        noisy = clean + level * torch.randn(clean.shape, generator=draw, device=draw.device)
        total = torch.sqrt(level**2 + deviation**2)
        target = (clean - (deviation / total) ** 2 * noisy) * total / (level * deviation)
        return sigma, (noisy / total).contiguous(memory_format=torch.channels_last), target

    def losses(self, sigma: Tensor, *drawn: Tensor) -> Tensor:
        inputs, target = drawn
        # the cache of cast weights is of no use, each being used once, and cannot be recorded
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.in_bfloat16, cache_enabled=False):
            predicted = self.network(inputs, sigma.log() / 4)
        return (predicted.float() - target).square().flatten(1).mean(1)

    def prior(self, weights: dict[str, Tensor], card: Card) -> EdmDenoiser | ScorePrior:
        from engine.priors.networks.denoisers import build, in_channels_last
        from engine.priors.networks.edm import EdmDenoiser

        s, source = self.settings, self.source
        network = build(self.network.shape)
        network.load_state_dict({k: v.half().float() for k, v in weights.items()})
        network = in_channels_last(network.eval().requires_grad_(False))
        channels, height, width = source.shape
        if s.crops:
            height, width = min(height, USUAL_SIDE), min(width, USUAL_SIDE)
        return EdmDenoiser(
            network,
            (channels, height, width),
            source.mean,
            source.deviation,
            s.sigma_min,
            s.sigma_max,
            card,
            any_size=s.crops,
            contrast=source.contrast() if s.crops or s.free_contrast else None,
            extent=source.extent() if s.crops or s.free_contrast else None,
        )


class NcsnObjective(Objective):
    """Denoising score matching over a geometric sequence of levels with the NCSNv2 network (Song and Ermon, 2020), each
    level weighed by its square."""

    network: ScoreNet

    def __init__(self, settings: DenoiserTraining, source: Source) -> None:
        from engine.priors.networks.ncsnv2 import ScoreNet, ScoreNetShape

        super().__init__(settings, source)
        if settings.start:
            raise InputError("A training of an NCSNv2 network starts anew; leave start empty.")
        shape = ScoreNetShape("NCSNv2", source.shape[0], settings.width, settings.levels)
        if min(source.shape[1:]) < shape.smallest_side:
            raise InputError(
                f"NCSNv2 needs pictures of at least {shape.smallest_side} pixels a side; give a larger side."
            )
        self.network = ScoreNet(shape)
        steps = torch.linspace(math.log(settings.sigma_max), math.log(settings.sigma_min), settings.levels)
        self.network.sigmas.copy_(steps.exp())

    def draw(self, clean: Tensor, draw: torch.Generator) -> tuple[Tensor, ...]:
        where = draw.device
        sigmas = self.network.sigmas.to(where)
        sigma = sigmas[torch.randint(len(sigmas), (len(clean),), generator=draw, device=where)]
        noise = torch.randn(clean.shape, generator=draw, device=where)
        return sigma, clean + sigma.reshape(-1, 1, 1, 1) * noise, noise

    def losses(self, sigma: Tensor, *drawn: Tensor) -> Tensor:
        noisy, noise = drawn
        return (self.network.noise(noisy) + noise).square().flatten(1).mean(1)

    def prior(self, weights: dict[str, Tensor], card: Card) -> EdmDenoiser | ScorePrior:
        from engine.priors.networks.score_network import ScorePrior

        s, source = self.settings, self.source
        facts: dict[str, Any] = {
            "network": self.network.shape.as_dict(), "image_shape": list(source.shape), "any_size": s.crops,
            "mean": source.mean, "deviation": source.deviation, "sigma_min": s.sigma_min, "sigma_max": s.sigma_max,
        }  # fmt: skip
        return ScorePrior.assemble(facts, card, {k: v.detach().clone() for k, v in weights.items()}, card.name)


def make_objective(settings: DenoiserTraining, source: Source) -> Objective:
    """The objective that the settings name."""
    return {"edm": EdmObjective, "ncsnv2": NcsnObjective}[settings.objective](settings, source)
