"""What DCS and SDLSS share: a few steps on the latent, of a length that was learnt together with the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.algorithms.base import Draws, Iterate

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import GeneratorPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement

__all__ = ["meta_facts", "meta_steps", "sparsest"]


def meta_facts(prior: PriorChoice, method: str) -> dict | None:
    """Number and length of the steps that a prior was trained for with ``method``; None where it was not."""
    try:
        told = prior.facts["meta"]
        return {"steps": int(told["steps"]), "rate": float(told["rate"])} if told["method"] == method else None
    except (KeyError, TypeError, ValueError):
        return None


def sparsest(latent: Tensor, kept: int) -> Tensor:
    """P_s: the ``kept`` largest entries of each row in magnitude, the others 0."""
    import torch

    if not 0 < kept < latent.shape[1]:
        return latent
    index = latent.abs().topk(kept, dim=1).indices
    return torch.zeros_like(latent).scatter(1, index, latent.gather(1, index))


def meta_steps(
    seen: Measurement, prior: GeneratorPrior, draws: Draws, steps: int, rate: float, project: Callable[[Tensor], Tensor]
) -> Iterator[Iterate]:
    """z <- project(z - rate grad |y - A G(z)|^2), from random latents, one row per restart."""
    from engine.algorithms.latent.objective import LatentObjective

    objective = LatentObjective(seen.for_rows(len(draws.samples)), prior)
    latent = project(prior.draw_latents(draws.per_row("latent"), str(seen.device)))
    for step in range(steps + 1):
        x, value, gradient = objective(latent)
        loss = objective.misfit(value)
        facts = {"objective": float(loss.reshape(seen.images, -1).amin(1).mean())}
        yield Iterate(step + 1, steps + 1, x, 3 * (step + 1), statistics=facts, loss=loss, phase="descending")
        latent = project(latent - rate * (objective.unit * gradient).to(latent.dtype))
