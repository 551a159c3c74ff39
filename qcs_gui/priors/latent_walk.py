"""The latent walk's work and its thread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.priors.choice import KINDS, PriorChoice
from engine.runs.metrics import psnr
from qcs_gui.background.worker import Failure
from qcs_gui.context import Context
from qcs_gui.priors.drawing_and_denoising import Part
from qcs_gui.priors.prior_dialog import PriorPage

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import GeneratorPrior

__all__ = ["LatentWalk", "WalkFrame", "WalkRequest", "Walker"]


@dataclass(frozen=True)
class WalkRequest:
    """A place on the square that latents number ``directions`` span; ``fit`` puts its middle at the latent nearest to
    ``pixels`` (c, h, w) first."""

    choice: PriorChoice
    across: float
    down: float
    directions: int
    device: str
    threads: int
    fit: bool = False
    pixels: np.ndarray | None = None


@dataclass(frozen=True)
class WalkFrame:
    request: WalkRequest
    picture: np.ndarray


class Walker:
    """Keeps the prior and the three latents of the square."""

    def __init__(self) -> None:
        self._prior: GeneratorPrior | None = None
        self._of: tuple = ()
        self._corners: Tensor | None = None

    def __call__(self, request: WalkRequest) -> WalkFrame:
        import torch

        from engine.device import choose_device
        from engine.priors.generators.fitting import best_latents
        from engine.seeds import RowGenerators, generator

        torch.set_num_threads(request.threads)
        device = choose_device(request.device)
        key = (request.choice, device, request.directions)
        if self._prior is None or self._of != key:
            self._prior, self._of = request.choice.load(device), key  # type: ignore[assignment]
            draws = RowGenerators([generator(request.directions, "walk", i) for i in range(3)])
            self._corners = self._prior.draw_latents(draws, device)  # type: ignore[union-attr]
        prior, corners = self._prior, self._corners
        assert prior is not None and corners is not None
        if request.fit and request.pixels is not None:
            wanted = torch.from_numpy(np.ascontiguousarray(request.pixels))[None].float().to(device)
            corners[0] = best_latents(prior, wanted)[0]
        # on a sphere through the three, so that every place is as likely a latent as they are
        along, up = request.across * math.pi / 2, request.down * math.pi / 2
        weights = (math.cos(along) * math.cos(up), math.sin(along) * math.cos(up), math.sin(up))
        latent = sum(w * c for w, c in zip(weights, corners, strict=True))
        with torch.no_grad():
            picture = prior.generate(latent[None])
        return WalkFrame(request, picture[0].float().cpu().numpy())


class LatentWalk(Part):
    """Shows the picture at the pad's place; the newest request wins."""

    def __init__(self, context: Context, page: PriorPage) -> None:
        super().__init__(context, page)
        self.view = self.page.walk
        self._walker, self._directions = Walker(), 0
        self.view.pad.moved.connect(self.ask)
        self.view.new_button.clicked.connect(self._turn)
        self.view.fit_button.clicked.connect(self._fit)

    def begin(self, choice: PriorChoice) -> None:
        """Another prior is looked at."""
        self.choice = choice
        self._task.forget()
        self._walks = choice.kind == "generator"
        self.page.demos.setCurrentIndex(1 if self._walks else 0)
        self.page.demo_group.setTitle("A walk through the latents" if self._walks else "Denoising the window's picture")
        self.view.show_pictures(None, None)
        if self._walks:
            self.view.says.setText(f"A {KINDS[choice.kind][0]} makes a picture of every place.")
            self.ask()

    def _pixels(self) -> np.ndarray | None:
        """The window's picture where this prior makes pictures of its shape."""
        pixels = self.session.pixels
        return pixels if pixels is not None and self.choice.takes(pixels.shape) else None

    def ask(self, fit: bool = False) -> None:
        """Asks for the picture at the pad's place."""
        if self._walks:
            pad = self.view.pad
            request = WalkRequest(
                self.choice, pad.across, pad.down, self._directions, self.session.spec.device, self.threads, fit,
                self._pixels(),
            )  # fmt: skip
            self._submit(partial(self._walker, request), self._show, self._not_walked)

    def _turn(self) -> None:
        self._directions += 1
        self.ask()

    def _fit(self) -> None:
        if self._pixels() is None:
            self.view.says.setText("The window's picture has another size than this prior's; use this prior first.")
            return
        self.view.says.setText("Looking for the nearest latent ...")
        self.view.pad.go(0.0, 0.0)
        self.ask(fit=True)

    def _not_walked(self, failure: Failure) -> None:
        self.view.says.setText(failure.sentence)
        self.context.failed(failure)

    def _show(self, frame: WalkFrame) -> None:
        if frame.request.choice is not self.choice:
            return
        other = self._pixels()
        self.view.show_pictures(frame.picture, other)
        place = f"At ({frame.request.across:+.2f}, {frame.request.down:+.2f})"
        told = "" if other is None else f", {psnr(frame.picture, other):.1f} dB from the window's picture"
        self.view.says.setText(f"{place}{told}.")
