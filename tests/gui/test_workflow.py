"""Whole ways through the window: gallery, live, history, comparison, undo, keyboard, restart."""

import json

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFileDialog, QInputDialog, QMessageBox, QWidget
from specs import QUICK

from engine.runs.library import Library
from qcs_gui.keeping import SessionFile
from qcs_gui.model import State
from qcs_gui.studio import Studio


@pytest.fixture
def keeping(qtbot):
    """A window that keeps its runs."""
    opened = []

    def make(spec=QUICK):
        studio = Studio(spec, threads=1, remember=False, keep=True)
        opened.append(studio)
        studio.start()
        qtbot.waitUntil(lambda: studio.session.pixels is not None and bool(studio.session.device), timeout=60000)
        return studio

    yield make
    for studio in opened:
        assert studio.close()
        studio.window.may_close = lambda: True
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()


def wait_idle(studio, qtbot, condition=lambda: True):
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and condition(), timeout=60000)


def test_a_preset_runs_by_one_click(keeping, qtbot, click):
    studio = keeping()
    studio.window.actions_by_name["gallery"].trigger()
    assert studio.window.pages.currentWidget() is studio.window.gallery
    studio.window.pace.setCurrentIndex(0)
    studio.runs.pace_chosen = True
    card = next(c for c in studio.window.gallery.cards if c.preset.name == "what-could-it-be")
    click(card)
    qtbot.waitUntil(lambda: studio.session.result is not None, timeout=60000)
    assert studio.session.spec.operator.measurements == 40
    assert len(studio.session.result.samples) == 24
    assert studio.window.pages.currentWidget() is studio.window.stage


def test_a_preset_of_several_runs_ends_in_a_comparison(keeping, qtbot, monkeypatch):
    studio = keeping()
    specs = [QUICK, QUICK.replace(quantizer="uniform bits=3")]
    studio.compare.run_specs(specs)
    qtbot.waitUntil(lambda: studio.window.pages.currentWidget() is studio.window.compare, timeout=60000)
    page = studio.window.compare
    assert len(page.results) == 2
    labels = [page.table.verticalHeaderItem(i).text() for i in range(page.table.rowCount())]
    assert "quantizer" in labels and "noise" not in labels
    for mode in ("Split line", "Flicker", "Difference", "Columns"):
        page.mode.setCurrentText(mode)
    page.columns.flick()


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


def test_live_mode_follows_strokes_and_settings(keeping, qtbot, click):
    studio = keeping()
    click(studio.window.live_button)
    qtbot.waitUntil(lambda: len(studio.live.latencies) > 0, timeout=20000)
    assert "Live" in studio.window.result_label.text()
    seen = len(studio.live.latencies)
    studio.window.noise.setValue(0.2)
    qtbot.waitUntil(lambda: len(studio.live.latencies) > seen, timeout=20000)
    studio.pictures.draw()
    canvas = studio.pictures.dialog.canvas
    left = Qt.MouseButton.LeftButton
    for kind, x in ((QMouseEvent.Type.MouseButtonPress, 80), (QMouseEvent.Type.MouseMove, 200)):
        at = QPointF(x, 140)
        event = QMouseEvent(kind, at, canvas.mapToGlobal(at), left, left, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)
    qtbot.waitUntil(lambda: studio.panels.newest.seen.truth[0, 14].max() > 0.5, timeout=20000)
    assert not Library().list(), "live pictures are not kept"
    studio.pictures.dialog.reject()
    click(studio.window.live_button)
    qtbot.waitUntil(lambda: not studio.runs.worker.busy, timeout=10000)


def test_the_canvas_undoes_erases_and_has_brushes(keeping, qtbot, click):
    studio = keeping()
    studio.pictures.draw()
    dialog = studio.pictures.dialog
    canvas = dialog.canvas

    def dot(x):
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center() + canvas.rect().topLeft() * 0)
        return float(canvas.pixels().sum()), x

    first, _ = dot(0)
    assert first > 0
    click(dialog.undo_button)
    assert canvas.pixels().sum() == 0
    click(dialog.redo_button)
    assert canvas.pixels().sum() == first
    dialog.brush.setValue(50)
    assert dot(1)[0] > 2 * first
    click(dialog.eraser)
    assert dot(2)[0] < first
    dialog.reject()


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


