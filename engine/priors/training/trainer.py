"""What all trainings share: clock, learning rate, checkpoints; resumable at any step.

Every step draws from generators keyed by (seed, step), so a run that was killed and resumed sees exactly what an
undisturbed one sees. The learning rate is constant until the last part, so the number of steps may be lowered or raised
while it runs without changing the steps already done.
"""

from __future__ import annotations

import contextlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.device import choose_device
from engine.errors import EngineError, InputError
from engine.files import json_text, make_folder, write_atomically
from engine.foreign.json_text import parsed_json
from engine.priors.base import Card
from engine.priors.training.settings import Training
from engine.priors.training.sources import make_source
from engine.seeds import generator

if TYPE_CHECKING:
    from engine.priors.generators.network_prior import NetworkGenerator
    from engine.priors.networks.edm import EdmDenoiser
    from engine.priors.networks.score_network import ScorePrior

    TrainedPrior = EdmDenoiser | ScorePrior | NetworkGenerator

__all__ = ["Progress", "Trainer", "square"]

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


class Trainer(ABC):
    """Iterate over it to train; stop whenever you like and call :meth:`finish`, or construct it again to resume.

    Subclasses build networks and optimisers in :meth:`build`, with ``self.rate`` for the learning rate, and take steps.
    """

    measures = "PSNR"
    """What the numbers of a preview are, in dB."""
    arithmetic = ""
    """What the card says of the products it was trained with, where they were not single precision."""

    def __init__(self, settings: Training, command: str = "") -> None:
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
        self.check()
        self.source = make_source(settings)
        self.held_out = self.source.held_out(settings.validation) if settings.validation else self.source.kept
        self.mean, self.deviation = self.source.mean, self.source.deviation
        torch.manual_seed(settings.seed)
        self.device = choose_device(settings.device)
        if self.device == "cuda":
            torch.backends.cudnn.benchmark = True  # every batch has the same shape
        self.rate = torch.tensor(settings.rate, device=self.device)
        self.build()
        self.step, self.loss, self.seconds, self.saved = 0, 1.0, 0.0, 0
        self.remark = ""
        if self.checkpoint.exists():
            self._resume()

    # -- what a training is -------------------------------------------------------------------------------------

    def check(self) -> None:  # noqa: B027
        """Raises InputError where the settings do not go together."""

    @abstractmethod
    def build(self) -> None:
        """Makes networks and optimisers."""

    def begin(self) -> None:  # noqa: B027
        """Called before the first step of a session."""

    @abstractmethod
    def update(self, draw: torch.Generator) -> Tensor:
        """Takes a step; returns its loss, a scalar."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold of networks and optimisers."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""

    @abstractmethod
    def prior(self) -> TrainedPrior:
        """The prior with the averaged weights, as it would be kept (rounded to fp16), with its card."""

    @abstractmethod
    def quality(self, prior: Any) -> dict:
        """What the card says of it, measured on ``held_out``."""

    @abstractmethod
    def preview(self, samples: int = 8) -> tuple[dict[float, float], Tensor]:
        """What the averaged weights can do now: PSNR in dB by noise level, or of what ``measures`` says, on held-out images,
        and so many samples drawn from nothing, (n, c, h, w) in [0, 1]."""

    def finish(self) -> TrainedPrior:
        """Saves the checkpoint, measures the quality, writes weights and card; returns the prior."""
        from dataclasses import replace

        self.save()
        prior = self.prior()
        if self.held_out:
            quality = self.quality(prior.to(self.device))
            prior.to("cpu").card = replace(prior.card, quality=quality)
        prior.save(self.out)
        self.write_companions(self.out)
        return prior

    def companions(self) -> dict[str, Callable[[Path], Any]]:
        """Files that belong beside the weights: what follows the name of the prior, and what writes it to a path."""
        return {}

    def write_companions(self, weights: Path) -> None:
        """Writes them beside a weights file, atomically."""
        for ending, write in self.companions().items():
            write_atomically(weights.with_name(weights.stem + ending), write)

    def card(self, parameters: int, licence: str = "") -> Card:
        """The card of what was trained so far."""
        s = self.settings
        name = s.prior or self.out.stem
        return Card(
            name=name, title=s.title or name, data=s.data, licence="; ".join(filter(None, [s.licence, licence])),
            command=self.command, seed=s.seed, parameters=parameters,
            notes=" ".join(filter(None, [
                f"{self.step} steps of batch {s.batch}, {self.seconds / 60:.0f} minutes, training loss {self.loss:.4f}.",
                self.remark,
                self.arithmetic,
                self.source.note,
            ])),
        )  # fmt: skip

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
        self.begin()
        together = 1 if self.device == "cpu" else LOOK_EVERY
        losses: list[Tensor] = []
        while self.share_done() < 1:
            rate = self.rate_at(self.step)
            self.rate.fill_(rate)
            losses.append(self.update(generator(s.seed, "train", self.step, device=self.device)))
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

    # -- keeping --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint atomically."""
        state = {
            "settings": self.settings.fixed(),
            "step": self.step, "loss": self.loss, "seconds": self.seconds, "mean": self.mean, "deviation": self.deviation,
        } | self.state()  # fmt: skip
        write_atomically(self.checkpoint, lambda p: _write_state(p, state))
        self.saved += 1
        line = {
            "settings": self.settings.fixed(), "step": self.step, "loss": round(self.loss, 5), "seconds": round(self.seconds, 1),
        }  # fmt: skip
        log = self.checkpoint.with_suffix(".log.jsonl")
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(json_text(line) + "\n")
        except OSError as error:
            raise InputError(f"Cannot write '{log}' ({error.strerror or error}); free space and resume.") from None

    @property
    def best_file(self) -> Path:
        """Where :meth:`keep_best` keeps what was best so far."""
        return self.checkpoint.with_suffix(".best")

    def keep_best(self, quality: float) -> None:
        """Keeps the training as it is now, as the best so far: of a ``quality`` that is the larger the better."""
        state = {"step": self.step, "loss": self.loss, "quality": quality} | self.state()
        write_atomically(self.best_file, lambda p: _write_state(p, state))

    def best(self) -> tuple[int, float] | None:
        """Step and quality of what was kept as best; None where nothing was, or it cannot be read any more."""
        try:
            state = torch.load(self.best_file, map_location="cpu", weights_only=True, mmap=True)
            return int(state["step"]), float(state["quality"])
        except Exception:  # torch raises what it likes
            return None

    def take_best(self) -> None:
        """Goes back to what was kept as best, for good; the card tells. EngineError where it cannot be read any more."""
        try:
            state = torch.load(self.best_file, map_location="cpu", weights_only=True)
            self.restore(state)
        except Exception as error:
            raise EngineError(f"The best weights of the training cannot be read ({str(error)[:100]}).") from None
        self.remark = (
            f"Weights of step {state['step']} of {self.step}: the best on pictures kept apart "
            f"({self.measures} {state['quality']:.1f} dB)."
        )

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
            self.restore(state)
            self.step, self.loss, self.seconds = state["step"], state["loss"], state["seconds"]
        except InputError:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0][:100]
            raise InputError(
                f"'{self.checkpoint}' does not fit this training ({reason}); remove it to start anew."
            ) from None


def _write_state(path: Path, state: dict[str, Any]) -> None:
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # a full disk, which torch only says to have lost its place
                raise error.__context__ from None
            raise


def _same_training(before: str, now: str) -> bool:
    """Whether two written settings agree in all that both name: later versions have more of them."""
    old, new = (dict(word.partition("=")[::2] for word in written.split()) for written in (before, now))
    return all(new[key] == value for key, value in old.items() if key in new)


def square(image: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """The middle of an image (c, h, w) of at least that shape."""
    top, left = ((n - m) // 2 for n, m in zip(image.shape[1:], shape[1:], strict=True))
    return image[:, top : top + shape[1], left : left + shape[2]]
