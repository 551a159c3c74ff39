"""The page of sweeps."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from engine.errors import EngineError
from engine.sweeps import work
from engine.sweeps.definition import Sweep
from engine.sweeps.records import Record
from engine.sweeps.runner import run_sweep
from engine.sweeps.workers import InProcess
from qcs_gui.model import State
from qcs_gui.sweeps import controller as controllers
from qcs_gui.sweeps.page import EXAMPLE
from qcs_gui.sweeps.table_model import CellModel, Filtered, reads

SMALL = """
images = ["sample:digit-3", "sample:digit-7"]
batch = 1
documents = false
[fixed]
prior = "pixels"
size = "8"
device = "cpu"
algorithm = "lasso iterations=5 penalty=0.05"
[axes]
"operator.measurements" = [20, 40]
[figure]
x = "operator.measurements"
y = ["psnr_mean"]
"""


@pytest.fixture
def here(monkeypatch):
    """Cells are computed in the process of the test."""
    monkeypatch.setattr(controllers, "Pool", lambda jobs, gpus: InProcess())


@pytest.fixture
def page(qtbot, open_studio, tmp_path, here):
    """A window on the page of sweeps, with a small one written and laid out."""
    studio = open_studio()
    studio.window.actions_by_name["sweep"].trigger()
    page = studio.sweeps.page
    assert studio.window.pages.currentWidget() is page
    page.folder.setText(str(tmp_path / "results"))
    page.text.setPlainText(SMALL)
    qtbot.waitUntil(page.start_button.isEnabled, timeout=60000)
    page.studio = studio
    return page


def ended(page):
    return not page.studio.sweeps.running


def test_a_sweep_is_laid_out_while_it_is_written(qtbot, page):
    assert page.says.text().startswith("4 cells (2 combinations of 2 images), about ")
    page.text.setPlainText(SMALL.replace("[20, 40]", "[20, 40, 60]"))
    qtbot.waitUntil(lambda: page.says.text().startswith("6 cells"), timeout=60000)
    page.text.setPlainText(SMALL.replace("penalty", "penalti"))
    qtbot.waitUntil(lambda: "no setting 'penalti'" in page.says.text(), timeout=60000)
    assert not page.start_button.isEnabled()


def test_a_sweep_is_started_sorted_filtered_and_a_cell_is_opened(qtbot, page, click, tmp_path):
    click(page.start_button)
    assert not page.start_button.isEnabled()
    qtbot.waitUntil(lambda: ended(page), timeout=60000)
    assert page.state.text().startswith("Done: 4 of 4 cells.")
    assert (tmp_path / "results/table.csv").exists()
    assert page.filtered.rowCount() == 4
    column = page.cells.columns.index("psnr_mean")
    page.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    shown = [page.cells.value(page.filtered.mapToSource(page.filtered.index(r, 0)).row(), column) for r in range(4)]
    assert shown == sorted(shown, reverse=True)
    qtbot.keyClicks(page.filter, "digit-7 operator.measurements = 40")
    assert page.filtered.rowCount() == 1
    page.table.selectRow(0)
    assert page.tabs.tabText(page.tabs.currentIndex()) == "Table"
    click(page.open_cell)
    session = page.studio.session
    qtbot.waitUntil(lambda: session.result is not None, timeout=60000)
    assert session.result.spec.image == "sample:digit-7" and session.result.spec.operator.measurements == 40
    row = page.cells.rows[page.filtered.mapToSource(page.filtered.index(0, 0)).row()]
    assert session.result.metrics()["psnr_mean"] == pytest.approx(row["psnr_mean"], abs=1e-3)
    assert page.studio.window.pages.currentWidget() is page.studio.window.stage


def test_a_sweep_is_paused_and_cancelled_and_goes_on(qtbot, page, click, monkeypatch):
    sweeps, real = page.studio.sweeps, run_sweep

    def held(*arguments, **more):
        control, told = arguments[3], arguments[4]

        def pause_at_two(progress):
            if progress.done == 2 and not control.cancelled:
                control.pause()
            told(progress)

        return real(*arguments[:4], pause_at_two, **more)

    monkeypatch.setattr("engine.sweeps.runner.run_sweep", held)
    click(page.start_button)
    qtbot.waitUntil(lambda: "paused" in page.state.text(), timeout=60000)
    assert page.cells.rowCount() == 2
    click(page.cancel_button)
    qtbot.waitUntil(lambda: ended(page), timeout=60000)
    assert page.state.text().startswith("Stopped: 2 of 4 cells")
    monkeypatch.undo()
    monkeypatch.setattr(controllers, "Pool", lambda jobs, gpus: InProcess())
    qtbot.waitUntil(page.start_button.isEnabled, timeout=60000)
    told = []
    monkeypatch.setattr(sweeps, "_say", lambda progress: told.append(progress))
    click(page.start_button)
    qtbot.waitUntil(lambda: ended(page), timeout=60000)
    assert page.cells.rowCount() == 4 and told[-1].found == 2


def test_a_cell_without_a_result_says_why(qtbot, page, click, monkeypatch):
    real = work._together

    def failing(task, *more):
        if task.indices == (1,):
            raise EngineError("The picture is no longer finite.")
        return real(task, *more)

    monkeypatch.setattr(work, "_together", failing)
    click(page.start_button)
    qtbot.waitUntil(lambda: ended(page), timeout=60000)
    assert "2 without a result" in page.state.text()
    page.filter.setText("no longer finite")
    assert page.filtered.rowCount() == 2
    shown = [page.filtered.index(0, c).data() for c in range(page.filtered.columnCount())]
    assert shown[shown.index("digit-7") + 1] == "no result"
    page.table.selectRow(0)
    click(page.open_cell)
    assert page.studio.window.problem.sentence.text() == "The picture is no longer finite."


def test_results_of_an_earlier_sweep_are_opened(qtbot, page, tmp_path, monkeypatch, click):
    result = run_sweep(Sweep.parse(SMALL), tmp_path / "earlier")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "earlier"))
    click(page.results_button)
    qtbot.waitUntil(lambda: page.cells.rowCount() == 4, timeout=60000)
    assert {r.identity for r in page.cells.records} == {r.identity for r in result.rows}
    assert page.folder.text() == str(tmp_path / "earlier")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(page.results_button)
    assert "holds no results of a sweep" in page.studio.window.problem.sentence.text()


def test_the_set_up_is_where_a_sweep_begins(qtbot, page, click):
    click(page.from_setup)
    spec = page.studio.session.spec
    [first, *more] = Sweep.parse(page.text.toPlainText()).points()
    assert first.spec.prior == spec.prior and first.spec.algorithm == spec.algorithm
    assert [p.spec.operator.measurements for p in more] == [spec.operator.measurements, 2 * spec.operator.measurements]


@pytest.mark.slow
def test_it_computes_beside_the_window(qtbot, open_studio, tmp_path, click):
    """In processes of their own, while a run goes on in the window; and the window closes while they compute."""
    studio = open_studio()
    page = studio.sweeps.page
    studio.sweeps.open()
    page.folder.setText(str(tmp_path / "results"))
    page.jobs.setValue(1)
    page.text.setPlainText(SMALL)
    qtbot.waitUntil(page.start_button.isEnabled, timeout=60000)
    click(page.start_button)
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=60000)
    qtbot.waitUntil(lambda: page.cells.rowCount() >= 1, timeout=60000)


def test_another_file_leaves_nothing_of_the_last_sweep(qtbot, page, click, tmp_path):
    click(page.start_button)
    qtbot.waitUntil(lambda: ended(page), timeout=60000)
    page.ready.setCurrentIndex(1)
    path = tmp_path / "mine.toml"
    path.write_text(SMALL.replace("[20, 40]", "[30]"))
    page.studio.sweeps.open_file(path)
    qtbot.waitUntil(lambda: page.says.text().startswith("2 cells"), timeout=60000)
    assert page.state.text() == "" and page.progress.value() <= 0 and page.ready.currentIndex() == 0


def test_the_example_in_an_empty_page_is_a_sweep():
    assert Sweep.parse(EXAMPLE.partition("write:")[2]).count == 6


def test_ready_sweeps_are_offered(page):
    from engine.sweeps.definition import ready_sweeps

    assert [page.ready.itemText(i) for i in range(1, page.ready.count())] == list(ready_sweeps())


def test_filters_compare_and_search():
    row = {"method": "turbo", "psnr_mean": 21.5, "image": "camera", "error": None}
    for text in ("", "psnr_mean > 20", "method=turbo psnr_mean<=21.5", "CAMERA", "method != lasso camera"):
        assert reads(text)(row), text
    for text in ("psnr_mean > 22", "lasso", "ssim > 0", "method = guided"):
        assert not reads(text)(row), text


def test_missing_values_are_last_in_either_order(qtbot):
    model = CellModel()
    sweep = Sweep.parse('images = "sample:digit-3"\n[axes]\nnoise = [0.1, 0.2]\n')
    values = [{"psnr_mean": 20.0}, {"psnr_mean": None}, {"psnr_mean": 9.0}]
    model.show(sweep, [Record(str(n), {"noise": 0.1}, "p", n, values=v) for n, v in enumerate(values)])
    shown = Filtered(model)
    column = model.columns.index("psnr_mean")
    for order, expected in (
        (Qt.SortOrder.AscendingOrder, ["9", "20", ""]),
        (Qt.SortOrder.DescendingOrder, ["20", "9", ""]),
    ):
        shown.sort(column, order)
        assert [shown.index(r, column).data() for r in range(3)] == expected
