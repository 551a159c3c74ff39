"""A comparison as one figure, as the page shows it: truth first, equal pictures with their headings, the table below; PNG, SVG
or PDF. Its size follows what has to be read, so that nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPageSize, QPainter, QPdfWriter, QPen

from engine.errors import InputError
from engine.files import write_atomically
from engine.runs.comparison import Comparison
from qcs_gui.widgets.colour_maps import to_qimage

if TYPE_CHECKING:
    from qcs_gui.compare.page import Picture

__all__ = ["Figure", "Text", "write_figure"]

SIDE, GAP, MARGIN, LINE_WIDTH, CELL_PAD = 200.0, 12.0, 16.0, 5, 14.0
WIDEST_CELL, WIDEST_LABEL, HEAD_COLUMN = 190.0, 260.0, 110.0
SCALE = 2
WRAP = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.AlignmentFlag.AlignVCenter)
LEFT = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft) | int(Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class Text:
    """Words in a place that holds them."""

    place: QRectF
    words: str
    bold: bool = False
    flags: int = WRAP


class Figure:
    """Where everything lies: ``texts``, ``images`` (number of a picture and its place), ``rules`` and the whole ``size``.
    ``rows`` heads the rows of a grid, whose first picture is the truth where there is one more than the grid holds."""

    def __init__(self, pictures: Sequence[Picture], found: Comparison, rows: Sequence[str] = ()) -> None:
        self.pictures = pictures
        self.texts: list[Text] = []
        self.images: list[tuple[int, QRectF]] = []
        self.rules: list[tuple[float, float, float]] = []
        self._plain, self._bold = _font(False), _font(True)
        width, bottom = self._place_pictures(rows)
        across, bottom = self._place_table(found, bottom + GAP)
        self.size = QSizeF(max(width, across) + MARGIN, bottom + MARGIN)

    def _height(self, words: str, width: float, bold: bool) -> float:
        """What words need at a width."""
        if not words:
            return 0.0
        metrics = QFontMetricsF(self._bold if bold else self._plain)
        return metrics.boundingRect(QRectF(0, 0, width, 1e6), WRAP, words).height() + 4

    def _place_pictures(self, rows: Sequence[str]) -> tuple[float, float]:
        """Right end and bottom of the pictures."""
        count = len(self.pictures)
        spare = count % len(rows) if rows else 0
        across = (count - spare) // len(rows) + spare if rows else min(count, LINE_WIDTH)
        head = HEAD_COLUMN if rows else 0.0
        tops = max(self._height(p.heading, SIDE, True) for p in self.pictures)
        ends = max(self._height(p.words, SIDE, False) for p in self.pictures)
        shapes = [p.pixels.shape for p in self.pictures if p.pixels is not None]
        aspect = max((s[0] / s[1] for s in shapes), default=1.0)
        bare = SIDE * aspect + ends + GAP
        for i, picture in enumerate(self.pictures):
            row, column = divmod(i, across)
            if rows and i >= spare:
                row, column = divmod(i - spare, across - spare)
                column += spare
            elif rows:
                row, column = 0, i
            left = MARGIN + column * (SIDE + GAP) + (head if column >= spare else 0.0)
            # the rows of a grid are headed once
            top = MARGIN + row * bare if rows else MARGIN + row * (tops + bare)
            if picture.heading:
                self.texts.append(Text(QRectF(left, top, SIDE, tops), picture.heading, bold=True))
            if picture.pixels is not None:
                height, width = picture.pixels.shape[:2]
                scale = min(SIDE / width, SIDE * aspect / height)
                space = SIDE * aspect - height * scale
                place = QRectF(left + (SIDE - width * scale) / 2, top + tops + space / 2, width * scale, height * scale)
                self.images.append((i, place))
            self.texts.append(Text(QRectF(left, top + tops + SIDE * aspect, SIDE, ends), picture.words))
        for row, words in enumerate(rows):
            left = MARGIN + spare * (SIDE + GAP)
            self.texts.append(
                Text(QRectF(left, MARGIN + row * bare + tops, head - GAP, SIDE * aspect), words, bold=True)
            )
        lines = len(rows) if rows else -(-count // across)
        bottom = tops + lines * bare if rows else lines * (tops + bare)
        return MARGIN + head + across * (SIDE + GAP) - GAP, MARGIN + bottom

    def _place_table(self, found: Comparison, top: float) -> tuple[float, float]:
        """Right end and bottom of the table; columns are as wide as what stands in them, up to a limit where words wrap."""
        table = found.table()
        columns = [[table.head[j], *(cells[j] for _, cells in table.lines)] for j in range(len(table.head))]
        metrics = QFontMetricsF(self._bold)

        def wide(words: Sequence[str], most: float = WIDEST_CELL) -> float:
            longest = max((metrics.horizontalAdvance(w) for w in words), default=0.0)
            whole = max((metrics.horizontalAdvance(part) for w in words for part in w.split()), default=0.0)
            return max(min(longest, most), whole) + CELL_PAD

        first = wide([label for label, _ in table.lines], WIDEST_LABEL)
        widths = [wide(words) for words in columns]
        right = MARGIN + first + sum(widths)
        rows: list[tuple[str, Sequence[str]]] = [("", table.head), *table.lines]
        for number, (label, cells) in enumerate(rows):
            head = number == 0
            heights = [self._height(label, first - CELL_PAD, True)]
            heights += [self._height(c, w - CELL_PAD, True) for c, w in zip(cells, widths, strict=True)]
            tall = max(heights) + 6
            self.rules.append((top, MARGIN, right))
            self.texts.append(Text(QRectF(MARGIN, top, first - CELL_PAD, tall), label, flags=LEFT))
            left = MARGIN + first
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                best = (number - 1, column) in table.best
                place = QRectF(left + CELL_PAD / 2, top, width - CELL_PAD, tall)
                self.texts.append(Text(place, cell, bold=head or best))
                left += width
            top += tall
        return right, top

    def paint(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor("#cccccc")))
        for y, left, right in self.rules:
            painter.drawLine(round(left), round(y), round(right), round(y))
        for number, place in self.images:
            pixels = self.pictures[number].pixels
            assert pixels is not None
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, place.width() < pixels.shape[1])
            painter.drawImage(place, to_qimage(pixels))
        painter.setPen(QPen(QColor("black")))
        for text in self.texts:
            painter.setFont(self._bold if text.bold else self._plain)
            painter.drawText(text.place, text.flags, text.words)


def _font(bold: bool) -> QFont:
    font = QFont("sans-serif")
    font.setPixelSize(13)
    font.setBold(bold)
    return font


def write_figure(path: Path, pictures: Sequence[Picture], found: Comparison, rows: Sequence[str] = ()) -> Path:
    """Draws the pictures above the table; the suffix says the format. Raises InputError for another one."""
    kind = path.suffix.lower()
    makers: dict[str, Callable[[Path, Figure], None]] = {".png": _png, ".svg": _svg, ".pdf": _pdf}
    if kind not in makers:
        raise InputError(f"'{path.name}': a figure ends in .png, .svg or .pdf.")
    figure = Figure(pictures, found, rows)
    return write_atomically(path, lambda temporary: makers[kind](temporary, figure))


def _png(path: Path, figure: Figure) -> None:
    size = QSize(round(figure.size.width() * SCALE), round(figure.size.height() * SCALE))
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.scale(SCALE, SCALE)
    figure.paint(painter)
    painter.end()
    if not image.save(str(path), "PNG"):  # type: ignore[call-overload]  # the stub asks for bytes
        raise OSError("the picture could not be written")


def _svg(path: Path, figure: Figure) -> None:
    from PySide6.QtSvg import QSvgGenerator

    device = QSvgGenerator()
    device.setFileName(str(path))
    device.setSize(figure.size.toSize())
    device.setViewBox(QRectF(0, 0, figure.size.width(), figure.size.height()))
    device.setTitle("Comparison of runs")
    painter = QPainter(device)
    figure.paint(painter)
    painter.end()


def _pdf(path: Path, figure: Figure) -> None:
    writer = QPdfWriter(str(path))
    writer.setPageSize(QPageSize(figure.size, QPageSize.Unit.Point))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(72)
    painter = QPainter(writer)
    figure.paint(painter)
    painter.end()
