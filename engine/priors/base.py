"""What every prior with a denoiser offers: the posterior mean of a clean image given a noisy one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Card", "DenoiserPrior"]


@dataclass(frozen=True)
class Card:
    """Where a prior comes from and how good it is."""

    name: str
    title: str
    data: str = ""
    licence: str = ""
    command: str = ""
    seed: int | None = None
    parameters: int = 0
    notes: str = ""
    quality: dict = field(default_factory=dict)
    """Denoising error on held-out images: ``sigma``, ``rmse`` and ``psnr`` (lists of equal length)."""

    def as_dict(self) -> dict:
        return asdict(self)


class DenoiserPrior(ABC):
    """A distribution of images known through its denoiser.

    Attributes
    ----------
    card : Card
    image_shape : (channels, height, width)
    sigma_min, sigma_max : the noise levels, in [0, 1] units, it was made for
    contrast : median and logarithmic spread of the root-mean-square of x - mean over its pictures, where a picture at
        another contrast is as likely (photographs); None where the pictures themselves tell (digits on black)
    mean, variance : scalar mean and variance of the images' pixels about their mean: the start of message passing
    """

    card: Card
    image_shape: tuple[int, int, int]
    sigma_min: float
    sigma_max: float
    mean: float
    variance: float
    contrast: tuple[float, float] | None = None

    @abstractmethod
    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """E[x0 | x] for x = x0 + sigma z, z standard normal.

        Arguments: ``x`` (batch, channels, height, width), images in [0, 1] plus noise; ``sigma``, one level or one per
        image (batch,), in the same units. Returns a tensor like ``x``. Differentiable in ``x``.
        """

    @abstractmethod
    def to(self, device: str) -> DenoiserPrior:
        """The same prior on a torch device."""

    def score(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Gradient of the log density of x = x0 + sigma z (Tweedie's formula)."""
        squared = sigma**2 if isinstance(sigma, (int, float)) else (sigma**2).reshape(-1, 1, 1, 1)
        return (self.denoise(x, sigma) - x) / squared

    def mean_image(self) -> Tensor | None:
        """The mean of the prior as an image (channels, height, width) if it is known better than by ``mean``."""
        return None
