"""Denoising score matching with the EDM objective, resumable at any step.

Every step draws its batch, levels and noise from generators keyed by (seed, step), so a run that was killed and
resumed sees exactly what an undisturbed one sees. The learning rate is constant until the last part, so the number of
steps may be lowered or raised while it runs without changing the steps already done.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import EngineError, InputError
from engine.files import make_folder, write_atomically
from engine.priors.base import Card
from engine.priors.edm import EdmDenoiser
from engine.priors.unet import UNet, UNetShape
from engine.seeds import generator
from engine.training.settings import DenoiserTraining
from engine.training.sources import make_source
from engine.training.start import start_from

__all__ = ["DenoiserTrainer", "Progress", "denoising_quality"]

# Where a processor lacks bfloat16 instructions they are emulated, at a third of the speed of float32.
_HAS_BF16 = any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


@dataclass(frozen=True)
class Progress:
    """One step: its number, the running loss (1 = predicting nothing), learning rate and seconds since the start."""

    step: int
    steps: int
    loss: float
    rate: float
    seconds: float


class DenoiserTrainer:
    """Iterate over it to train; stop whenever you like and call :meth:`finish`, or construct it again to resume."""

    def __init__(self, settings: DenoiserTraining, command: str = "") -> None:
        if not settings.out or not settings.images:
            raise InputError("Training needs images=... and out=FILE.safetensors.")
        self.settings, self.command = settings, command
        self.out = Path(settings.out)
        if self.out.suffix != ".safetensors":
            raise InputError(f"out={self.out}: the weights file must end in .safetensors.")
        make_folder(self.out.parent)
        self.checkpoint = self.out.with_suffix(".checkpoint")
        if settings.threads:
            torch.set_num_threads(settings.threads)
        if settings.sigma_min >= settings.sigma_max:
            raise InputError(f"sigma_min={settings.sigma_min:g} must be below sigma_max={settings.sigma_max:g}.")
        self.source = make_source(settings)
        self.held_out = self.source.held_out(settings.validation) if settings.validation else []
        self.mean, self.deviation = self.source.mean, self.source.deviation
        torch.manual_seed(settings.seed)
        shape = UNetShape(
            channels=self.source.shape[0], width=settings.width, blocks=settings.blocks, attention=settings.attention
        )
        self.network = UNet(shape).to(memory_format=torch.channels_last)
        if settings.start:
            start_from(self.network, Path(settings.start))
        self.averaged = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
        )
        self.step, self.loss, self.seconds = 0, 1.0, 0.0
        if self.checkpoint.exists():
            self._resume()

    # -- one step -----------------------------------------------------------------------------------------------

    def rate_at(self, step: int) -> float:
        """Warm-up over 300 steps, constant, then linear decay to zero over the last ``decay`` share."""
        s = self.settings
        start = s.steps * (1 - s.decay)
        falling = 1.0 if step < start else max(0.0, (s.steps - step) / max(1.0, s.steps - start))
        return s.rate * min(1.0, (step + 1) / 300) * falling

    def levels(self, count: int, draw: torch.Generator) -> Tensor:
        """Noise levels of a batch: log-normal about the levels that matter most, log-uniform over the whole range."""
        s = self.settings
        low, high = math.log(s.sigma_min), math.log(s.sigma_max)
        normal = math.log(s.sigma_centre) + s.sigma_spread * torch.randn(count, generator=draw)
        uniform = low + (high - low) * torch.rand(count, generator=draw)
        chosen = torch.where(torch.rand(count, generator=draw) < s.uniform, uniform, normal)
        return chosen.clamp(low, high).exp()

    def __iter__(self) -> Iterator[Progress]:
        s = self.settings
        last, saved = time.perf_counter(), time.perf_counter()
        self.network.train()
        while self.step < s.steps:
            rate = self.rate_at(self.step)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss = self._update(generator(s.seed, "train", self.step))
            if not math.isfinite(loss):
                raise EngineError(f"Training diverged at step {self.step}; lower the learning rate and start again.")
            self.loss += (loss - self.loss) * max(0.01, 1 / (self.step + 1))
            self.step += 1
            now = time.perf_counter()
            self.seconds += now - last
            last = now
            if now - saved > 60:
                self.save()
                saved = time.perf_counter()
            yield Progress(self.step, s.steps, self.loss, rate, self.seconds)

    def _update(self, draw: torch.Generator) -> float:
        s = self.settings
        clean = self.source.batch(s.batch, draw) - self.mean
        sigma = self.levels(s.batch, draw)
        level = sigma.reshape(-1, 1, 1, 1)
        noisy = clean + level * torch.randn(clean.shape, generator=draw)
        total = torch.sqrt(level**2 + self.deviation**2)
        target = (clean - (self.deviation / total) ** 2 * noisy) * total / (level * self.deviation)
        inputs = (noisy / total).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=_HAS_BF16):
            predicted = self.network(inputs, sigma.log() / 4)
        loss = (predicted.float() - target).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        weight = 1 - min(s.average, (1 + self.step) / (10 + self.step))
        for key, value in self.network.state_dict().items():
            self.averaged[key].lerp_(value, weight)
        return float(loss.detach())

    # -- keeping --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint atomically."""
        state = {
            "settings": self.settings.fixed(),
            "step": self.step, "loss": self.loss, "seconds": self.seconds, "mean": self.mean, "deviation": self.deviation,
            "network": self.network.state_dict(), "averaged": self.averaged, "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        write_atomically(self.checkpoint, lambda p: torch.save(state, p))
        line = json.dumps(
            {
                "settings": self.settings.fixed(),
                "step": self.step,
                "loss": round(self.loss, 5),
                "seconds": round(self.seconds, 1),
            }
        )
        with self.checkpoint.with_suffix(".log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def _resume(self) -> None:
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            if not math.isclose(state["mean"], self.mean, abs_tol=1e-6):
                raise InputError(f"'{self.checkpoint}' belongs to other images; remove it or choose another out file.")
            if state.get("settings", self.settings.fixed()) != self.settings.fixed():
                raise InputError(
                    f"'{self.checkpoint}' was made with other settings ({state['settings']}); use those or remove it."
                )
            if state["step"] > self.settings.steps:
                raise InputError(
                    f"'{self.checkpoint}' is at step {state['step']} already; give at least as many steps."
                )
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.averaged = state["averaged"]
            self.step, self.loss, self.seconds = state["step"], state["loss"], state["seconds"]
        except InputError:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0][:100]
            raise InputError(
                f"'{self.checkpoint}' does not fit this training ({reason}); remove it to start anew."
            ) from None

    def prior(self) -> EdmDenoiser:
        """The denoiser with the averaged weights, as it would be shipped (rounded to fp16), with its card."""
        s = self.settings
        network = UNet(self.network.shape)
        network.load_state_dict({k: v.half().float() for k, v in self.averaged.items()})
        network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        name = s.prior or self.out.stem
        card = Card(
            name=name, title=s.title or name, data=s.data, licence=s.licence, command=self.command, seed=s.seed,
            parameters=sum(p.numel() for p in network.parameters()),
            notes=f"{self.step} steps of batch {s.batch}, {self.seconds / 60:.0f} minutes, training loss {self.loss:.4f}.",
        )  # fmt: skip
        return EdmDenoiser(
            network, self.source.shape, self.mean, self.deviation, s.sigma_min, s.sigma_max, card, any_size=s.crops
        )

    def finish(self) -> EdmDenoiser:
        """Saves the checkpoint, measures the denoising error, writes weights and card; returns the prior."""
        from dataclasses import replace

        self.save()
        prior = self.prior()
        if self.held_out:
            prior.card = replace(prior.card, quality=denoising_quality(prior, self.held_out))
        prior.save(self.out)
        return prior


@torch.inference_mode()
def denoising_quality(prior: EdmDenoiser, images: Sequence[Tensor]) -> dict:
    """Root-mean-square denoising error and PSNR of it by noise level on images (c, h, w)."""
    sigmas = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0]
    sigmas = [s for s in sigmas if prior.sigma_min <= s <= prior.sigma_max]
    same = len({x.shape for x in images}) == 1
    batches = torch.stack(list(images)).split(64) if same else [x[None] for x in images]
    squares, pixels = dict.fromkeys(sigmas, 0.0), sum(x.numel() for x in images)
    draw = generator(0, "quality")
    for x in batches:
        noise = torch.randn(x.shape, generator=draw)
        for sigma in sigmas:
            squares[sigma] += float((prior.denoise(x + sigma * noise, sigma) - x).square().sum())
    errors = [math.sqrt(squares[s] / pixels) for s in sigmas]
    return {
        "sigma": sigmas,
        "rmse": [round(e, 5) for e in errors],
        "psnr": [round(-20 * math.log10(e), 2) for e in errors],
    }
