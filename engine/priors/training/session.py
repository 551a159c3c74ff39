"""A training that a window follows: frames while it goes, kept on disk so that a crash or a restart loses nothing.

Settings, checkpoint and log of a training lie in a folder of the user's until it ends; then the prior joins the others.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.control import Cancelled, Control
from engine.errors import InputError
from engine.files import make_folder, write_json
from engine.foreign.json_text import parsed_json
from engine.priors.library import priors, user_folder
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.settings import DenoiserTraining, Training

if TYPE_CHECKING:
    from engine.priors.training.trainer import Trainer

__all__ = ["TrainingFrame", "discard", "prepare_settings", "run_session", "training_folder", "unfinished"]

PREVIEW_SECONDS, PREVIEW_SHARE = 5.0, 0.1
"""Shortest time between two previews, and the share of all time that they may take."""
POINTS = 400
PATIENCE, WORSE_DB, LATER = 6, 0.3, 1.5
"""A training stops where so many previews on end were worse than the best, by so much on average, and so many times its steps
have passed."""


@dataclass(frozen=True)
class TrainingFrame:
    """One look at a training. ``history`` has lists ``step``, ``loss``, ``psnr_step``, ``psnr``; ``psnr`` is that of what
    ``measures`` says on held-out images, in dB, by noise level (0 for a generator); ``samples`` (n, c, h, w) are drawn from
    nothing; both as of the last preview. ``note``: what was left out of the training, if anything."""

    step: int
    share: float
    seconds: float
    loss: float
    history: dict[str, list] = field(default_factory=dict)
    psnr: dict[float, float] = field(default_factory=dict)
    samples: np.ndarray | None = None
    preview: int = 0
    note: str = ""
    measures: str = ""
    best: tuple[int, float] | None = None
    """Step and PSNR of what is kept: the best so far on pictures kept apart."""

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.share) / max(self.share, 1e-6)


def training_folder() -> Path:
    """Where trainings that have not ended are kept."""
    return user_folder().parent / "training"


def unfinished() -> dict[str, Training]:
    """Name to settings of the trainings that can be resumed."""
    found: dict[str, Training] = {}
    for path in sorted(training_folder().glob("*.json")):
        try:
            values = parsed_json(path.read_text(encoding="utf-8"))
            found[path.stem] = (GeneratorTraining if "method" in values else DenoiserTraining)(**values)
        except (OSError, ValueError, TypeError, InputError):
            continue  # written by another version, or damaged: it cannot be resumed
    return found


def discard(name: str) -> None:
    """Removes what an unfinished training has left."""
    for suffix in (".json", ".checkpoint", ".curve", ".checkpoint.log.jsonl", ".log.jsonl", ".safetensors", ".best"):
        (training_folder() / f"{name}{suffix}").unlink(missing_ok=True)


def prepare_settings(settings: Training) -> Training:
    """The settings with name and place of a session; raises InputError where they cannot be trained with."""
    if not settings.images:
        raise InputError("Choose the training images: a folder of pictures or an IDX file.")
    if not settings.prior:
        raise InputError("Give the prior a name, by which it will stand in the list: letters, digits, - and _.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}", settings.prior):
        raise InputError(
            f"The name '{settings.prior}' is not valid: give letters, digits, - and _, beginning with a letter."
        )
    if settings.prior in priors().choices:
        raise InputError(f"There is a prior '{settings.prior}' already; give the new one another name.")
    data = settings.data or f"{Path(settings.images).name}: the user's own pictures"
    return replace(settings, out=str(training_folder() / f"{settings.prior}.safetensors"), data=data)


def run_session(
    settings: Training, control: Control, emit: Callable[[TrainingFrame], None], due: Callable[[], bool]
) -> str:
    """Trains until the settings' end or until ``control`` says finish, then adds the prior to the library; returns its name.

    A cancelled control saves the checkpoint and raises Cancelled: :func:`unfinished` lists it from then on.
    """
    from engine.priors.training.generators import trainer_for

    folder = make_folder(training_folder())
    trainer = trainer_for(settings, command=_command(settings))
    write_json(folder / f"{settings.prior}.json", {k: getattr(settings, k) for k in settings.settings()})
    watch = _Watch(trainer)
    try:
        for progress in trainer:
            watch.look(progress.loss)
            if due():
                emit(watch.frame())
            if not control.proceed() or watch.got_worse():
                break
            trainer.resume_clock()
    except Cancelled:
        trainer.save()
        watch.keep()
        raise
    watch.preview()  # the last weights are judged as those before were
    if watch.best is not None and watch.best[0] != trainer.step:
        trainer.take_best()
    prior = trainer.finish()
    emit(watch.frame())
    weights = make_folder(user_folder()) / f"{settings.prior}.safetensors"
    prior.save(weights)
    trainer.write_companions(weights)
    discard(settings.prior)
    return settings.prior


def _command(settings: Training) -> str:
    import shlex

    defaults = settings.defaults()
    method = getattr(settings, "method", "")
    words = ["qcs", "train", *(["--kind", method] if method else [])]
    for key in settings.settings():
        value = getattr(settings, key)
        if value != defaults[key] and key not in ("validation", "method"):
            shown = Path(str(value)).name if key in ("images", "out", "start") else str(value)
            words += [f"--{key.replace('_', '-')}", shlex.quote(shown)]
    return " ".join(words)


class _Watch:
    """The curves of a training and its last preview. The curves are kept beside the checkpoint whenever that is, so that
    a resumed training goes on with them."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.file = trainer.checkpoint.with_suffix(".curve")
        self.history = self._past()
        self._kept = trainer.saved
        self.psnr: dict[float, float] = {}
        self.samples: np.ndarray | None = None
        self.best = trainer.best() if trainer.step else None
        self.stopped = ""
        self.count = 0
        self._next = time.perf_counter() + PREVIEW_SECONDS

    def look(self, loss: float) -> None:
        steps, losses = self.history["step"], self.history["loss"]
        steps.append(self.trainer.step)
        losses.append(round(loss, 5))
        if len(steps) > 2 * POINTS:
            self.history["step"], self.history["loss"] = steps[::2], losses[::2]
        if time.perf_counter() >= self._next:
            self.preview()
        if self.trainer.saved != self._kept:
            self.keep()

    def keep(self) -> None:
        """Writes the curves as they are."""
        self._kept = self.trainer.saved
        write_json(self.file, self.history)

    def _past(self) -> dict[str, list]:
        """The curves up to the step that was resumed, as far as they were kept."""
        history: dict[str, list] = {"step": [], "loss": [], "psnr_step": [], "psnr": []}
        try:
            kept = parsed_json(self.file.read_text(encoding="utf-8")) if self.trainer.step else {}
            for steps, values in (("step", "loss"), ("psnr_step", "psnr")):
                pairs = [(int(a), float(b)) for a, b in zip(kept[steps], kept[values], strict=True)]
                for step, value in pairs:
                    if step <= self.trainer.step:
                        history[steps].append(step)
                        history[values].append(value)
        except (OSError, ValueError, TypeError, KeyError):
            for step, loss in self.trainer.past():  # left by a version that kept the losses at checkpoints alone
                history["step"].append(step)
                history["loss"].append(loss)
        return history

    def preview(self) -> None:
        start = time.perf_counter()
        self.psnr, samples = self.trainer.preview()
        self.samples = samples.numpy()
        self.count += 1
        if self.psnr:
            self.history["psnr_step"].append(self.trainer.step)
            self.history["psnr"].append(self.psnr.get(0.2, next(iter(self.psnr.values()))))
            value = self.history["psnr"][-1]
            if math.isfinite(value) and (self.best is None or value > self.best[1]):
                self.best = self.trainer.step, value
                self.trainer.keep_best(value)
        now = time.perf_counter()
        self._next = now + max(PREVIEW_SECONDS, (now - start) / PREVIEW_SHARE)

    def got_worse(self) -> bool:
        """Whether pictures that are kept apart have been getting worse for so long that they will not get better."""
        if self.best is None or self.trainer.step < LATER * self.best[0]:
            return False
        pairs = zip(self.history["psnr_step"], self.history["psnr"], strict=True)
        since = [value for step, value in pairs if step > self.best[0]]
        if len(since) < PATIENCE or sum(since[-PATIENCE:]) / PATIENCE > self.best[1] - WORSE_DB:
            return False
        self.stopped = f"Stopped: pictures kept apart have got worse since step {self.best[0]:,}, which is kept."
        return True

    def frame(self) -> TrainingFrame:
        trainer = self.trainer
        note = " ".join(filter(None, [self.stopped, trainer.source.note]))
        history = {k: list(v) for k, v in self.history.items()}
        return TrainingFrame(
            trainer.step, min(1.0, trainer.share_done()), trainer.seconds, trainer.loss, history, dict(self.psnr),
            self.samples, self.count, note, trainer.measures, self.best,
        )  # fmt: skip
