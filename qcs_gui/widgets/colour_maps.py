"""Colour maps by name, and arrays as Qt pictures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QImage

__all__ = ["colour_map", "painted", "to_qimage"]


@lru_cache(maxsize=16)
def colour_map(name: str) -> pg.ColorMap:
    """Grey, one of matplotlib's perceptual maps, or blue to red with white at zero."""
    if name == "grey":
        return pg.ColorMap([0.0, 1.0], [(0, 0, 0), (255, 255, 255)])
    if name == "diverging":
        return pg.ColorMap([0.0, 0.5, 1.0], [(33, 102, 172), (247, 247, 247), (178, 24, 43)])
    return pg.colormap.get(name)


def painted(shown: np.ndarray, colours: str, levels: tuple[float, float]) -> np.ndarray:
    """(h, w) or (h, w, 3) as 8-bit colour (h, w, 3)."""
    scaled = np.clip((np.nan_to_num(shown, nan=levels[0]) - levels[0]) / max(levels[1] - levels[0], 1e-12), 0, 1)
    if shown.ndim == 3:
        return np.rint(255 * scaled).astype(np.uint8)
    table = colour_map(colours).getLookupTable(nPts=256, alpha=False)
    return table[np.rint(255 * scaled).astype(np.uint8)].astype(np.uint8)


def to_qimage(rgb: np.ndarray) -> QImage:
    """A picture of its own memory from (h, w, 3), 8 bit."""
    rgb = np.ascontiguousarray(rgb)
    height, width = rgb.shape[:2]
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
