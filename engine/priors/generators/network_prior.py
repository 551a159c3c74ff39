"""A trained generator as a prior, and the file it is kept in."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.base import Card, GeneratorPrior
from engine.priors.generators.decoders import Decoder, decoder_shape
from engine.priors.header import GENERATOR_FORMAT, read_header
from engine.priors.networks.plausible import refuse_implausible
from engine.priors.networks.unfilled import unfilled
from engine.priors.weights_file import save_weights
from engine.seeds import RowGenerators

__all__ = ["NetworkGenerator", "as_latents"]


def as_latents(normal: Tensor, kind: str, kept: int = 0) -> Tensor:
    """Standard normal numbers (rows, latent) as latents of a distribution that :data:`LATENTS` names."""
    if kind == "sparse":
        index = normal.abs().topk(kept, dim=1).indices
        return torch.zeros_like(normal).scatter(1, index, normal.gather(1, index))
    if kind == "uniform":
        return torch.special.ndtr(normal) * 2 - 1
    if kind == "sphere":
        return torch.nn.functional.normalize(normal, dim=1)
    return normal


class NetworkGenerator(GeneratorPrior):
    """x = G(z); ``latents`` names the distribution of z. Methods move in u, standard normal, with z = z(u): whatever the
    distribution, its density is then the same and has no edge."""

    def __init__(self, network: Decoder, mean: float, deviation: float, card: Card, meta: dict | None = None) -> None:
        self.network, self.card = network, card
        self.meta: dict = meta or {}
        """Of a generator that was learnt together with steps on its latent: ``method``, ``steps`` and ``rate``."""
        self.image_shape = network.shape.image_shape
        self.latent_shape = (network.shape.latent,)
        self.latents = network.shape.latents
        self.mean, self.deviation, self.variance = mean, deviation, deviation**2

    def draw_latents(self, generators: RowGenerators, device: str = "cpu") -> Tensor:
        return generators.normal(self.latent_shape, device)

    def on_latents(self, latent: Tensor) -> Tensor:
        if self.latents == "uniform":
            return latent  # it is the normal number that methods move
        return as_latents(latent, self.latents, self.network.shape.kept)

    def generate(self, latent: Tensor) -> Tensor:
        return self.network(as_latents(latent, self.latents, self.network.shape.kept))

    def to(self, device: str) -> NetworkGenerator:
        self.network = self.network.to(device)
        return self

    def save(self, path: Path | str) -> Path:
        """Writes fp16 weights, the shape of the network and the card as one safetensors file, atomically."""
        tensors = {k: v.detach().half().contiguous() for k, v in self.network.state_dict().items()}
        facts = {
            "format": GENERATOR_FORMAT, "kind": "generator", "network": self.network.shape.as_dict(),
            "image_shape": list(self.image_shape), "mean": self.mean, "deviation": self.deviation,
            "card": self.card.as_dict(),
        } | ({"meta": self.meta} if self.meta else {})  # fmt: skip
        return save_weights(path, tensors, facts)

    @classmethod
    def load(cls, path: Path | str) -> NetworkGenerator:
        """Reads a file written by :meth:`save`. Keys and shapes must match exactly; raises InputError otherwise."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        facts = read_header(path)
        try:
            shape = decoder_shape(facts["network"])
            if list(shape.image_shape) != list(facts["image_shape"]):
                raise ValueError("image_shape")
            refuse_implausible(shape.as_dict(), facts["image_shape"], Path(path).name)
            tensors = {k: v.float() for k, v in load_file(path).items()}
            with unfilled():  # no memory for what the header says before the weights have said the same
                network = Decoder(shape)
            if not all(torch.isfinite(v).all() for v in tensors.values()):
                raise InputError(f"'{path}' holds weights that are not finite; train or export it again.")
            network.load_state_dict(tensors, strict=True, assign=True)
            meta = facts.get("meta") or {}
            if meta:
                meta = {"method": str(meta["method"]), "steps": int(meta["steps"]), "rate": float(meta["rate"])}
                if not (1 <= meta["steps"] <= 10_000 and 0 < meta["rate"] < 1e6):
                    raise ValueError("meta")
            if not (math.isfinite(float(facts["mean"])) and 0 < float(facts["deviation"]) < 1e3):
                raise ValueError("mean and deviation")
            mean, deviation, card = float(facts["mean"]), float(facts["deviation"]), Card(**facts["card"])
        except (
            KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError, SafetensorError,
            OSError,
        ) as error:  # fmt: skip
            if isinstance(error, InputError):
                raise
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"'{path}' is not a whole generator file ({reason}).") from None
        network = network.eval().requires_grad_(False)
        card = replace(card, parameters=sum(p.numel() for p in network.parameters()))
        return cls(network, mean, deviation, card, meta)
