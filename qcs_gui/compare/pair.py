"""Two runs in one place: with a line between them that can be dragged, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QTimer

from qcs_gui.stage.large_view import LargeView
from qcs_gui.stage.view_store import ViewStore

__all__ = ["Pair"]

FLICKER_MS = 600
OTHER = "denoised"
"""The place of the second picture; the first one's view is never this."""


class Pair(LargeView):
    """Shows two pictures of one view."""

    def __init__(self) -> None:
        super().__init__(ViewStore(), "mean")
        self.setAccessibleName("Two runs in one picture")
        self._turns: list[tuple[str, np.ndarray | None]] = []
        self._timer = QTimer(self, interval=FLICKER_MS)
        self._timer.timeout.connect(self.flick)

    def show_pair(
        self, names: Sequence[str], pictures: Sequence[np.ndarray | None], view: str, levels: tuple[float, float],
        split: bool,
    ) -> None:  # fmt: skip
        """The two, with a line between them or in turn."""
        store = self.store
        self._turns = list(zip(names, pictures, strict=True))
        for key in (view, OTHER):
            store.levels[key], store.colours[key] = levels, store.map(view)
        store.fixed = True
        store.set_image(view, pictures[0], f"{names[0]}  |  {names[1]}" if split else names[0])
        store.set_image(OTHER, pictures[1], names[1])
        self.show_view(view)
        if split and self.other != OTHER:
            self.split_with(OTHER)
        elif not split:
            self.split_with("")
        self._timer.stop() if split else self._timer.start()

    def show_one(self, name: str, pixels: np.ndarray | None, view: str, levels: tuple[float, float]) -> None:
        """One picture made of two."""
        self.rest()
        self._turns = []
        self.store.fixed, self.store.levels[view] = True, levels
        self.store.set_image(view, pixels, name)
        self.show_view(view)
        self.split_with("")

    def flick(self) -> None:
        """The other of the two."""
        if self._turns and not self.other:
            self._turns.reverse()
            name, pixels = self._turns[0]
            self.store.set_image(self.key, pixels, name)

    def rest(self) -> None:
        """Ends the turns."""
        self._timer.stop()

    def hideEvent(self, event: object) -> None:
        self.rest()
        super().hideEvent(event)
