"""A variational autoencoder (Kingma and Welling, 2014); with its default settings on MNIST the one of Bora et al. (2017)."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.priors.training.generators.base import GeneratorTrainer, conv_features

__all__ = ["VaeTrainer"]


class VaeTrainer(GeneratorTrainer):
    """Maximises the evidence lower bound; the encoder is not kept."""

    def build(self) -> None:
        s, shape = self.settings, self.source.shape
        self.decoder = self.make_decoder()
        if self.decoder.shape.kind == "mlp":
            sizes = [math.prod(shape), s.hidden, s.hidden]
            hidden = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.Softplus())]
            features: nn.Module = nn.Sequential(nn.Flatten(), *hidden)
            size = s.hidden
        else:
            features, size = conv_features(shape[0], max(shape[1:]), 2 * s.width)
        self.encoder = nn.Sequential(features, nn.Linear(size, 2 * s.latent)).to(self.device)
        parameters = [*self.decoder.parameters(), *self.encoder.parameters()]
        self.optimiser = torch.optim.Adam(parameters, lr=self.rate, fused=True)

    def update(self, draw: torch.Generator) -> Tensor:
        x = self.source.batch(self.settings.batch, draw)
        mean, log_variance = self.encoder(x - self.mean).chunk(2, 1)
        log_variance = log_variance.clamp(-12, 12)
        noise = torch.randn(mean.shape, generator=draw, device=draw.device)
        logits = self.decoder.logits(mean + (0.5 * log_variance).exp() * noise)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        values = x[0].numel()
        if self.settings.likelihood == "bernoulli":
            misfit = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1).mean()
        else:  # with the variance that is most likely, which is the error itself
            misfit = 0.5 * values * (torch.sigmoid(logits) - x).square().mean().clamp_min(1e-8).log()
        loss = (misfit + divergence) / values
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.optimiser.param_groups[0]["params"], 5.0)
        self.optimiser.step()
        self.average(self.decoder)
        return loss.detach()

    def state(self) -> dict[str, Any]:
        return {
            "network": self.decoder.state_dict(), "encoder": self.encoder.state_dict(), "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["network"])
        self.encoder.load_state_dict(state["encoder"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self.averaged = {k: v.to(self.device) for k, v in state["averaged"].items()}
