"""What trainings of generators share: the decoder, its running mean, its card."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.generators.decoders import Decoder, DecoderShape, grids
from engine.priors.generators.fitting import best_latents
from engine.priors.generators.network_prior import NetworkGenerator
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.trainer import Trainer
from engine.seeds import RowGenerators, generator

__all__ = ["GeneratorTrainer", "conv_features"]

JUDGED, JUDGED_VALUES = 64, 1 << 18
"""Held-out pictures whose best latent is looked for, at most, and their pixels' values together."""


class GeneratorTrainer(Trainer):
    """Trains ``decoder``; ``averaged`` is the running mean of its weights."""

    settings: GeneratorTraining
    measures = "PSNR of the best latent"
    latents = "normal"
    kept = 0

    def check(self) -> None:
        s = self.settings
        if s.decoder == "mlp" and "gan" in s.method:
            raise InputError(
                "A gan or ambient-gan is trained with a convolutional decoder; set decoder to conv or auto."
            )

    def make_decoder(self) -> Decoder:
        s, shape = self.settings, self.source.shape
        plain = s.decoder == "mlp" or (s.decoder == "auto" and "gan" not in s.method and math.prod(shape) <= 1024)
        count = grids(max(shape[1:]))
        layers = (s.hidden, s.hidden) if plain else tuple(s.width * 2 ** min(i, 2) for i in range(count, -1, -1))
        decoder = Decoder(DecoderShape("mlp" if plain else "conv", s.latent, layers, shape, self.latents, self.kept))
        self.averaged = {k: v.clone().to(self.device) for k, v in decoder.state_dict().items()}
        return decoder.to(self.device)

    def average(self, decoder: nn.Module) -> None:
        """Takes the decoder's weights into their running mean."""
        weight = 1 - min(self.settings.average, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([*self.averaged.values()], [*decoder.state_dict().values()], weight)

    def prior(self) -> NetworkGenerator:
        network = Decoder(self.decoder.shape)
        network.load_state_dict({k: v.cpu().half().float() for k, v in self.averaged.items()})
        network = network.eval().requires_grad_(False)
        card = self.card(sum(p.numel() for p in network.parameters()))
        return NetworkGenerator(network, self.mean, self.deviation, card, self.meta())

    def meta(self) -> dict:
        """What was learnt of steps on the latent, if anything."""
        return {}

    decoder: Decoder

    def quality(self, prior: NetworkGenerator) -> dict:
        count = max(4, min(JUDGED, JUDGED_VALUES // self.held_out[0].numel()))
        images = torch.stack(self.held_out[:count]).to(self.device)
        with torch.no_grad():
            mse = (prior.generate(best_latents(prior, images)) - images).square().flatten(1).mean(1)
        mean = float(mse.mean())
        facts = {"pictures": len(images), "mse": round(mean, 5), "psnr": round(-10 * math.log10(max(mean, 1e-12)), 2)}
        return {"best_latent": facts}

    def preview(self, samples: int = 8) -> tuple[dict[float, float], Tensor]:
        prior = self.prior()
        told = {}
        if self.held_out:
            images = torch.stack(self.held_out[:8])
            with torch.no_grad():
                mse = float((prior.generate(best_latents(prior, images, 2, 100)) - images).square().mean())
            told = {0.0: round(-10 * math.log10(max(mse, 1e-12)), 2)}
        draws = RowGenerators([generator(self.settings.seed, "preview", i) for i in range(samples)])
        with torch.no_grad():
            return told, prior.generate(prior.draw_latents(draws))


def conv_features(channels: int, side: int, width: int) -> tuple[nn.Sequential, int]:
    """Strided convolutions down to the coarsest grid, flattened, and how many numbers come out."""
    layers: list[nn.Module] = []
    now = channels
    for i in range(grids(side)):
        after = width * 2 ** min(i, 2)
        layers += [nn.Conv2d(now, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        now, side = after, side // 2
    return nn.Sequential(*layers, nn.Flatten()), now * side * side
