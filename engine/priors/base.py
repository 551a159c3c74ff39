"""The kinds of prior: what each knows of images, and what algorithms may ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    from engine.seeds import RowGenerators

__all__ = ["Card", "DenoiserPrior", "GeneratorPrior", "LowRankPrior", "Prior", "SparsityPrior"]


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


class Prior(ABC):
    """What is known of images before anything is measured.

    Attributes
    ----------
    kind : one of the names in :data:`engine.priors.choice.KINDS`; algorithms say which kinds they take
    card : Card
    image_shape : (channels, height, width)
    mean, variance : scalar mean and variance of the images' pixels about their mean
    """

    kind: ClassVar[str]
    card: Card
    image_shape: tuple[int, int, int]
    mean: float
    variance: float

    @abstractmethod
    def to(self, device: str) -> Prior:
        """The same prior on a torch device."""

    @abstractmethod
    def unit_of_work(self, rows: int, device: str) -> Tensor:
        """One call of what algorithms of its kind spend their time in, for ``rows`` images: it is timed for estimates."""

    def mean_image(self) -> Tensor | None:
        """The mean of the prior as an image (channels, height, width) if it is known better than by ``mean``."""
        return None


class DenoiserPrior(Prior):
    """A distribution of images known through its denoiser: the posterior mean of a clean image given a noisy one.

    Attributes
    ----------
    sigma_min, sigma_max : the noise levels, in [0, 1] units, it was made for
    precision : what its network computes in, float32 or bfloat16
    contrast : median and logarithmic spread of the root-mean-square of x - mean over its pictures, where a picture at
        another contrast is as likely (photographs); None where the pictures themselves tell (digits on black)
    extent : median and logarithmic spread of how far its pictures go from the mean towards white or black
        (``engine.images.extent``), which tells the contrast better; None where it was not counted
    """

    kind = "denoiser"
    sigma_min: float
    sigma_max: float
    precision: str = "float32"
    contrast: tuple[float, float] | None = None
    extent: tuple[float, float] | None = None

    @abstractmethod
    def to(self, device: str) -> DenoiserPrior: ...

    @abstractmethod
    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """E[x0 | x] for x = x0 + sigma z, z standard normal.

        Arguments: ``x`` (batch, channels, height, width), images in [0, 1] plus noise; ``sigma``, one level or one per
        image (batch,), in the same units. Returns a tensor like ``x``. Differentiable in ``x``.
        """

    def score(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Gradient of the log density of x = x0 + sigma z (Tweedie's formula)."""
        squared = sigma**2 if isinstance(sigma, (int, float)) else (sigma**2).reshape(-1, 1, 1, 1)
        return (self.denoise(x, sigma) - x) / squared

    def typical_error(self, sigma: Tensor) -> Tensor | None:
        """Mean squared error of denoising held-out pictures at levels like ``sigma``, float64, as the card tells it; None
        where it does not."""
        import numpy as np
        import torch

        try:
            levels, errors = (np.array(self.card.quality[k], float) for k in ("sigma", "rmse"))
        except (KeyError, TypeError, ValueError):  # none, or the card of a file that somebody else wrote
            return None
        positive = all(np.isfinite(n).all() and (n > 0).all() for n in (levels, errors))
        if (
            levels.ndim != 1
            or levels.shape != errors.shape
            or not levels.size
            or not positive
            or (np.diff(levels) <= 0).any()
        ):
            return None
        logs = np.log(levels)
        shares = np.log(errors) - logs  # nearly linear between levels
        at = sigma.double().cpu().numpy()
        found = np.exp(np.interp(np.log(np.maximum(at, 1e-12)), logs, shares)) * at
        return torch.from_numpy(found**2).to(sigma.device)

    def unit_of_work(self, rows: int, device: str) -> Tensor:
        import torch

        return self.denoise(torch.rand((rows, *self.image_shape), device=device), 0.3)


