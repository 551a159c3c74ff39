"""A Wasserstein GAN with gradient penalty (Gulrajani et al., 2017)."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.priors.generators.network_prior import as_latents
from engine.priors.training.generators.base import GeneratorTrainer, conv_features

__all__ = ["GanTrainer"]


class GanTrainer(GeneratorTrainer):
    """A critic estimates how far the generator's pictures are from the training ones; the generator makes that less."""

    def build(self) -> None:
        s, shape = self.settings, self.source.shape
        if s.method == "gan" and s.measurement:
            from engine.priors.training.generators.ambient import measure_source

            measure_source(self.source, s, fill=True)
        self.decoder = self.make_decoder()
        features, size = conv_features(shape[0], max(shape[1:]), 2 * s.width)
        self.critic = nn.Sequential(features, nn.Linear(size, 1)).to(self.device)
        adam = partial(torch.optim.Adam, lr=self.rate, betas=(0.5, 0.9), fused=True)
        self.of_decoder, self.of_critic = adam(self.decoder.parameters()), adam(self.critic.parameters())

    def check(self) -> None:
        super().check()
        if self.settings.measurement:
            from engine.priors.training.generators.corruptions import CORRUPTIONS

            CORRUPTIONS.parse(self.settings.measurement)

    def real(self, draw: torch.Generator) -> Tensor:
        """What the critic is to take for real."""
        return self.source.batch(self.settings.batch, draw)

    def measured(self, pictures: Tensor, draw: torch.Generator) -> Tensor:
        """What the critic sees of pictures (batch, c, h, w)."""
        return pictures

    def drawn(self, count: int, draw: torch.Generator) -> Tensor:
        """Pictures of the generator as it is."""
        normal = torch.randn((count, self.settings.latent), generator=draw, device=draw.device)
        return self.decoder(as_latents(normal, self.latents))

    def update(self, draw: torch.Generator) -> Tensor:
        s, apart = self.settings, torch.zeros((), device=self.device)
        for _ in range(s.critic_steps):
            real = self.real(draw)
            with torch.no_grad():
                fake = self.measured(self.drawn(s.batch, draw), draw)
            share = torch.rand((s.batch, 1, 1, 1), generator=draw, device=draw.device)
            between = (share * real + (1 - share) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
            steep = (slope.flatten(1).norm(dim=1) - 1).square().mean()
            apart = (self.critic(real) - self.critic(fake)).mean()
            self.of_critic.zero_grad(set_to_none=True)
            (s.penalty * steep - apart).backward()
            self.of_critic.step()
        self.of_decoder.zero_grad(set_to_none=True)
        (-self.critic(self.measured(self.drawn(s.batch, draw), draw)).mean()).backward()
        self.of_decoder.step()
        self.average(self.decoder)
        return apart.detach()

    def state(self) -> dict[str, Any]:
        return {
            "network": self.decoder.state_dict(), "critic": self.critic.state_dict(), "averaged": self.averaged,
            "of_decoder": self.of_decoder.state_dict(), "of_critic": self.of_critic.state_dict(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["network"])
        self.critic.load_state_dict(state["critic"])
        for optimiser, key in ((self.of_decoder, "of_decoder"), (self.of_critic, "of_critic")):
            optimiser.load_state_dict(state[key])
            for group in optimiser.param_groups:
                group["lr"] = self.rate
        self.averaged = {k: v.to(self.device) for k, v in state["averaged"].items()}
