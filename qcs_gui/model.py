"""What the window edits: image and settings, and the result of the last run. No Qt in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.metrics import snr_db
from engine.spec import RunSpec

if TYPE_CHECKING:
    from engine.estimates import Speed
    from engine.reconstruction import Reconstruction

__all__ = ["Session", "State"]


class State:
    """States of the engine as the window sees it."""

    IDLE = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


@dataclass
class Session:
    """``original`` is the loaded picture, ``pixels`` the same fitted to the prior; both (c, h, w), or None with a
    measurement file. Observers are called with the name of what changed."""

    spec: RunSpec = field(default_factory=RunSpec)
    original: np.ndarray | None = None
    pixels: np.ndarray | None = None
    state: str = State.IDLE
    result: Reconstruction | None = None
    result_saved: bool = True
    speed: Speed | None = None
    device: str = ""
    observers: list[Callable[[str], None]] = field(default_factory=list)

    def observe(self, observer: Callable[[str], None]) -> None:
        self.observers.append(observer)

    def changed(self, what: str) -> None:
        for observer in list(self.observers):
            observer(what)

    def set_spec(self, spec: RunSpec) -> None:
        self.spec = spec
        if self.original is not None and (self.pixels is None or self.shape() != self.pixels.shape):
            self._fit()
        self.changed("spec")

    def set_image(self, pixels: np.ndarray, name: str) -> None:
        """A new picture (c, h, w) in [0, 1], from a file, a sample or a drawing."""
        self.original = pixels
        self.spec = self.spec.replace(image=name, measurement="")
        self._fit()

    def set_measurement(self, spec: RunSpec) -> None:
        """Measurements of one's own in the place of an image: ``spec`` names the file and what is known of it."""
        self.original = self.pixels = None
        self.spec = spec
        self.changed("measurement")
        self.changed("state")

    def shape(self) -> tuple[int, int, int]:
        """The shape (channels, height, width) in which the loaded picture is reconstructed."""
        return self.shape_with(self.spec)

    def shape_with(self, spec: RunSpec) -> tuple[int, int, int]:
        """The same with another set-up."""
        from engine.images import plain_channels

        if self.original is None:
            return spec.prior.image_shape
        return spec.shape_for((plain_channels(self.original), *self.original.shape[1:]))  # type: ignore[arg-type]

    @property
    def ready(self) -> bool:
        """Whether there is something to reconstruct."""
        return self.pixels is not None or bool(self.spec.measurement)

    def _fit(self) -> None:
        from engine.images import fit

        assert self.original is not None
        self.pixels = fit(self.original, self.shape())
        self.changed("image")

    def set_state(self, state: str) -> None:
        self.state = state
        self.changed("state")

    def set_result(self, result: Reconstruction | None) -> None:
        self.result, self.result_saved = result, result is None
        self.changed("result")

    def snr_db(self) -> float | None:
        """Signal-to-noise ratio of the noiseless measurement of the current image, in dB."""
        if self.pixels is None:
            return None
        rms = float(np.sqrt(np.mean(np.square(self.pixels))))
        return snr_db(self.spec.operator.mean_row_norm_squared(self.pixels.shape), self.spec.noise, rms)
