"""What can be looked at of a run, and the pictures of it that are shown now. No Qt: layouts listen, and can be saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["MAPS", "VIEWS", "View", "ViewStore", "displayed", "fitting"]

MAPS = ("grey", "viridis", "cividis", "magma", "diverging")
"""Perceptually even, and told apart by the colour-blind."""


@dataclass(frozen=True)
class View:
    """``of_picture`` views have the picture's pixels and share its zoom; others show measurements. ``fits`` views have a range
    that follows their data; ``signed`` ones are centred at zero."""

    title: str
    short: str
    colours: str
    levels: tuple[float, float]
    of_picture: bool = True
    fits: bool = False
    signed: bool = False
    tip: str = ""


VIEWS: dict[str, View] = {
    "truth": View("Truth", "Truth", "grey", (0.0, 1.0), tip="The picture that was measured."),
    "measurement": View("Measurement", "Measured", "grey", (0.0, 1.0), of_picture=False,
                        tip="What was measured: its bits, its back-projection, or the matrix."),
    "iterate": View("Live iterate", "Live", "grey", (0.0, 1.0), tip="The state of the algorithm, noise and all."),
    "denoised": View("Denoised estimate", "Denoised", "grey", (0.0, 1.0), tip="The clean picture that the iterate points to."),
    "mean": View("Posterior mean", "Mean", "grey", (0.0, 1.0), tip="The average of what fits: the least mean squared error."),
    "std": View("Posterior std", "Spread", "viridis", (0.0, 0.4), fits=True, tip="How far samples differ in each pixel."),
    "error": View("Error (mean - truth)", "Error", "diverging", (-0.5, 0.5), fits=True, signed=True,
                  tip="Red where the mean is too bright, blue where it is too dark."),
    "message": View("EP message about A x", "Messages", "diverging", (-1.0, 1.0), of_picture=False,
                    tip="What expectation propagation says about the values before quantization."),
    "interval": View("Width of the 90 % interval", "Range", "viridis", (0.0, 0.8), fits=True,
                     tip="How wide the central 90 % of the samples are in each pixel."),
    "probability": View("Probability above the threshold", "Above t", "cividis", (0.0, 1.0),
                        tip="Share of samples in which a pixel is brighter than the threshold."),
}  # fmt: skip
OVER_CHANNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "std": lambda x: np.sqrt(np.square(x).mean(0)),
    "error": lambda x: x.mean(0),
}
"""What views with a colour map show of several channels."""
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


def displayed(key: str, pixels: np.ndarray) -> np.ndarray:
    """(h, w), or (h, w, 3) for colour: what is painted of (c, h, w)."""
    if len(pixels) == 1:
        shown = pixels[0]
    elif key in OVER_CHANNELS:
        shown = OVER_CHANNELS[key](pixels)
    else:
        shown = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return shown.astype(np.float32, copy=False)


def fitting(key: str, pixels: np.ndarray) -> tuple[float, float]:
    """A round range that holds nearly all of the data."""
    top = float(np.nanpercentile(np.abs(displayed(key, pixels)), 99.5)) if np.isfinite(pixels).any() else 1.0
    top = next((s for s in STEPS if s >= top * (1 - 1e-6)), float(np.ceil(top)) if np.isfinite(top) else 1.0)
    return (-top, top) if VIEWS[key].signed else (0.0, top)


@dataclass
class ViewStore:
    """Pictures by view, (c, h, w) or None, with title, colour map and range. ``listeners`` hear the key that changed."""

    pixels: dict[str, np.ndarray | None] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    fixed: bool = False
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    def set_image(self, key: str, pixels: np.ndarray | None, title: str | None = None) -> None:
        """A picture for a view, and optionally another title."""
        wanted = title or VIEWS[key].title
        if pixels is not None and pixels is self.pixels.get(key) and wanted == self.titles.get(key):
            return
        self.pixels[key], self.titles[key] = pixels, wanted
        if pixels is not None and VIEWS[key].fits and not self.fixed:
            self._fit(key, pixels)
        self._tell(key)

    def _fit(self, key: str, pixels: np.ndarray) -> None:
        """Widens at once, narrows only where half of the range is idle, so that a live picture does not flicker."""
        found, now = fitting(key, pixels), self.levels.get(key)
        if now is None or found[1] > now[1] or found[1] <= 0.5 * now[1]:
            self.levels[key] = found

    def title(self, key: str) -> str:
        return self.titles.get(key, VIEWS[key].title)

    def range(self, key: str) -> tuple[float, float]:
        return self.levels.get(key, VIEWS[key].levels)

    def map(self, key: str) -> str:
        return self.colours.get(key, VIEWS[key].colours)

    def set_map(self, key: str, name: str) -> None:
        self.colours[key] = name
        self._tell(key)

    def set_range(self, key: str, levels: tuple[float, float]) -> None:
        self.levels[key] = levels
        self._tell(key)

    def fix(self, fixed: bool) -> None:
        """Whether ranges stay as they are, for comparing, or follow the data."""
        self.fixed = fixed
        if not fixed:
            self.reset_contrast()

    def reset_contrast(self) -> None:
        """Ranges and colour maps as at first; those that follow data are fitted."""
        self.colours.clear()
        self.levels.clear()
        for key, pixels in self.pixels.items():
            if pixels is not None and VIEWS[key].fits:
                self.levels[key] = fitting(key, pixels)
        for key in VIEWS:
            self._tell(key)

    def _tell(self, key: str) -> None:
        for listener in list(self.listeners):
            listener(key)