class GeneratorPrior(Prior):
    """Images as the outputs of a generator: x = generate(latent) with a latent drawn from a simple distribution.

    ``latent_shape`` is that of one latent.
    """

    kind = "generator"
    latent_shape: tuple[int, ...]

    @abstractmethod
    def draw_latents(self, generators: RowGenerators, device: str = "cpu") -> Tensor:
        """Latents from their distribution, (rows, *latent_shape), one generator per row."""

    def on_latents(self, latent: Tensor) -> Tensor:
        """The latent that makes the same image and lies where latents do: on the unit sphere, or sparse."""
        return latent

    @abstractmethod
    def generate(self, latent: Tensor) -> Tensor:
        """Images (rows, channels, height, width) in [0, 1]; differentiable in ``latent`` (rows, *latent_shape)."""

    def unit_of_work(self, rows: int, device: str) -> Tensor:
        import torch

        return self.generate(torch.zeros((rows, *self.latent_shape), device=device))


class SparsityPrior(Prior):
    """Images that a penalty R(x) calls simple. It is convex, 0 for the flat image of the level ``mean``, and no density:
    there are estimates with it, but no samples of it."""

    kind = "sparsity"

    @abstractmethod
    def penalty(self, x: Tensor) -> Tensor:
        """R(x) >= 0, (batch,), float64, for images (batch, channels, height, width)."""

    @abstractmethod
    def prox(self, x: Tensor, step: Tensor | float, memory: dict | None = None) -> Tensor:
        """argmin over u of R(u) + |u - x|^2 / (2 step), like ``x``; ``step`` >= 0, one or one per image (batch,).

        Whoever asks for a sequence of near points gives the same, at first empty, ``memory`` each time: a map that is
        found by iterations may leave there where it ended, and starts from it.
        """

    def analyse(self, x: Tensor) -> Tensor | None:
        """Coefficients (batch, pixels) in the orthonormal basis in which the images are sparse; None where there is none."""
        return None

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Images (batch, channels, height, width): inverse and transpose of :meth:`analyse`, with the centre added."""
        raise NotImplementedError

    def unit_of_work(self, rows: int, device: str) -> Tensor:
        import torch

        return self.prox(torch.rand((rows, *self.image_shape), device=device), 0.1)


class LowRankPrior(Prior):
    """Images that are, about the grey level ``mean`` and cut into matrices or a tensor, of low rank.

    ``parts`` matrices of ``sides`` (rows, columns) make a picture; ``rank`` is the one that is assumed, None where it is to be
    read off the data; ``overlap`` is how many entries of the matrices a pixel has, on average.
    """

    kind = "low-rank"
    parts: int = 1
    sides: tuple[int, int]
    rank: int | None
    overlap: float = 1.0

    @abstractmethod
    def matricise(self, x: Tensor) -> Tensor:
        """Images about ``mean`` (batch, channels, height, width) as matrices (batch, parts, rows, columns) of low rank."""

    @abstractmethod
    def depict(self, matrices: Tensor) -> Tensor:
        """Left inverse of :meth:`matricise`: a pixel is the mean of the entries that it has."""

    @abstractmethod
    def spread(self, x: Tensor) -> Tensor:
        """Transpose of :meth:`depict`: what a gradient by pixels is by entries."""

    @abstractmethod
    def tensorise(self, x: Tensor) -> Tensor:
        """Images about ``mean`` as tensors (batch, n1, n2, n3), every pixel once."""

    @abstractmethod
    def depict_tensor(self, tensors: Tensor) -> Tensor:
        """Inverse, and transpose, of :meth:`tensorise`."""

    def entries(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        """Part, row and column of the only entry of each of the ``pixels`` (numbers in channels * height * width); None where
        a pixel has several."""
        return None

    def unit_of_work(self, rows: int, device: str) -> Tensor:
        import torch

        return self.matricise(torch.rand((rows, *self.image_shape), device=device))
