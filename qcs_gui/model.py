"""What the window edits: image and settings, and the result of the last run. No Qt in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.algorithms.base import ESTIMATE
from engine.errors import InputError
from engine.runs.metrics import snr_db
from engine.runs.spec import RunSpec

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.runs.estimates import Speed
    from engine.runs.measured import Measured
    from engine.runs.reconstruction import Reconstruction

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
    measurement file, which is of a picture of ``measured_shape``. ``adviser`` is the prior that settles what the spec leaves
    open of what is measured. While it is ``live`` the stage shows what is no result: nothing can be saved or exported.
    Observers are called with the name of what changed."""

    spec: RunSpec = field(default_factory=RunSpec)
    original: np.ndarray | None = None
    pixels: np.ndarray | None = None
    stroke: np.ndarray | None = None
    live: bool = False
    measured_shape: tuple[int, int, int] | None = None
    adviser: PriorChoice = None  # type: ignore[assignment]  # the spec's prior at first
    state: str = State.IDLE
    result: Reconstruction | None = None
    result_saved: bool = True
    result_path: str = ""
    speed: Speed | None = None
    device: str = ""
    observers: list[Callable[[str], None]] = field(default_factory=list)
    _looked: tuple[np.ndarray, tuple[int, ...]] | None = None
    _made: tuple[Measured, int, PriorChoice] | None = None
    """What the last run measured, with which seed, as which prior advised."""

    def __post_init__(self) -> None:
        self.adviser = self.spec.prior

    def observe(self, observer: Callable[[str], None]) -> None:
        self.observers.append(observer)

    def changed(self, what: str) -> None:
        for observer in list(self.observers):
            observer(what)

    def adviser_for(self, spec: RunSpec) -> PriorChoice:
        """The prior that settles what a set-up leaves open: while it measures what was measured already, the one that did so
        then, so that another prior or algorithm sees the same data; else its own."""
        if self._made is None or (spec.measured, spec.matrix_seed) != self._made[:2]:
            return spec.prior
        adviser = self._made[2]
        if self.original is not None and not spec.prior.takes(spec.measured.shape_for(self.picture, adviser)):
            return spec.prior
        return adviser

    def was_measured(self, spec: RunSpec, adviser: PriorChoice) -> None:
        """A run of that set-up has ended: its measurement stands."""
        self._made = spec.measured, spec.matrix_seed, adviser

    def measure_anew(self) -> None:
        """Settles what is left open for the prior that is chosen now."""
        self._made = None
        self.set_spec(self.spec)

    @staticmethod
    def following(spec: RunSpec) -> RunSpec:
        """A set-up from elsewhere. It names its algorithm; where that is the suggested one it goes on following what suits."""
        follows = spec.algorithm == spec.replace(algorithm=None).algorithm
        return spec.replace(algorithm=None) if follows else spec

    def take(self, spec: RunSpec) -> None:
        self.set_spec(self.following(spec))

    def set_spec(self, spec: RunSpec) -> None:
        self.adviser = self.adviser_for(spec)
        self.spec = spec
        if self.original is not None and (self.pixels is None or self.shape() != self.pixels.shape):
            self._fit()
            self.changed("image")
        self.changed("spec")

    def set_image(
        self, pixels: np.ndarray, name: str, fitted: np.ndarray | None = None, spec: RunSpec | None = None
    ) -> None:
        """A new picture (c, h, w) in [0, 1], from a file, a sample or a drawing; ``fitted`` is the same at the size that it is
        reconstructed in, where somebody made that already (of many megapixels it takes a while). With ``spec`` comes the
        set-up that belongs to it, as it is."""
        from engine.runs.fit import scaled_rows

        was = self.shape() if self.original is not None and spec is None else None
        self.original = pixels
        self.spec = (spec or self.spec).replace(image=name, measurement="")
        self.adviser = self.adviser_for(self.spec)
        if was is not None:  # a row count kept from a larger picture would not fit
            self.spec = scaled_rows(self.spec, was, self.shape())
        self._fit(fitted)
        if spec is not None:
            self.changed("spec")
        self.changed("image")

    def begin_anew(self, spec: RunSpec) -> None:
        """That set-up, with nothing loaded, nothing measured and no result."""
        self.original = self.pixels = self.measured_shape = self._made = None
        self.spec, self.adviser = spec, spec.prior
        self.set_result(None)
        self.changed("image")

    def set_stroke(self, pixels: np.ndarray | None) -> None:
        """A drawing that is still being made, (1, h, w), or None once it is used or given up: live mode sees it, a run does
        not, since no recipe could name it."""
        self.stroke = pixels
        self.changed("stroke")

    def live_pixels(self) -> np.ndarray | None:
        """What live mode reconstructs: the drawing that is being made, else the loaded picture."""
        from engine.images import fit

        return self.pixels if self.stroke is None else fit(self.stroke, self.shape())

    def set_measurement(self, spec: RunSpec, shape: tuple[int, int, int]) -> None:
        """Measurements of one's own in the place of an image: ``spec`` names the file and knows what it holds, ``shape`` is that
        of the picture they are of."""
        self.original = self.pixels = None
        self.measured_shape, self.adviser = shape, spec.prior
        self.spec = spec
        self.changed("measurement")
        self.changed("state")

    def shape(self) -> tuple[int, int, int]:
        """The shape (channels, height, width) in which the loaded picture is reconstructed."""
        return self.shape_with(self.spec)

    def shape_with(self, spec: RunSpec) -> tuple[int, int, int]:
        """The same with another set-up."""
        if self.original is None:
            return self.measured_shape if spec.measurement and self.measured_shape else spec.prior.image_shape
        return spec.measured.shape_for(self.picture, self.adviser_for(spec))

    @property
    def picture(self) -> tuple[int, int, int]:
        """The shape (channels, height, width) of the loaded picture; grey ones count one channel however stored."""
        from engine.images import plain_channels

        assert self.original is not None
        # whether it is grey takes a look at every pixel: once a picture
        if self._looked is None or self._looked[0] is not self.original:
            self._looked = self.original, (plain_channels(self.original), *self.original.shape[1:])
        return self._looked[1]  # type: ignore[return-value]

    def unfit(self, spec: RunSpec) -> str:
        """Why that set-up cannot run on what is loaded (a missing file, too many rows, too little memory), in one
        sentence; empty where it can."""
        from engine.runs.estimates import refuse_beyond_memory

        try:
            shape = self.shape_with(spec)
            if spec.measurement and self.measured_shape and not spec.prior.takes(self.measured_shape):
                channels, height, width = self.measured_shape
                kind = "colour" if channels == 3 else "grey"
                raise InputError(
                    f"The measurements are of a {kind} picture of {width} x {height}, which the prior '{spec.prior.name}' "
                    "is not for; choose another prior."
                )
            spec.operator.rows_for(shape)
            refuse_beyond_memory(spec, shape)
        except InputError as error:
            return str(error)
        return ""

    @property
    def ready(self) -> bool:
        """Whether there is something to reconstruct."""
        return self.pixels is not None or bool(self.spec.measurement)

    @property
    def extends_result(self) -> bool:
        """Whether samples can be added to the last result: it was not cut short, and its picture is still the chosen one."""
        result = self.result
        if result is None or result.status != "done" or result.rows_are == ESTIMATE:
            return False
        if result.truth is None or self.pixels is None:
            return result.truth is None and self.pixels is None and result.spec.measurement == self.spec.measurement
        return np.array_equal(result.truth, self.pixels)

    def _fit(self, fitted: np.ndarray | None = None) -> None:
        from engine.images import fit

        assert self.original is not None
        shape = self.shape()
        self.pixels = fitted if fitted is not None and fitted.shape == shape else fit(self.original, shape)

    def set_state(self, state: str) -> None:
        self.state = state
        self.changed("state")

    def set_result(self, result: Reconstruction | None, saved: bool = False, path: str = "") -> None:
        """The result shown; ``saved`` where it lies in a file already, the document ``path`` if it is one."""
        self.result, self.result_saved, self.result_path = result, saved or bool(path) or result is None, path
        self.changed("result")

    def saved(self, result: Reconstruction, path: str = "") -> None:
        """That result has been written, to the document ``path`` if it was one; another may be shown by now."""
        if result is self.result:
            self.result_saved, self.result_path = True, path or self.result_path
            self.changed("result_saved")

    def snr_db(self) -> float | None:
        """Signal-to-noise ratio of the noiseless measurement of the current image, in dB."""
        if self.pixels is None:
            return None
        rms = float(np.sqrt(np.mean(np.square(self.pixels - self.spec.measured.offset_with(self.adviser)))))
        return snr_db(self.spec.operator.mean_row_norm_squared(self.pixels.shape), self.spec.noise, rms)
