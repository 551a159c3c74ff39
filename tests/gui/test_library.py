"""Runs as objects: history, comparison, films, restart, full disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox
from specs import QUICK

from engine.runs.library import Library
from qcs_gui.keeping import SessionFile
from qcs_gui.model import State
from qcs_gui.widgets.files import folders


def wait_idle(studio, qtbot, condition=lambda: True):
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and condition(), timeout=60000)


@pytest.mark.slow
def test_a_preset_of_several_runs_ends_in_a_comparison(keeping, qtbot, monkeypatch):
    studio = keeping()
    specs = [QUICK, QUICK.replace(quantizer="uniform bits=3")]
    studio.compare.run_specs(specs)
    page = studio.window.compare
    assert studio.window.pages.currentWidget() is page and len(page.wall.tiles) == 2
    qtbot.waitUntil(lambda: len(page.results) == 2, timeout=60000)
    labels = [page.table.verticalHeaderItem(i).text() for i in range(page.table.rowCount())]
    assert "Quantizer" in labels and "Noise" not in labels
    assert [t.heading.text() for t in page.wall.tiles] == ["Truth", "1 bit", "3 bits"]
    for mode in ("Split line", "Difference", "Flicker"):
        page.mode.setCurrentText(mode)
        assert page.pictures.currentWidget() is page.pair
    before = page.pair.panel.title.text
    page.pair.flick()
    assert page.pair.panel.title.text != before
    page.mode.setCurrentText("Side by side")
    assert page.pictures.currentWidget() is page.wall


@pytest.mark.slow
def test_algorithms_are_compared_and_exported(keeping, qtbot, tmp_path, click):
    studio = keeping()
    studio.window.actions_by_name["compare_algorithms"].trigger()
    dialog = studio.compare.dialog
    assert not dialog.run_button.isEnabled()
    for i in range(dialog.list.count()):
        if dialog.list.item(i).data(Qt.ItemDataRole.UserRole) == "plug-and-play":
            dialog.list.item(i).setCheckState(Qt.CheckState.Checked)
    click(dialog.run_button)
    qtbot.waitUntil(lambda: len(studio.window.compare.results) == 2, timeout=60000)
    for name in ("f.png", "f.svg", "f.pdf"):
        studio.compare.export_figure(tmp_path / name)
        qtbot.waitUntil((tmp_path / name).exists, timeout=10000)
    studio.compare.export_table(tmp_path / "t.csv")
    studio.compare.export_report(tmp_path / "r.html", studio.window.compare.results)
    qtbot.waitUntil((tmp_path / "r.html").exists, timeout=10000)
    assert "PSNR" in (tmp_path / "t.csv").read_text()
    assert (tmp_path / "f.svg").read_text().lstrip().startswith("<?xml")
    assert (tmp_path / "f.pdf").read_bytes()[:4] == b"%PDF"


@pytest.mark.slow
def test_cancelling_a_list_ends_it(keeping, qtbot, click):
    studio = keeping()
    long = QUICK.replace(algorithm="qcs-sgm levels=200 repeats=50")
    studio.compare.run_specs([long, QUICK])
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 0, timeout=30000)
    click(studio.window.cancel_button)
    wait_idle(studio, qtbot)
    qtbot.wait(200)
    assert studio.session.state == State.IDLE
    assert not studio.window.compare.results and not studio.window.compare.busy.text()


@pytest.mark.slow
def test_history_keeps_names_pins_and_deletes(keeping, qtbot, click, run_to_end, monkeypatch):
    studio = keeping()
    first = run_to_end(studio)
    view = studio.window.history
    studio.window.actions_by_name["history"].trigger()
    qtbot.waitUntil(lambda: view.list.count() == 1, timeout=10000)
    assert not view.list.item(0).icon().isNull()
    view.list.item(0).setSelected(True)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("my first", True))
    view.verbs["rename"].trigger()
    qtbot.waitUntil(lambda: [e.name for e in Library().list()] == ["my first"], timeout=10000)
    qtbot.waitUntil(lambda: "my first" in view.list.item(0).text(), timeout=10000)
    view.list.item(0).setSelected(True)
    view.verbs["pin"].trigger()
    qtbot.waitUntil(lambda: Library().entry("my first").pinned == 1, timeout=10000)
    studio.window.seed.setValue(5)
    run_to_end(studio)
    qtbot.waitUntil(lambda: view.list.count() == 2, timeout=10000)
    view.search.setText("my first")
    qtbot.waitUntil(lambda: view.list.count() == 1, timeout=10000)
    view.list.item(0).setSelected(True)
    click(view.buttons["use"])
    qtbot.waitUntil(lambda: studio.session.spec.seed == 0, timeout=10000)
    assert studio.session.result.spec.seed == 5, "the result shown stays"
    view.list.item(0).setSelected(True)
    click(view.buttons["open"])
    qtbot.waitUntil(lambda: studio.session.result.spec.seed == 0, timeout=10000)
    assert np.array_equal(studio.session.result.samples, first.samples)
    assert studio.session.extends_result
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    view.list.item(0).setSelected(True)
    view.verbs["delete"].trigger()
    qtbot.waitUntil(lambda: "my first" not in [e.name for e in Library().list()], timeout=10000)


@pytest.mark.slow
def test_alt_click_makes_a_run_the_partner(keeping, qtbot, run_to_end):
    studio = keeping()
    run_to_end(studio)
    studio.window.seed.setValue(5)
    run_to_end(studio)
    studio.window.actions_by_name["history"].trigger()
    view = studio.window.history
    qtbot.waitUntil(lambda: view.list.count() == 2, timeout=10000)
    at = view.list.visualItemRect(view.list.item(1)).center()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier, pos=at)
    qtbot.waitUntil(lambda: len(studio.window.compare.results) == 2, timeout=10000)
    assert [r.spec.seed for r in studio.window.compare.results] == [5, 0]


def test_films_and_reports_from_the_window(keeping, qtbot, run_to_end, tmp_path, monkeypatch):
    studio = keeping()
    run_to_end(studio)
    for action, name in (("export_film", "a.gif"), ("export_report", "a.html")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=name, **__: (str(tmp_path / name), ""))
        studio.window.actions_by_name[action].trigger()
        qtbot.waitUntil((tmp_path / name).exists, timeout=10000)
    assert folders.last == str(tmp_path)


def test_the_session_comes_back_and_a_damaged_one_never_blocks(tmp_path):
    kept = SessionFile(tmp_path)
    assert kept.read() is None
    document = tmp_path / "a.qcs"
    document.write_bytes(b"x")
    kept.write(QUICK, str(document), {"view": "std"})
    found = kept.read()
    assert found.spec == QUICK and found.view == {"view": "std"} and found.run == str(document)
    document.unlink()
    assert kept.read().run == ""
    values = json.loads(kept.path.read_text())
    values["recipe"]["prior"] = "gone"
    kept.path.write_text(json.dumps(values))
    assert kept.read().spec is None
    kept.path.write_bytes(b"\x00{")
    assert kept.read() is None
    assert not kept.path.exists() and kept.path.with_suffix(".damaged.json").exists()


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_loses_nothing(keeping, qtbot, run_to_end, monkeypatch, tmp_path):
    import engine.files

    studio = keeping()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine.files.os, "fsync", full)
    result = run_to_end(studio)
    problem = studio.window.problem
    qtbot.waitUntil(problem.isVisible, timeout=10000)
    assert "No space left" in problem.sentence.text() and "\n" not in problem.sentence.text()
    assert studio.session.result is result and not studio.session.result_saved
    problem.close()
    monkeypatch.undo()
    studio.documents.save(tmp_path / "kept.qcs")
    qtbot.waitUntil(lambda: studio.session.result_saved, timeout=10000)
    assert studio.documents.path_shown == tmp_path / "kept.qcs"


def test_a_preset_chosen_as_a_list_goes_on_ends_the_list(keeping, qtbot):
    studio = keeping()
    long = QUICK.replace(algorithm="qcs-sgm levels=200 repeats=50")
    studio.compare.run_specs([QUICK, long, long])
    qtbot.waitUntil(lambda: studio.session.state == State.RUNNING, timeout=20000)
    went_on = []
    studio.runs.cancel_then(lambda: went_on.append(studio.session.state))
    qtbot.waitUntil(lambda: bool(went_on), timeout=20000)
    assert went_on == [State.IDLE]
    qtbot.wait(100)
    assert studio.session.state == State.IDLE


def test_the_history_begins_with_what_its_order_says(keeping, qtbot, run_to_end):
    studio = keeping()
    first = run_to_end(studio)
    library = Library()
    (kept,) = library.list()
    library.rename(kept.name, "b")
    near = first.truth + 0.5 * (first.mean - first.truth)
    library.add(replace(first, seconds=first.seconds + 50, mean=near), "c")
    library.add(replace(first, seconds=first.seconds + 20, mean=first.truth + 0.9 * (first.mean - first.truth)), "a")
    studio.window.actions_by_name["history"].trigger()
    view = studio.window.history

    def names():
        return [view.list.item(i).data(Qt.ItemDataRole.UserRole) for i in range(view.list.count())]

    assert view.sort.currentText() == "Newest first"
    qtbot.waitUntil(lambda: names() == list("acb"), timeout=10000)
    for order, wanted in (("PSNR", "cab"), ("Time", "bac"), ("Name", "abc"), ("Newest first", "acb")):
        view.sort.setCurrentText(order)
        qtbot.waitUntil(lambda wanted=wanted: names() == list(wanted), timeout=10000)
