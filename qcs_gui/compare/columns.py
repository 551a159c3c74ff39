"""The pictures of a comparison, with one zoom for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from qcs_gui.stage.large_view import LargeView
from qcs_gui.stage.picture_panel import BAR_WIDTH, Panel
from qcs_gui.stage.view_store import VIEWS, ViewStore, fitting

__all__ = ["Columns"]

MOST = 12


class Columns(pg.QtWidgets.QStackedWidget):
    """Columns side by side, or one picture of two runs."""

    opened = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.sheet = pg.GraphicsLayoutWidget()
        self.sheet.setAccessibleName("Pictures of the compared runs")
        self.pair_store = ViewStore()
        self.pair = LargeView(self.pair_store, "mean")
        self.pair.setAccessibleName("Two runs in one picture")
        self.addWidget(self.sheet)
        self.addWidget(self.pair)
        self.panels: list[Panel] = []
        self._colours: dict[str, str] = {}
        self._columns = 0
        self._flicker: list[tuple[str, np.ndarray | None]] = []

    def show_pictures(self, names: Sequence[str], pictures: Sequence[np.ndarray | None], key: str) -> None:
        """Each picture in a column of its own; ranges that fit their data are one for all."""
        self.setCurrentWidget(self.sheet)
        self.sheet.ci.clear()
        self.panels = []
        view = "mean" if key == "sample" else key
        known = [p for p in pictures if p is not None]
        levels = VIEWS[view].levels
        if VIEWS[view].fits and known:
            levels = max((fitting(view, p) for p in known), key=lambda r: r[1])
        columns = len(names) if len(names) <= 6 else -(-len(names) // 2)
        for i, (name, pixels) in enumerate(zip(names[:MOST], pictures, strict=False)):
            store = ViewStore(fixed=True)
            store.levels[view] = levels
            store.set_image(view, pixels, name if pixels is not None else f"{name}: none")
            panel = Panel(store, view)
            panel.place(self.sheet.ci, i // columns, i % columns)
            panel.box.sigRangeChangedManually.connect(lambda _, panel=panel: self._zoom_with(panel))
            panel.box.double_clicked.connect(lambda i=i: self.opened.emit(i))
            if self._colours:
                panel.set_colours(self._colours)
            self.panels.append(panel)
        self._spread(columns)

    def _spread(self, columns: int) -> None:
        """Equal columns, whatever their names and tick labels would like."""
        self._columns = columns
        layout = self.sheet.ci.layout
        left, _, right, _ = layout.getContentsMargins()
        gaps = (2 * columns - 1) * layout.horizontalSpacing()
        spare = self.sheet.viewport().width() - left - right - gaps - columns * BAR_WIDTH
        for column in range(MOST):
            layout.setColumnFixedWidth(2 * column, max(spare / max(columns, 1), 20.0) if column < columns else 0)
            layout.setColumnFixedWidth(2 * column + 1, BAR_WIDTH if column < columns else 0)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)
        self._spread(self._columns)

    def show_pair(self, names: Sequence[str], pictures: Sequence[np.ndarray | None], key: str, split: bool) -> None:
        """Two runs in one place: with a line between them, or to flicker."""
        self.setCurrentWidget(self.pair)
        view = "mean" if key in ("sample", "truth") else key
        self._flicker = list(zip(names, pictures, strict=True))
        other = "denoised"
        self.pair_store.set_image(view, pictures[0], f"{names[0]}  |  {names[1]}" if split else names[0])
        self.pair_store.set_image(other, pictures[1], names[1])
        self.pair_store.colours[other], self.pair_store.levels[other] = (
            self.pair_store.map(view),
            self.pair_store.range(view),
        )
        self.pair.show_view(view)
        self.pair.split_with(other if split else "")

    def flick(self) -> None:
        """The other of the two."""
        if self._flicker:
            self._flicker.reverse()
            name, pixels = self._flicker[0]
            self.pair_store.set_image(self.pair.key, pixels, name)

    def _zoom_with(self, moved: Panel) -> None:
        for panel in self.panels:
            if panel is not moved:
                panel.box.setRange(rect=moved.box.viewRect(), padding=0)

    def set_colours(self, colours: dict[str, str]) -> None:
        self._colours = colours
        self.sheet.setBackground(colours["plot"])
        self.pair.set_colours(colours)
        for panel in self.panels:
            panel.set_colours(colours)