def test_undo_and_redo(keeping, qtbot):
    studio = keeping()
    actions = studio.window.actions_by_name
    assert not actions["undo"].isEnabled()
    studio.window.noise.setValue(0.3)
    studio.pictures.load("sample:digit-7")
    qtbot.waitUntil(lambda: studio.session.spec.image == "sample:digit-7", timeout=10000)
    actions["undo"].trigger()
    assert studio.session.spec.image == QUICK.image and studio.session.spec.noise == 0.3
    actions["undo"].trigger()
    assert studio.window.noise.value() == pytest.approx(0.05)
    actions["redo"].trigger()
    actions["redo"].trigger()
    assert studio.session.spec.image == "sample:digit-7"
    assert not actions["redo"].isEnabled()


def test_new_goes_back_to_the_defaults(keeping, qtbot, run_to_end):
    studio = keeping()
    run_to_end(studio)
    studio.window.noise.setValue(0.4)
    studio.window.actions_by_name["new"].trigger()
    qtbot.waitUntil(lambda: studio.session.spec.noise == 0.05, timeout=10000)
    assert studio.session.result is None
    assert studio.window.board.panels["mean"].pixels is None


def test_a_run_can_be_slowed_and_its_time_is_the_engines(keeping, qtbot, click):
    studio = keeping()
    studio.window.pace.setCurrentText("About 6 s")
    import time

    start = time.monotonic()
    click(studio.window.run_button)
    wait_idle(studio, qtbot, lambda: studio.session.result is not None)
    took = time.monotonic() - start
    assert took > 4
    assert studio.session.result.seconds < 0.7 * took
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.session.state == State.RUNNING, timeout=5000)
    start = time.monotonic()
    click(studio.window.cancel_button)
    wait_idle(studio, qtbot)
    assert time.monotonic() - start < 2


def test_films_and_reports_from_the_window(keeping, qtbot, run_to_end, tmp_path, monkeypatch):
    studio = keeping()
    run_to_end(studio)
    for action, name in (("export_film", "a.gif"), ("export_report", "a.html")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=name, **__: (str(tmp_path / name), ""))
        studio.window.actions_by_name[action].trigger()
        qtbot.waitUntil((tmp_path / name).exists, timeout=10000)
    assert studio.folders.last == str(tmp_path)


def test_everything_by_keyboard(keeping, qtbot, tmp_path, monkeypatch):
    """Gallery, choose, run, pause, finish, compare, export, quit."""
    studio = keeping()
    window = studio.window
    window.activateWindow()

    def press(key, modifiers=Qt.KeyboardModifier.ControlModifier, at=None):
        qtbot.keyClick(at or window, key, modifiers)

    press(Qt.Key.Key_G)
    assert window.pages.currentWidget() is window.gallery
    card = window.gallery.cards[0]
    card.setFocus(Qt.FocusReason.TabFocusReason)
    press(Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, card)
    qtbot.waitUntil(lambda: studio.session.state == State.RUNNING, timeout=20000)
    press(Qt.Key.Key_P)
    assert studio.session.state == State.PAUSED
    press(Qt.Key.Key_P)
    press(Qt.Key.Key_Return)
    wait_idle(studio, qtbot, lambda: studio.session.result is not None)
    window.pace.setCurrentIndex(0)
    press(Qt.Key.Key_R)
    qtbot.waitUntil(lambda: studio.session.state == State.RUNNING, timeout=20000)
    wait_idle(studio, qtbot, lambda: studio.session.result.status == "done")
    press(Qt.Key.Key_H)
    view = window.history
    qtbot.waitUntil(lambda: view.list.count() >= 1, timeout=10000)
    view.list.setFocus()
    press(Qt.Key.Key_A, at=view.list)
    view.buttons["compare"].setFocus()
    press(Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, view.buttons["compare"])
    qtbot.waitUntil(lambda: window.pages.currentWidget() is window.compare, timeout=10000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "m.png"), ""))
    press(Qt.Key.Key_E)
    qtbot.waitUntil((tmp_path / "m.png").exists, timeout=10000)
    press(Qt.Key.Key_Q)
    assert not window.isVisible()


