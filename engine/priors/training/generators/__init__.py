"""Trainings of generators. A new one is one new file and one line in :data:`TRAINERS`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from engine.priors.training.settings import DenoiserTraining, Training

if TYPE_CHECKING:
    from engine.priors.training.trainer import Trainer

__all__ = ["TRAINERS", "trainer_for"]

TRAINERS = {
    "vae": "engine.priors.training.generators.vae:VaeTrainer",
    "gan": "engine.priors.training.generators.gan:GanTrainer",
    "dcs": "engine.priors.training.generators.meta:MetaTrainer",
    "sdlss": "engine.priors.training.generators.meta:MetaTrainer",
    "ambient-gan": "engine.priors.training.generators.ambient:AmbientTrainer",
}
"""Method of a generator's training to its class."""


def trainer_for(settings: Training, command: str = "") -> Trainer:
    """The trainer that the settings describe."""
    if isinstance(settings, DenoiserTraining):
        from engine.priors.training.denoiser import DenoiserTrainer

        return DenoiserTrainer(settings, command)
    module, name = TRAINERS[settings.method].split(":")  # type: ignore[attr-defined]
    return getattr(import_module(module), name)(settings, command)
