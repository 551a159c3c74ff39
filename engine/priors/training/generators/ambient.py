"""AmbientGAN: a generator learnt from measurements alone (Bora, Price and Dimakis, 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.training.generators.corruptions import CORRUPTIONS, filled
from engine.priors.training.generators.gan import GanTrainer
from engine.priors.training.generators.settings import GeneratorTraining
from engine.priors.training.sources import FixedImages, Source
from engine.seeds import generator

__all__ = ["AmbientTrainer", "measure_source"]

TOGETHER = 512


def measure_source(source: Source, settings: GeneratorTraining, fill: bool) -> None:
    """Puts in place of the pictures what is measured of them, each once; with ``fill``, missing pixels by their nearest
    neighbours. The pictures themselves are gone from then on."""
    if not isinstance(source, FixedImages):
        raise InputError("Pictures that are measured stay as they are: leave out augment and region.")
    corruption = CORRUPTIONS.parse(settings.measurement)
    parts = []
    for i, part in enumerate(source.images.split(TOGETHER)):
        seen, mask = corruption.apply(part, generator(settings.seed, "corruption", i))
        parts.append(filled(seen, mask) if fill else seen)
    source.images = torch.cat(parts)


class AmbientTrainer(GanTrainer):
    """The critic compares measurements with measurements of the generator's pictures, freshly drawn for every batch."""

    def check(self) -> None:
        super().check()
        if not self.settings.measurement:
            raise InputError('ambient-gan needs a measurement, such as measurement="drop share=0.5".')

    def build(self) -> None:
        measure_source(self.source, self.settings, fill=False)
        self.corruption = CORRUPTIONS.parse(self.settings.measurement)
        super().build()

    def measured(self, pictures: Tensor, draw: torch.Generator) -> Tensor:
        return self.corruption.apply(pictures, draw)[0]

    def real(self, draw: torch.Generator) -> Tensor:
        return self.source.batch(self.settings.batch, draw)  # measured already