def test_every_focusable_widget_has_an_accessible_name(keeping, run_to_end):
    from PySide6.QtGui import QAccessible

    studio = keeping()
    run_to_end(studio)
    studio.preferences_dialog.ask()
    studio.help.show_guide()
    studio.help.show_shortcuts()
    studio.console.show()
    studio.pictures.draw()
    nameless = []
    for top in [t for t in QApplication.topLevelWidgets() if t.isVisible()]:
        for widget in [top, *top.findChildren(QWidget)]:
            if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or widget.objectName().startswith("qt_"):
                continue
            if type(widget.parent()).__name__ in ("NumberBox", "WholeBox", "ListBox"):
                continue  # the parts of a field go by its name
            if isinstance(widget.parent(), QAbstractScrollArea) and widget.parent().viewport() is widget:
                continue
            found = QAccessible.queryAccessibleInterface(widget)
            if found is not None and not found.text(QAccessible.Text.Name) and not widget.accessibleName():
                nameless.append(f"{top.windowTitle()}: {type(widget).__name__} in {type(widget.parent()).__name__}")
    for top in QApplication.topLevelWidgets():
        if top is not studio.window:
            top.close()
    nameless = sorted({n for n in nameless if "QScrollArea" not in n and "QSplitter" not in n})
    assert not nameless, nameless


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


def test_recent_files_and_panels(keeping, qtbot, tmp_path):
    from PIL import Image

    studio = keeping()
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "eye.png")
    studio.pictures.open(str(tmp_path / "eye.png"))
    qtbot.waitUntil(lambda: studio.session.spec.image.endswith("eye.png"), timeout=10000)
    studio.pictures.load("sample:digit-1")
    qtbot.waitUntil(lambda: studio.session.spec.image == "sample:digit-1", timeout=10000)
    studio.recent.fill()
    entries = studio.recent.menu.actions()
    assert [a.text() for a in entries] == ["eye.png"]
    entries[0].trigger()
    qtbot.waitUntil(lambda: studio.session.spec.image.endswith("eye.png"), timeout=10000)
    (tmp_path / "eye.png").unlink()
    studio.recent.fill()
    assert not studio.recent.menu.actions()[0].isEnabled()
    for key in ("message", "iterate", "truth"):
        studio.panels_menu.actions[key].trigger()
    assert studio.window.board.shown == ("measurement", "denoised", "mean", "std", "error")
    assert studio.window.stage.is_grid


def test_a_larger_pictures_rows_do_not_stop_a_smaller_one(keeping, qtbot):
    studio = keeping(
        QUICK.replace(prior="natural", operator="dct measurements=8000", size="128", image="sample:photo-cat")
    )
    studio.pictures.load("sample:digit-1")
    qtbot.waitUntil(lambda: studio.session.spec.image == "sample:digit-1", timeout=10000)
    studio.window.image.size_combo.setCurrentText("auto")
    studio.window.image.size_combo.activated.emit(0)
    assert studio.window.run_button.isEnabled(), studio.window.estimate_label.text()
    assert "'mnist'" in studio.window.image.fit_button.text()


def test_a_prior_of_this_program_is_imported(tmp_path):
    from importlib.resources import files
    from pathlib import Path

    from engine.priors.importing.importer import import_prior
    from engine.priors.importing.settings import PriorImport
    from engine.priors.library import priors

    source = Path(str(files("resources"))) / "priors" / "mnist.safetensors"
    copy = tmp_path / "discs.safetensors"
    copy.write_bytes(source.read_bytes())
    path = import_prior(PriorImport(file=str(copy)))
    assert path.name == "discs.safetensors"
    assert priors().parse("discs").load("cpu", (1, 28, 28)).card.name == "discs"


def test_a_dropped_export_brings_its_set_up_back_and_a_move_copies(keeping, qtbot, run_to_end, tmp_path):
    from PySide6.QtCore import QMimeData, QPointF, QUrl
    from PySide6.QtGui import QDropEvent

    studio = keeping()
    run_to_end(studio).write(tmp_path / "out")
    studio.window.seed.setValue(9)
    for name in ("mean.png", "result.npz"):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "out" / name))])
        event = QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.MoveAction | Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        studio.window.dropEvent(event)
        assert event.dropAction() == Qt.DropAction.CopyAction
        qtbot.waitUntil(lambda: studio.session.spec.seed == 0, timeout=10000)
        studio.window.seed.setValue(9)
    assert not studio.window.problem.isVisible()


def test_one_row_is_not_rows(keeping):
    studio = keeping()
    box = studio.window.operator_form.findChild(QWidget, "2  Sensing.measurements")
    box.setValue(1)
    assert box.suffix() == " row"
    box.setValue(2)
    assert box.suffix() == " rows"


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
    assert studio.documents.path_shown.endswith("kept.qcs")
