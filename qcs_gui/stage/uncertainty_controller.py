"""Pixels clicked, thresholds moved, results ended: what the uncertainty panel and its two views show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from engine.algorithms.base import ESTIMATE, RESTARTS
from engine.runs.uncertainty import brighter, calibration_of, interval_width, pixel_belief, probability_above
from qcs_gui.context import Context, Feature

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["UncertaintyController", "why_none"]


def why_none(result: Reconstruction | None) -> str:
    """Why there is no uncertainty to be seen, in one sentence."""
    if result is None:
        return "Nothing was run yet."
    label = result.spec.algorithm.label
    if result.rows_are == ESTIMATE:
        return f"{label} gives one estimate and no posterior samples; take a sampler, such as split-gibbs or turbo."
    if result.rows_are == RESTARTS:
        return f"{label} gives restarts, whose spread says nothing about the posterior."
    if len(result.samples) < 2:
        return "One sample has no spread; ask for more samples."
    if result.truth is None:
        return "The truth is not known, so calibration cannot be told; pixels can."
    return "Calibration needs eight samples at least, and pixels that are uncertain."


class UncertaintyController(Feature):
    """A click chooses a pixel, Ctrl+click a second one to compare it with."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        window, self.panel = self.window, self.window.stage.uncertainty
        self.pixel: tuple[int, int] | None = None
        self.partner: tuple[int, int] | None = None
        window.stage.picture.clicked.connect(self._clicked)
        window.board.clicked.connect(self._clicked)
        self.panel.threshold_changed.connect(lambda _: self._show_probability())
        self.session.observe(self._changed)

    def _changed(self, what: str) -> None:
        if what == "result":
            self.show()

    def _clicked(self, row: int, column: int) -> None:
        second = bool(QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier)
        self.choose((row, column), second)

    def choose(self, pixel: tuple[int, int], second: bool = False) -> None:
        """Shows what the samples say about a pixel (row, column), or about two."""
        if second and self.pixel is not None:
            self.partner = pixel
        else:
            self.pixel, self.partner = pixel, None
        self.window.stage.picture.set_mark(self.pixel)
        if self.session.result is not None and len(self.session.result.posterior_samples) > 1:
            self.window.actions_by_name["uncertainty"].setChecked(True)
        self._show_pixel()

    def show(self) -> None:
        """All of it, for the result that is shown."""
        result, store = self.session.result, self.window.stage.store
        samples = None if result is None else result.posterior_samples
        if result is None or samples is None or len(samples) < 2:
            self.panel.show_calibration(None, why_none(result))
            self.window.stage.picture.set_mark(None)
            store.set_image("interval", None, "No intervals: no posterior samples")
        else:
            found = calibration_of(samples, result.mean, result.truth)
            self.panel.show_calibration(found, why_none(result))
            store.set_image("interval", interval_width(samples)[None])
            self.window.stage.picture.set_mark(self.pixel)
            if self.pixel is not None and not self._inside(self.pixel):
                self.pixel = self.partner = None
                self.window.stage.picture.set_mark(None)
        self._show_probability()
        self._show_pixel()

    def _inside(self, pixel: tuple[int, int]) -> bool:
        result = self.session.result
        return result is not None and pixel[0] < result.mean.shape[1] and pixel[1] < result.mean.shape[2]

    def _show_probability(self) -> None:
        result, store = self.session.result, self.window.stage.store
        threshold = self.panel.threshold.value() / 100
        if result is None or len(result.posterior_samples) < 2:
            store.set_image("probability", None, "No probabilities: no posterior samples")
        else:
            pixels = probability_above(result.posterior_samples, threshold)[None]
            store.set_image("probability", pixels, f"Probability above {threshold:.2f}")

    def _show_pixel(self) -> None:
        result = self.session.result
        if result is None or self.pixel is None or len(result.posterior_samples) < 2 or not self._inside(self.pixel):
            self.panel.show_pixel(None)
            return
        pair = ""
        if self.partner is not None and self._inside(self.partner):
            chance = brighter(result.posterior_samples, self.pixel, self.partner)
            pair = f"It is brighter than row {self.partner[0]}, column {self.partner[1]} with probability {chance:.2f}."
        self.panel.show_pixel(pixel_belief(result.posterior_samples, result.truth, *self.pixel), pair)
