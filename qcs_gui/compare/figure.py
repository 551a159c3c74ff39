"""A comparison as one figure: pictures with captions over the table, as PNG, SVG or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPageSize, QPainter, QPdfWriter, QPen

from engine.errors import InputError
from engine.files import write_atomically
from engine.runs.comparison import Comparison
from qcs_gui.widgets.colour_maps import to_qimage

__all__ = ["write_figure"]

SIDE, GAP, CAPTION, LABEL, ROW = 220.0, 14.0, 24.0, 150.0, 22.0
SCALE = 2


def write_figure(path: Path, pictures: Sequence[np.ndarray], found: Comparison) -> Path:
    """``pictures`` are (h, w, 3), 8 bit, one per column; the suffix says the format. Raises InputError for another one."""
    kind = path.suffix.lower()
    if kind not in (".png", ".svg", ".pdf"):
        raise InputError(f"'{path.name}': a figure ends in .png, .svg or .pdf.")
    width = LABEL + len(pictures) * (SIDE + GAP) + GAP
    height = GAP + SIDE + CAPTION + ROW * (len(found.rows) + 1) + GAP

    def draw(temporary: Path) -> None:
        if kind == ".png":
            image = QImage(QSize(round(width * SCALE), round(height * SCALE)), QImage.Format.Format_RGB32)
            image.fill(QColor("white"))
            painter = QPainter(image)
            painter.scale(SCALE, SCALE)
            _paint(painter, pictures, found)
            painter.end()
            if not image.save(str(temporary), "PNG"):  # type: ignore[call-overload]  # the stub asks for bytes
                raise OSError("the picture could not be written")
        elif kind == ".svg":
            from PySide6.QtSvg import QSvgGenerator

            device = QSvgGenerator()
            device.setFileName(str(temporary))
            device.setSize(QSize(round(width), round(height)))
            device.setViewBox(QRectF(0, 0, width, height))
            device.setTitle("Comparison of runs")
            painter = QPainter(device)
            _paint(painter, pictures, found)
            painter.end()
        else:
            writer = QPdfWriter(str(temporary))
            writer.setPageSize(QPageSize(QSizeF(width, height), QPageSize.Unit.Point))
            writer.setPageMargins(QMarginsF(0, 0, 0, 0))
            writer.setResolution(72)
            painter = QPainter(writer)
            _paint(painter, pictures, found)
            painter.end()

    return write_atomically(path, draw)


def _paint(painter: QPainter, pictures: Sequence[np.ndarray], found: Comparison) -> None:
    font = QFont("sans-serif")
    font.setPixelSize(12)
    painter.setFont(font)
    painter.setPen(QPen(QColor("black")))
    middle = int(Qt.AlignmentFlag.AlignCenter)
    for i, (pixels, name) in enumerate(zip(pictures, found.columns, strict=True)):
        height, width = pixels.shape[:2]
        scale = SIDE / max(height, width)
        left = LABEL + i * (SIDE + GAP) + (SIDE - width * scale) / 2
        painter.drawImage(
            QRectF(left, GAP + (SIDE - height * scale) / 2, width * scale, height * scale), to_qimage(pixels)
        )
        painter.drawText(QRectF(LABEL + i * (SIDE + GAP), GAP + SIDE, SIDE, CAPTION), middle, name)
    top = GAP + SIDE + CAPTION
    for row, (label, cells) in enumerate(found.rows):
        y = top + row * ROW
        painter.setPen(QPen(QColor("#cccccc")))
        painter.drawLine(0, round(y), round(LABEL + len(cells) * (SIDE + GAP)), round(y))
        painter.setPen(QPen(QColor("black")))
        painter.drawText(QRectF(6, y, LABEL - 6, ROW), int(Qt.AlignmentFlag.AlignVCenter), label)
        for column, cell in enumerate(cells):
            font.setBold((row, column) in found.best)
            painter.setFont(font)
            shown = painter.fontMetrics().elidedText(cell, Qt.TextElideMode.ElideRight, round(SIDE))
            painter.drawText(QRectF(LABEL + column * (SIDE + GAP), y, SIDE, ROW), middle, shown)
        font.setBold(False)
        painter.setFont(font)
