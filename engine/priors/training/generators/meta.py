"""DCS and SDLSS: a generator learnt together with a few steps on its latent.

DCS (Wu, Rosca and Lillicrap, "Deep compressed sensing", 2019) keeps the latent on the unit sphere; SDLSS (Killedar, Pokala and
Seelamantula, 2021) keeps its s largest entries. Both learn the length of the steps, through which the gradients flow, and are
trained here for fresh Gaussian matrices, so that they serve any, or together with one matrix that is learnt too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.generators.network_prior import as_latents
from engine.priors.training.generators.base import GeneratorTrainer
from engine.seeds import generator

__all__ = ["MetaTrainer"]

FIRST_RATE = 0.01
EAGER = 20.0
"""How much faster the length of the steps is learnt than the weights: it has far to go."""


class MetaTrainer(GeneratorTrainer):
    """Minimises the measurement error after the inner steps, and how far the matrix is from keeping distances between
    first image, last image and picture (the RIP loss of Wu et al.; the S-REC loss of Killedar et al.)."""

    measures = "PSNR of the inner steps' result"

    def check(self) -> None:
        super().check()
        if self.settings.method == "sdlss" and self.settings.sparsity > self.settings.latent:
            raise InputError(
                f"sparsity={self.settings.sparsity} is more than the latent has; give at most latent={self.settings.latent}."
            )

    def build(self) -> None:
        sparse = self.settings.method == "sdlss"
        self.latents, self.kept = ("sparse", self.settings.sparsity) if sparse else ("sphere", 0)
        self.decoder = self.make_decoder()
        self.log_rate = nn.Parameter(torch.tensor(FIRST_RATE, device=self.device).log() / EAGER)
        self.learnt: nn.Parameter | None = None
        parameters = [*self.decoder.parameters(), self.log_rate]
        if self.settings.matrix == "learnt":
            pixels = math.prod(self.source.shape)
            self.learnt = nn.Parameter(self._gaussian(pixels, generator(self.settings.seed, "matrix")).to(self.device))
            parameters.append(self.learnt)
        self.optimiser = torch.optim.Adam(parameters, lr=self.rate, fused=True)

    def _inner(self, decoder: nn.Module, y: Tensor, matrix: Tensor, z: Tensor, learn: bool) -> tuple[Tensor, Tensor]:
        """First and last image of the steps on the latent."""
        first = x = decoder(z)
        for _ in range(self.settings.inner):
            misfit = (x.flatten(1) @ matrix.T - y).square().sum()
            (slope,) = torch.autograd.grad(misfit, z, create_graph=learn)
            z = as_latents(z - self.inner_rate() * slope, self.latents, self.kept)
            x = decoder(z)
        return first, x

    def inner_rate(self) -> Tensor:
        """The length of the inner steps."""
        return (EAGER * self.log_rate).exp()

    def _matrix(self, pixels: int, draw: torch.Generator) -> Tensor:
        return self._gaussian(pixels, draw) if self.learnt is None else self.learnt

    def _gaussian(self, pixels: int, draw: torch.Generator) -> Tensor:
        rows = self.settings.measurements
        return torch.randn((rows, pixels), generator=draw, device=draw.device) / rows**0.5

    def update(self, draw: torch.Generator) -> Tensor:
        pictures = self.source.batch(self.settings.batch, draw)
        flat = pictures.flatten(1)
        matrix = self._matrix(flat.shape[1], draw)
        normal = torch.randn((len(flat), self.settings.latent), generator=draw, device=draw.device)
        z = as_latents(normal, self.latents, self.kept).requires_grad_()
        first, last = (x.flatten(1) for x in self._inner(self.decoder, flat @ matrix.T, matrix, z, learn=True))
        misfit = ((last - flat) @ matrix.T).square().sum(1).mean()
        pairs = ((last, first), (last, flat), (first, flat))
        lengths = [(a - b, (a - b) @ matrix.T) for a, b in pairs]
        kept = sum(
            ((m.square().sum(1) + 1e-12).sqrt() - (d.square().sum(1) + 1e-12).sqrt()).square().mean()
            for d, m in lengths
        )
        self.optimiser.zero_grad(set_to_none=True)
        (misfit + kept / 3).backward()
        nn.utils.clip_grad_norm_(self.optimiser.param_groups[0]["params"], 100.0)
        self.optimiser.step()
        self.average(self.decoder)
        return misfit.detach() / (flat - self.mean).square().sum(1).mean()

    def meta(self) -> dict:
        return {
            "method": self.settings.method,
            "steps": self.settings.inner,
            "rate": float(self.inner_rate().detach()),
        }

    def companions(self) -> dict[str, Callable[[Path], Any]]:
        if self.learnt is None:
            return {}
        matrix = self.learnt.detach().cpu().numpy()

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.save(file, matrix)

        return {"-matrix.npy": write}

    def quality(self, prior: Any) -> dict:
        images = torch.stack(self.held_out[:64]).to(self.device)
        matrix = self._matrix(images[0].numel(), torch.Generator(self.device).manual_seed(0)).detach()
        draw = torch.Generator(self.device).manual_seed(1)
        normal = torch.randn((len(images), self.settings.latent), generator=draw, device=self.device)
        z = as_latents(normal, self.latents, self.kept).requires_grad_()
        _, last = self._inner(prior.network, images.flatten(1) @ matrix.T, matrix, z, learn=False)
        psnr = -10 * (last.detach() - images).square().flatten(1).mean(1).log10()
        return super().quality(prior) | {
            "inner_steps": {
                "pictures": len(images),
                "psnr": round(float(psnr.mean()), 2),
                "rows": self.settings.measurements,
            }
        }

    def preview(self, samples: int = 8) -> tuple[dict[float, float], Tensor]:
        told, drawn = super().preview(samples)
        if self.held_out:
            told = {0.0: self.quality(self.prior())["inner_steps"]["psnr"]}
        return told, drawn

    def state(self) -> dict[str, Any]:
        return {
            "network": self.decoder.state_dict(), "log_rate": self.log_rate.detach(), "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
        } | ({} if self.learnt is None else {"matrix": self.learnt.detach()})  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["network"])
        with torch.no_grad():
            self.log_rate.copy_(state["log_rate"])
            if self.learnt is not None:
                self.learnt.copy_(state["matrix"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self.averaged = {k: v.to(self.device) for k, v in state["averaged"].items()}
