"""The training of a denoiser, resumable at any step.

Every step draws its batch, levels and noise from generators keyed by (seed, step), so a run that was killed and
resumed sees exactly what an undisturbed one sees. The learning rate is constant until the last part, so the number of
steps may be lowered or raised while it runs without changing the steps already done.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.device import choose_device
from engine.errors import EngineError, InputError
from engine.files import make_folder, write_atomically
from engine.foreign.json_text import parsed_json
from engine.priors.base import Card, DenoiserPrior
from engine.priors.header import refuse_odd_levels
from engine.priors.sampling import prior_samples
from engine.priors.training.objectives import make_objective
from engine.priors.training.quality import denoising_quality
from engine.priors.training.settings import DenoiserTraining
from engine.priors.training.sources import make_source
from engine.priors.training.start import licence_of
from engine.priors.training.stepping import LevelBalance, Stepper
from engine.seeds import generator

__all__ = ["DenoiserTrainer", "Progress"]

PREVIEWED = (0.1, 0.2, 0.5)
LOOK_EVERY = 16
"""Steps after which a GPU is asked for the losses: it goes on meanwhile."""


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
        refuse_odd_levels(settings.sigma_min, settings.sigma_max, self.out.name)
        self.source = make_source(settings)
        self.held_out = self.source.held_out(settings.validation) if settings.validation else self.source.kept
        self.mean, self.deviation = self.source.mean, self.source.deviation
        torch.manual_seed(settings.seed)
        self.objective = make_objective(settings, self.source)
        self.network = self.objective.network
        self.device = choose_device(settings.device)
        self.network.to(self.device)
        if self.device == "cuda":
            torch.backends.cudnn.benchmark = True  # every batch has the same shape
        self.averaged = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.rate = torch.tensor(settings.rate, device=self.device)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True,
            capturable=self.device == "cuda",
        )  # fmt: skip
        self.balance = LevelBalance(settings.sigma_min, settings.sigma_max, self.device)
        self.step, self.loss, self.seconds, self.saved = 0, 1.0, 0.0, 0
        if self.checkpoint.exists():
            self._resume()

    # -- one step -----------------------------------------------------------------------------------------------

    def rate_at(self, step: int) -> float:
        """Warm-up over 300 steps (50 with a time budget), constant, then linear decay to zero over the last ``decay`` share
        of the steps or of the time."""
        s = self.settings
        left = 1 - self.share_done(step)
        falling = 1.0 if left > s.decay else left / max(s.decay, 1e-9)
        warm = 300 if not s.minutes else 50
        return s.rate * min(1.0, (step + 1) / warm) * max(falling, 0.0)

    def share_done(self, step: int | None = None) -> float:
        """Share of the training that is done, by steps or by time, whichever is further."""
        s = self.settings
        done = (self.step if step is None else step) / s.steps
        return max(done, self.seconds / (60 * s.minutes)) if s.minutes else done

    def __iter__(self) -> Iterator[Progress]:
        s = self.settings
        self._mark = saved = time.perf_counter()
        self.network.train()
        self._stepper = Stepper(self.network, self.optimiser, self.objective.losses, self.device)
        together = 1 if self.device == "cpu" else LOOK_EVERY
        losses: list[Tensor] = []
        while self.share_done() < 1:
            rate = self.rate_at(self.step)
            self.rate.fill_(rate)
            losses.append(self._update(generator(s.seed, "train", self.step, device=self.device)))
            if len(losses) == together:
                self._account(losses)
            self.step += 1
            now = time.perf_counter()
            self.seconds += now - self._mark
            self._mark = now
            if now - saved > (min(60.0, max(5.0, 3 * s.minutes)) if s.minutes else 60.0):
                self.save()
                saved = time.perf_counter()
            yield Progress(self.step, s.steps, self.loss, rate, self.seconds)

    def _account(self, losses: list[Tensor]) -> None:
        """Takes the losses of the last steps into the running one, and empties the list."""
        before = self.step + 1 - len(losses)
        for i, loss in enumerate(torch.stack(losses).tolist()):
            if not math.isfinite(loss):
                raise EngineError(f"Training diverged at step {before + i}; lower the learning rate and start again.")
            self.loss += (loss - self.loss) * max(0.01, 1 / (before + i + 1))
        losses.clear()

    def resume_clock(self) -> None:
        """Leaves the time since the last step, a pause, out of what is counted."""
        self._mark = time.perf_counter()

    def past(self) -> list[tuple[int, float]]:
        """(step, loss) of the resumed training, as far as its log goes."""
        log, points = self.checkpoint.with_suffix(".log.jsonl"), []
        for line in log.read_text(encoding="utf-8").splitlines() if self.step and log.exists() else []:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that was cut short
                row = parsed_json(line)
                if row["step"] <= self.step:
                    points.append((row["step"], row["loss"]))
        return points

    def _update(self, draw: torch.Generator) -> Tensor:
        drawn = self.objective.draw(self.source.batch(self.settings.batch, draw), draw)
        balanced = self.objective.balanced
        losses = self._stepper(self.balance.weights(drawn[0]) if balanced else torch.ones_like(drawn[0]), drawn)
        self.balance.learn(drawn[0], losses)
        weight = 1 - min(self.settings.average, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([*self.averaged.values()], [*self.network.state_dict().values()], weight)
        return losses.mean()

    # -- keeping --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint atomically."""
        state = {
            "settings": self.settings.fixed(),
            "step": self.step, "loss": self.loss, "seconds": self.seconds, "mean": self.mean, "deviation": self.deviation,
            "network": self.network.state_dict(), "averaged": self.averaged, "optimiser": self.optimiser.state_dict(),
            "balance": self.balance.table,
        }  # fmt: skip
        write_atomically(self.checkpoint, lambda p: torch.save(state, p))
        self.saved += 1
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
            if not _same_training(state.get("settings", ""), self.settings.fixed()):
                raise InputError(
                    f"'{self.checkpoint}' was made with other settings ({state['settings']}); use those or remove it."
                )
            if state["step"] > self.settings.steps:
                raise InputError(
                    f"'{self.checkpoint}' is at step {state['step']} already; give at least as many steps."
                )
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            for group in self.optimiser.param_groups:  # of another device, perhaps
                group["lr"], group["capturable"] = self.rate, self.device == "cuda"
            self.balance.table = state.get("balance", self.balance.table).to(self.device)
            self.averaged = {k: v.to(self.device) for k, v in state["averaged"].items()}
            self.step, self.loss, self.seconds = state["step"], state["loss"], state["seconds"]
        except InputError:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0][:100]
            raise InputError(
                f"'{self.checkpoint}' does not fit this training ({reason}); remove it to start anew."
            ) from None

    def prior(self) -> DenoiserPrior:
        """The denoiser with the averaged weights, as it would be kept (rounded to fp16), with its card."""
        s = self.settings
        name = s.prior or self.out.stem
        licence = "; ".join(filter(None, [s.licence, licence_of(Path(s.start)) if s.start else ""]))
        card = Card(
            name=name, title=s.title or name, data=s.data, licence=licence, command=self.command, seed=s.seed,
            parameters=sum(p.numel() for p in self.network.parameters()),
            notes=" ".join(filter(None, [
                f"{self.step} steps of batch {s.batch}, {self.seconds / 60:.0f} minutes, training loss {self.loss:.4f}.",
                self.source.note,
            ])),
        )  # fmt: skip
        return self.objective.prior({k: v.cpu() for k, v in self.averaged.items()}, card)

    def preview(self, samples: int = 8) -> tuple[dict[float, float], Tensor]:
        """What the averaged weights can do now: PSNR in dB of denoising held-out images by noise level, and so many
        samples drawn from nothing, (n, c, h, w) in [0, 1]."""
        prior = self.prior()
        images = [square(x, self.source.shape) for x in self.held_out[:16]]
        quality = denoising_quality(prior, images, PREVIEWED) if images else {"sigma": [], "psnr": []}
        drawn = prior_samples(prior, samples, self.settings.seed, steps=18, last=0.02)
        return dict(zip(quality["sigma"], quality["psnr"], strict=True)), drawn

    def finish(self) -> DenoiserPrior:
        """Saves the checkpoint, measures the denoising error, writes weights and card; returns the prior."""
        from dataclasses import replace

        self.save()
        prior = self.prior()
        if self.held_out:
            quality = denoising_quality(prior.to(self.device), self.held_out, device=self.device)
            prior.to("cpu").card = replace(prior.card, quality=quality)
        prior.save(self.out)
        return prior


def _same_training(before: str, now: str) -> bool:
    """Whether two written settings agree in all that both name: later versions have more of them."""
    old, new = (dict(word.partition("=")[::2] for word in written.split()) for written in (before, now))
    return all(new[key] == value for key, value in old.items() if key in new)


def square(image: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """The middle of an image (c, h, w) of at least that shape."""
    top, left = ((n - m) // 2 for n, m in zip(image.shape[1:], shape[1:], strict=True))
    return image[:, top : top + shape[1], left : left + shape[2]]
