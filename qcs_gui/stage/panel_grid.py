"""The grid of panels: linked, with colour bars and a pixel read-out; which views it shows is the user's choice."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPoint, Signal

from qcs_gui.stage.picture_panel import BAR_WIDTH, Panel
from qcs_gui.stage.view_store import VIEWS, ViewStore

__all__ = ["DEFAULT_PANELS", "PanelGrid"]

DEFAULT_PANELS = ("truth", "measurement", "iterate", "denoised", "mean", "std", "error", "message")
SPACING = 6


class _Panels(dict[str, Panel]):
    """A panel for each view, made when it is first asked for: a panel takes a fiftieth of a second, and few are seen."""

    def __init__(self, make: Callable[[str], Panel]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: str) -> Panel:
        self[key] = self._make(key)
        return self[key]


class PanelGrid(pg.GraphicsLayoutWidget):
    """All views of pictures share one zoom. ``hovered`` carries the read-out, ``enlarged`` and ``chosen`` the view of a double
    click and of a pixel clicked, ``menu`` the view of a right click."""

    hovered = Signal(str)
    enlarged = Signal(str)
    clicked = Signal(int, int)
    menu = Signal(str, QPoint)

    def __init__(self, store: ViewStore) -> None:
        super().__init__()
        self.setAccessibleName("Grid of image panels")
        self.store = store
        self.panels = _Panels(self._new_panel)
        self.shown: tuple[str, ...] = DEFAULT_PANELS
        self._laid_out: tuple[str, ...] = ()
        self._colours: dict[str, str] = {}
        self._stale: set[str] = set()
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._clicked)
        self.paint_seconds = 0.0
        store.listeners.append(self._follow)

    def _new_panel(self, key: str) -> Panel:
        panel = Panel(self.store, key)
        if VIEWS[key].of_picture:
            panel.box.sigRangeChangedManually.connect(lambda _: self._zoom_with(panel))
        panel.box.double_clicked.connect(lambda: self.enlarged.emit(key))
        panel.box.menu_wanted.connect(lambda at: self.menu.emit(key, at.toPoint()))
        if self._colours:
            panel.set_colours(self._colours)
        return panel

    def show_panels(self, keys: Sequence[str]) -> None:
        """Lays out these views, in their order: at once, or when the grid is next seen."""
        self.shown = tuple(k for k in VIEWS if k in keys) or DEFAULT_PANELS
        if self.isVisible():
            self._lay_out()

    def _lay_out(self) -> None:
        if self._laid_out == self.shown:
            return
        self._laid_out = self.shown
        self.ci.clear()
        for i, key in enumerate(self.shown):
            self.panels[key].place(self.ci, i // self.columns, i % self.columns)
        self._spread()

    @property
    def columns(self) -> int:
        return min(4, math.ceil(math.sqrt(len(self.shown)))) if len(self.shown) < 7 else 4

    def _follow(self, key: str) -> None:
        # a hidden grid keeps its arrays but paints nothing: painting holds the interpreter lock, which the engine needs
        if self.isVisible() and key in self.shown:
            self.panels[key].follow()
        elif key in self.panels:
            panel = self.panels[key]
            panel.pixels = self.store.pixels.get(key)
            panel.title.text = self.store.title(key)
            self._stale.add(key)

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        self._lay_out()
        for key in self._stale:
            self.panels[key].pixels = None  # so that the zoom is set
            self.panels[key].title.text = ""
            self.panels[key].follow()
        self._stale.clear()
        if self._colours:
            self.set_colours(self._colours)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_laid_out"):  # not while it is made
            self._spread()

    def _spread(self) -> None:
        """Equal columns, whatever the titles and tick labels would like."""
        layout, columns = self.ci.layout, self.columns
        layout.setHorizontalSpacing(SPACING)
        left, _, right, _ = layout.getContentsMargins()
        spare = self.viewport().width() - left - right - (2 * columns - 1) * SPACING - columns * BAR_WIDTH
        for column in range(4):
            used = column < columns
            layout.setColumnFixedWidth(2 * column, max(spare / columns, 20.0) if used else 0)
            layout.setColumnFixedWidth(2 * column + 1, BAR_WIDTH if used else 0)

    def paintEvent(self, event: object) -> None:
        start = time.perf_counter()
        super().paintEvent(event)
        self.paint_seconds += time.perf_counter() - start

    def _zoom_with(self, moved: Panel) -> None:
        """Shows in every linked panel what the user just zoomed or dragged to in one."""
        rect = moved.box.viewRect()
        for panel in self.panels.values():
            if panel is not moved and VIEWS[panel.key].of_picture:
                panel.box.setRange(rect=rect, padding=0)

    def set_colours(self, colours: dict[str, str]) -> None:
        self._colours = colours
        self.setBackground(colours["plot"])
        for panel in self.panels.values():
            panel.set_colours(colours)

    def reset_zoom(self) -> None:
        for panel in self.panels.values():
            panel.reset_zoom()

    def _moved(self, position: object) -> None:
        for key in self.shown:
            panel = self.panels[key]
            where = panel.at(position)
            if where is not None:
                row, column = where
                self.hovered.emit(f"{panel.title.text}  row {row}, column {column}: {panel.read_out(row, column)}")
                return
        self.hovered.emit("")

    def _clicked(self, event: object) -> None:
        if event.double() or event.button() != pg.QtCore.Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        for key in self.shown:
            where = self.panels[key].at(event.scenePos())  # type: ignore[attr-defined]
            if where is not None and VIEWS[key].of_picture:
                self.clicked.emit(*where)
