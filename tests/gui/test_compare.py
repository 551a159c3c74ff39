"""The page of runs side by side: it fits, it streams, it shows the same as its exports."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel
from specs import QUICK

from engine.runs.comparison import compare
from engine.runs.job import reconstruct
from qcs_gui.compare.figure import Figure
from qcs_gui.compare.page import ComparePage
from qcs_gui.model import State

ROWS, QUANTIZERS = (50, 100, 200), ("one-bit", "uniform bits=2", "none")


@pytest.fixture(scope="module")
def grid_of_nine():
    one = reconstruct(QUICK)
    from dataclasses import replace

    return [
        replace(
            one,
            spec=one.spec.replace(operator=f"gaussian measurements={m}", quantizer=q),
            mean=one.mean * (0.5 + m / 400),
        )
        for q in QUANTIZERS
        for m in ROWS
    ]


def page_with(qtbot, results, size):
    page = ComparePage()
    qtbot.addWidget(page)
    page.resize(*size)
    page.show_results(results)
    page.show()
    qtbot.waitExposed(page)
    QApplication.processEvents()
    return page


def cut_labels(page):
    """Labels whose words need more room than they have."""
    cut = []
    for label in page.findChildren(QLabel):
        if label.isVisible() and label.text() and label.textFormat() == Qt.TextFormat.PlainText:
            flags = int(label.alignment()) | (int(Qt.TextFlag.TextWordWrap) if label.wordWrap() else 0)
            need = label.fontMetrics().boundingRect(label.contentsRect(), flags, label.text())
            if need.width() > label.width() + 1 or need.height() > label.height() + 1:
                cut.append(label.text())
    return cut


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("size", [(880, 640), (1200, 900), (2100, 1300)])
def test_panels_are_equal_and_whole_and_truth_is_first(qtbot, grid_of_nine, count, size):
    page = page_with(qtbot, grid_of_nine[:count], size)
    tiles = page.wall.tiles
    assert tiles[0].heading.text() == "Truth" and len(tiles) == count + 1
    assert len({t.area.size().toTuple() for t in tiles}) == 1
    inner = page.wall.inner.rect()
    assert all(inner.contains(t.geometry()) for t in tiles)
    assert page.wall.inner.width() <= page.wall.viewport().width()
    others = [(a, b) for a in tiles for b in tiles if a is not b]
    assert not any(a.geometry().intersects(b.geometry()) for a, b in others)
    assert not cut_labels(page)


def test_many_runs_are_scrolled_not_squeezed(qtbot, grid_of_nine):
    page = page_with(qtbot, [*grid_of_nine, *grid_of_nine, *grid_of_nine], (700, 560))
    assert page.wall.inner.height() > page.wall.viewport().height()
    assert min(t.area.width() for t in page.wall.tiles) >= 90


def test_a_grid_stands_in_rows_and_columns_with_its_curves(qtbot, grid_of_nine):
    page = page_with(qtbot, grid_of_nine, (1200, 900))
    assert [h.text() for h in page.wall.heads] == ["1 bit", "2 bits", "No quantizer"]
    tiles = page.wall.tiles[1:]
    assert [t.heading.text() for t in tiles[:3]] == ["50 measurements", "100 measurements", "200 measurements"]
    assert len({t.x() for t in tiles}) == 3 and len({t.geometry().bottom() for t in tiles}) == 3
    assert tiles[4].accessibleName() == "100 measurements, 2 bits"
    assert page.below.currentWidget() is page.curves
    assert list(page.curves.lines) == ["1 bit", "2 bits", "no quantizer"]
    x, y = page.curves.lines["2 bits"]
    assert np.allclose(10**x, ROWS)
    assert np.allclose(y, [r.metrics()["psnr_mean"] for r in grid_of_nine[3:6]])


def test_one_zoom_for_all(qtbot, grid_of_nine):
    page = page_with(qtbot, grid_of_nine[:2], (900, 700))
    area = page.wall.tiles[1].area
    corner = area.place().topLeft()
    place = QPointF(corner.x() + 1, corner.y() + 1)
    wheel = QWheelEvent(
        place, area.mapToGlobal(place), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(area, wheel)
    zoom = page.wall.zoom
    assert zoom.factor > 2 and all(t.area.zoom is zoom for t in page.wall.tiles)
    assert zoom.x - 0.5 / zoom.factor < 0.01, "what was under the pointer stays there"
    page.wall.reset_zoom()
    assert (zoom.factor, zoom.x) == (1.0, 0.5)


def test_one_clock_for_all_replays(qtbot, grid_of_nine):
    from dataclasses import replace

    slow = replace(grid_of_nine[1], seconds=10 * grid_of_nine[0].seconds)
    page = page_with(qtbot, [grid_of_nine[0], slow], (900, 700))
    end = [t.area.image for t in page.wall.tiles]
    page.replay.slider.setValue(page.replay.slider.maximum() // 8)
    assert all("step" in t.toolTip() for t in page.wall.tiles[1:])
    assert page.wall.tiles[1].area.image != end[1]
    page.replay.counts.setCurrentIndex(1)  # by seconds the fast run has ended when the slow one begins
    assert "step" not in page.wall.tiles[1].toolTip() and "step" in page.wall.tiles[2].toolTip()
    page.replay.to_end()
    assert page.wall.tiles[1].area.image == end[1]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_nothing_is_cut_off_in_the_figure(qtbot, grid_of_nine, count):
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QFontMetricsF

    results = grid_of_nine[:count]
    page = page_with(qtbot, results, (1200, 900))
    pictures, rows = page.figure_pictures()
    figure = Figure(pictures, page.table_of, rows)
    whole = QRectF(0, 0, figure.size.width(), figure.size.height())
    for text in figure.texts:
        metrics = QFontMetricsF(figure._bold if text.bold else figure._plain)
        need = metrics.boundingRect(QRectF(0, 0, text.place.width(), 1e6), text.flags, text.words)
        assert need.height() <= text.place.height() + 1 and need.width() <= text.place.width() + 1, text.words
        assert whole.contains(text.place), text.words
    assert all(whole.contains(place) for _, place in figure.images)
    words = [t.words for t in figure.texts]
    assert words[0] == "Truth" and len(figure.images) == count + 1


def test_figure_table_and_report_say_the_same(qtbot, grid_of_nine):
    from engine.runs.report import report

    page = page_with(qtbot, grid_of_nine[:6], (1200, 900))
    found, written = compare(grid_of_nine[:6]), report(grid_of_nine[:6])
    assert page.table_of.columns == found.columns
    assert [page.table.verticalHeaderItem(i).text() for i in range(6)] == list(found.columns)
    figure = [t.words for t in Figure(*reversed_args(page)).texts]
    for name in found.columns:
        assert name in written and name in figure and name in found.as_csv()
    assert written.index("Truth") < written.index(found.columns[0])


def reversed_args(page):
    pictures, rows = page.figure_pictures()
    return pictures, page.table_of, rows


@pytest.mark.slow
def test_a_grid_is_chosen_and_streams_into_its_places(keeping, qtbot, click):
    studio = keeping(QUICK.replace(algorithm="turbo rounds=12 levels=40"))
    page = studio.window.compare
    studio.window.actions_by_name["run_grid"].trigger()
    dialog = studio.compare.grid_dialog
    assert len(dialog.found) == 9 and "9 runs" in dialog.says.text()
    dialog.down.choose("quantizer")
    dialog.down.tick(["one-bit", "none"])
    dialog.across.numbers.setText("100, nonsense")
    assert not dialog.run_button.isEnabled() and "nonsense" in dialog.says.text()
    dialog.across.numbers.setText("100, 150")
    click(dialog.run_button)
    assert studio.window.pages.currentWidget() is page and len(page.wall.tiles) == 4
    qtbot.waitUntil(lambda: page.slots_[0].frame is not None or page.slots_[0].result is not None, timeout=30000)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and len(page.results) == 4, timeout=60000)
    assert [h.text() for h in page.wall.heads] == ["1 bit", "No quantizer"]
    assert not page.busy.text()
    qtbot.mouseDClick(page.wall.tiles[4].area, Qt.MouseButton.LeftButton)
    assert studio.window.pages.currentWidget() is studio.window.stage
    shown = studio.session.result.spec
    assert shown.quantizer.name == "none" and shown.operator.measurements == 150
