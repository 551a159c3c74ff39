"""The exact priors as choices: a Gaussian and a Gaussian mixture, of natural pictures or fitted to a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.priors.choice import PriorChoice, Shape
from engine.settings import integer, number, one_of, path

if TYPE_CHECKING:
    from engine.priors.exact.gaussian import GaussianPrior, MixturePrior

__all__ = ["EXACT", "GaussianChoice", "MixtureChoice"]

NOMINAL_SIDE = 64
CONTRASTS = (0.06, 0.12, 0.24, 0.36)
"""Standard deviations of pixels of the parts of the mixture of natural pictures."""


@lru_cache(maxsize=16)
def _first_picture(folder: str, _modified: int) -> tuple[Shape, float]:
    """Shape of the first picture and the mean of the first few: a form asks for it, which must not wait for a folder."""
    import numpy as np

    from engine.images import plain_channels
    from engine.images.datasets import Pictures

    first, means = None, []
    for pixels in Pictures(folder, limit=32):
        first = first or (plain_channels(pixels), *pixels.shape[1:])
        means.append(float(np.mean(pixels)))
    assert first is not None
    return first, float(np.mean(means))


def _seen(images: str) -> tuple[Shape, float]:
    try:
        modified = Path(images).stat().st_mtime_ns
    except OSError:
        raise InputError(f"'{images}' does not exist; give a folder of pictures to fit the prior to.") from None
    return _first_picture(images, modified)


@dataclass(frozen=True)
class _ExactChoice(PriorChoice):
    images: str = path(
        "", "Fitted to", "A folder of pictures or an IDX file; empty takes natural pictures.", files="folder"
    )
    side: int | None = integer(
        None,
        "Side",
        "Squares that a folder's pictures are fitted to; auto takes the first one's, up to 28.",
        low=2,
        high=128,
    )
    mean_level: float = number(0.45, "Mean", "Mean pixel value where nothing is fitted.", low=0, high=1, expert=True)

    @property
    def _fixed(self) -> bool:
        return bool(self.images)

    @property
    def any_size(self) -> bool:  # type: ignore[override]
        return not self._fixed

    @property
    def channels(self) -> tuple[int, ...]:
        return (self.image_shape[0],) if self._fixed else (1, 3)

    @property
    def image_shape(self) -> Shape:
        if not self._fixed:
            return (1, NOMINAL_SIDE, NOMINAL_SIDE)
        shape = _seen(self.images)[0]
        side = self.side or min(*shape[1:], 28)
        return (shape[0], side, side)

    @property
    def facts(self) -> dict[str, Any]:
        mean = _seen(self.images)[1] if self.images else self.mean_level
        data = f"fitted to {Path(self.images).name}" if self.images else "natural pictures: power-law spectrum"
        card = {"name": self.name, "title": self.label, "data": data, "licence": ""}
        return {"mean": mean, "sigma_min": 0.0, "sigma_max": math.inf, "image_shape": self.image_shape, "card": card}

    def _named(self, prior: GaussianPrior | MixturePrior, device: str):
        named = prior.to(device)  # a copy: the fitted one is kept for others
        named.card = replace(prior.card, name=self.name, title=self.label, data=self.facts["card"]["data"])
        return named


@dataclass(frozen=True)
class GaussianChoice(_ExactChoice):
    """Gaussian with an exact denoiser: a baseline in an instant, and what the samplers are tested against."""

    name = "gaussian"
    label = "Gaussian (exact)"

    model: str = one_of(
        "by-side",
        ("by-side", "covariance", "spectrum"),
        "Fit",
        "covariance: mean image and full covariance at one size; spectrum: power spectrum, any size; by-side: by the side.",
        expert=True,
    )
    deviation: float = number(
        0.25, "Deviation", "Standard deviation of pixels where nothing is fitted.", above=0, high=2, expert=True
    )
    exponent: float = number(
        2.4, "Exponent", "Power falls as 1/frequency^exponent where nothing is fitted.", low=0, high=6, expert=True
    )

    @property
    def _fixed(self) -> bool:
        if not self.images or self.model == "spectrum":
            return False
        return self.model == "covariance" or self.side is not None or max(_seen(self.images)[0][1:]) <= 32

    def load(self, device: str = "cpu", shape: Shape | None = None) -> GaussianPrior:
        from engine.priors.exact import fitting

        shape = shape or self.image_shape
        if not self.images:
            from engine.priors.exact.gaussian import GaussianPrior

            spectrum = fitting.power_law(shape, self.deviation, self.exponent)
            return self._named(GaussianPrior.of_spectrum(self.mean_level, spectrum), device)
        return self._named(_fitted(self.images, self._fixed, shape, self.facts["mean"], _modified(self.images)), device)


def _modified(images: str) -> int:
    return Path(images).stat().st_mtime_ns


@lru_cache(maxsize=4)
def _fitted(images: str, fixed: bool, shape: Shape, mean: float, _time: int) -> GaussianPrior:
    from engine.priors.exact import fitting

    return fitting.fit_covariance(images, shape) if fixed else fitting.fit_spectrum(images, shape, mean)


@dataclass(frozen=True)
class MixtureChoice(_ExactChoice):
    """Mixture of Gaussians with an exact denoiser: clusters of a folder's pictures, or natural pictures of four contrasts."""

    name = "mixture"
    label = "Gaussian mixture (exact)"

    components: int = integer(10, "Components", "Clusters of a folder's pictures.", low=1, high=100)

    def load(self, device: str = "cpu", shape: Shape | None = None) -> MixturePrior:
        shape = shape or self.image_shape
        if self.images:
            return self._named(_clustered(self.images, shape, self.components, _modified(self.images)), device)
        import torch

        from engine.priors.exact import fitting
        from engine.priors.exact.gaussian import GaussianPrior, MixturePrior

        parts = [GaussianPrior.of_spectrum(self.mean_level, fitting.power_law(shape, d, 2.4)) for d in CONTRASTS]
        return self._named(MixturePrior(parts, torch.ones(len(parts))), device)


@lru_cache(maxsize=4)
def _clustered(images: str, shape: Shape, components: int, _time: int) -> MixturePrior:
    from engine.priors.exact import fitting

    return fitting.fit_mixture(images, shape, components, seed=0)


EXACT: list[type[PriorChoice]] = [GaussianChoice, MixtureChoice]
