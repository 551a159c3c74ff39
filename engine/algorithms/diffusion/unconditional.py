"""Samples from the prior alone: what a reconstruction would look like if nothing had been measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.priors.base import GeneratorPrior
from engine.settings import integer, number

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.sensing.measurement import Measurement

__all__ = ["Unconditional"]


@dataclass(frozen=True)
class Unconditional(AlgorithmChoice):
    """Draws from the prior and looks at no measurement: shows what the prior knows."""

    name = "sample"
    label = "Samples of the prior (no measurement)"

    takes: ClassVar = ("denoiser", "generator")
    reconstructs = False

    levels: int = integer(50, "Levels", "Reverse-diffusion steps.", low=2, high=1000)
    sigma_first: float = number(
        60.0, "First noise level", "In [0, 1] units; never above the prior's range.", above=0, high=1e4, expert=True
    )
    sigma_last: float = number(
        0.01, "Last noise level", "Where sampling ends with a denoising.", above=0, high=1, expert=True
    )

    def steps_for(self, samples: int) -> int:
        return self.levels + 1

    def work_for(self, samples: int) -> float:
        return samples * (self.levels + 1)

    def iterates(
        self, measurement: Measurement, prior: DenoiserPrior | GeneratorPrior, draws: Draws
    ) -> Iterator[Iterate]:
        if isinstance(prior, GeneratorPrior):
            x = self.generated(prior, draws, str(measurement.device))
            yield Iterate(1, 1, x, 1, x, note="These samples look at no measurement.")
            return
        total = self.steps_for(len(draws.samples))
        walk = self.walk(prior, measurement.operator.image_shape, draws, measurement.device)
        for number_, (x, denoised, sigma) in enumerate(walk, start=1):
            note = "These samples look at no measurement." if number_ == total else ""
            yield Iterate(number_, total, x, number_, denoised, statistics={"sigma": float(sigma.mean())}, note=note)

    @staticmethod
    def generated(prior: GeneratorPrior, draws: Draws, device: str) -> Tensor:
        """Images of latents drawn from their distribution, one row per image and sample."""
        import torch

        with torch.no_grad():
            return prior.generate(prior.draw_latents(draws.per_row("sample"), device))

    def walk(
        self, prior: DenoiserPrior, shape: Sequence[int], draws: Draws, device: torch.device | str
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The walk from noise to images of ``shape`` (c, h, w), one row per image and sample: what
        :func:`~engine.priors.sampling.reverse_diffusion` yields."""
        import torch

        from engine.priors.sampling import reverse_diffusion

        noise = draws.per_row("sample")
        first = max(min(self.sigma_first, prior.sigma_max), self.sigma_last)
        centre = prior.mean_image()
        start = torch.as_tensor(prior.mean if centre is None else centre, device=device).float()
        x = start + first * noise.normal(shape, device)
        level = torch.full((len(noise),), first, device=device)
        return reverse_diffusion(prior, x, level, self.sigma_last, self.levels, noise)
