"""What the threads of the prior page compute: samples of a prior alone, and one picture denoised. No Qt in it; torch is
imported when the work begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.control import Control
from engine.priors.choice import PriorChoice, Shape
from qcs_gui.background.mailbox import Mailbox

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior

__all__ = ["DemoFrame", "DemoRequest", "Demonstrator", "SampleFrame", "SampleRequest", "draw_samples"]

PIXELS_AT_ONCE = 1 << 16
"""Pixels, times rows, between two looks at Stop."""
MIDDLE = 256
"""Longest side of the part of a picture that the denoising demo works on."""


@dataclass(frozen=True)
class SampleRequest:
    """Samples number ``first`` to ``first`` + ``count`` - 1 of a prior, for pictures of ``channels`` channels."""

    run: int
    choice: PriorChoice
    channels: int | None
    first: int
    count: int
    levels: int
    device: str
    threads: int
    seed: int = 0


@dataclass(frozen=True)
class SampleFrame:
    """One step of the walk from noise to pictures: ``iterate`` and ``denoised`` (rows, c, h, w)."""

    run: int
    step: int
    steps: int
    sigma: float
    iterate: np.ndarray
    denoised: np.ndarray


class _Interruptible:
    """A prior whose denoiser takes few rows at a time and looks at the control between them."""

    def __init__(self, prior: DenoiserPrior, control: Control) -> None:
        self.prior, self.control = prior, control
        self.mean, self.sigma_max, self.mean_image = prior.mean, prior.sigma_max, prior.mean_image

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        import torch

        rows = max(1, PIXELS_AT_ONCE // x[0, 0].numel())
        parts = []
        for part, level in zip(x.split(rows), sigma.split(rows), strict=True):
            self.control.proceed()
            parts.append(self.prior.denoise(part, level))
        return torch.cat(parts)


def draw_samples(request: SampleRequest, control: Control, mailbox: Mailbox[SampleFrame]) -> SampleFrame:
    """Draws in the calling thread; frames go into the mailbox whenever one is due, and the last one is returned.

    The random numbers are those of the algorithm ``sample``: its first noise level, its last and its seeds.
    """
    control.proceed()
    import torch

    from engine.algorithms.base import Draws
    from engine.algorithms.diffusion.unconditional import Unconditional
    from engine.device import choose_device
    from engine.priors.base import DenoiserPrior, GeneratorPrior

    torch.set_num_threads(request.threads)
    device, settings = choose_device(request.device), Unconditional(levels=request.levels)
    shape = _shape(request.choice, request.channels)
    prior = request.choice.load(device, shape)
    draws = Draws(request.seed, samples=range(request.first, request.first + request.count))
    if isinstance(prior, GeneratorPrior):  # no walk from noise: one call
        pictures = _array(settings.generated(prior, draws, device))
        return SampleFrame(request.run, 1, 1, 0.0, pictures, pictures)
    assert isinstance(prior, DenoiserPrior)
    interruptible = _Interruptible(prior, control)
    walk = settings.walk(interruptible, shape, draws, device)  # type: ignore[arg-type]  # it has what the walk uses
    steps = settings.steps_for(request.count)
    frame = None
    for step, (x, denoised, sigma) in enumerate(walk, start=1):
        if step in (1, steps) or mailbox.due():
            frame = SampleFrame(request.run, step, steps, float(sigma.mean()), _array(x), _array(denoised))
            mailbox.put(frame)
        control.proceed()
    assert frame is not None
    return frame


def _shape(choice: PriorChoice, channels: int | None) -> Shape:
    """The prior's own size, in ``channels`` channels where it takes them."""
    own = choice.image_shape
    wanted = (channels or own[0], *own[1:])
    return wanted if choice.takes(wanted) else own


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy().copy()


@dataclass(frozen=True)
class DemoRequest:
    """``pixels`` (c, h, w) of any size; ``fitted`` says that they have been fitted to the prior already."""

    choice: PriorChoice
    pixels: np.ndarray
    fitted: bool
    sigma: float
    device: str
    threads: int
    seed: int = 0


@dataclass(frozen=True)
class DemoFrame:
    """The pictures (c, h, w), their PSNR in dB, and what was denoised, in words."""

    request: DemoRequest
    clean: np.ndarray
    noisy: np.ndarray
    denoised: np.ndarray
    psnr_before: float
    psnr_after: float
    words: str
    seconds: float


class Demonstrator:
    """Denoises one picture at one level after the other. The picture fitted last and its prior are kept, and the noise
    is the same at all levels but for its size."""

    def __init__(self) -> None:
        self._source: np.ndarray | None = None
        self._key: tuple = ()
        self._clean, self._words = np.empty((0, 0, 0), np.float32), ""
        self._prior: DenoiserPrior | None = None

    def __call__(self, request: DemoRequest) -> DemoFrame:
        import torch

        from engine.experiments.denoising import add_noise, denoise_turned
        from engine.runs.metrics import psnr

        torch.set_num_threads(request.threads)
        clean, words, prior, device = self._prepare(request)
        noisy = add_noise(clean, request.sigma, request.seed, 0)
        start = time.perf_counter()
        denoised = denoise_turned(prior, noisy.to(device), request.sigma, turns=1).float().cpu().numpy()[0]
        seconds = time.perf_counter() - start
        seen = noisy.numpy()[0]
        before, after = psnr(seen, clean, clip=False), psnr(denoised, clean)
        return DemoFrame(request, clean, seen, denoised, before, after, words, seconds)

    def _prepare(self, request: DemoRequest) -> tuple[np.ndarray, str, DenoiserPrior, str]:
        from engine.device import choose_device
        from engine.images import fit, plain_channels
        from engine.priors.base import DenoiserPrior

        device = choose_device(request.device)
        key = (request.choice, request.fitted, device)
        if self._prior is None or self._source is not request.pixels or self._key != key:
            pixels, choice = request.pixels, request.choice
            shape = choice.shape_for((plain_channels(pixels), *pixels.shape[1:]))
            clean = pixels if request.fitted else fit(pixels, shape)
            words = f"{clean.shape[2]} x {clean.shape[1]}, {'grey' if clean.shape[0] == 1 else 'colour'}"
            if choice.any_size and max(clean.shape[1:]) > MIDDLE:
                whole, clean = words, _middle(clean)
                words = f"the middle {clean.shape[2]} x {clean.shape[1]} of {whole}"
            prior = choice.load(device, clean.shape)
            assert isinstance(prior, DenoiserPrior)
            self._prior = prior
            self._source, self._key, self._clean, self._words = pixels, key, clean, words
        return self._clean, self._words, self._prior, device


def _middle(pixels: np.ndarray) -> np.ndarray:
    """At most MIDDLE x MIDDLE pixels from the middle of (c, h, w)."""
    height, width = pixels.shape[1:]
    top, left = max(0, (height - MIDDLE) // 2), max(0, (width - MIDDLE) // 2)
    return np.ascontiguousarray(pixels[:, top : top + MIDDLE, left : left + MIDDLE])
