"""Whole ways through the window: gallery, undo, keyboard, drops, what a new user stumbled over."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFileDialog, QWidget
from specs import QUICK

from qcs_gui.model import State


def wait_idle(studio, qtbot, condition=lambda: True):
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and condition(), timeout=60000)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_new_goes_back_to_the_defaults(keeping, qtbot, run_to_end):
    studio = keeping()
    run_to_end(studio)
    studio.window.noise.setValue(0.4)
    studio.window.actions_by_name["new"].trigger()
    qtbot.waitUntil(lambda: studio.session.spec.noise == 0.05, timeout=10000)
    assert studio.session.result is None
    assert studio.window.board.panels["mean"].pixels is None


@pytest.mark.slow
def test_everything_by_keyboard(keeping, qtbot, tmp_path, monkeypatch):
    """Gallery, choose, run, pause, finish, compare, export, quit."""
    studio = keeping()
    window = studio.window
    window.activateWindow()

    def press(key, modifiers=Qt.KeyboardModifier.ControlModifier, at=None):
        qtbot.keyClick(at or window, key, modifiers)

    press(Qt.Key.Key_G)
    assert window.pages.currentWidget() is window.gallery
    card = next(c for c in window.gallery.cards if c.preset.name == "digit-200-bits")
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


@pytest.mark.slow
def test_every_focusable_widget_has_an_accessible_name(keeping, run_to_end):
    from PySide6.QtGui import QAccessible

    studio = keeping()
    run_to_end(studio)
    studio.preferences_dialog.ask()
    studio.help.show_guide()
    studio.help.show_shortcuts()
    studio.context.console.show()
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


@pytest.mark.slow
def test_recent_files_and_panels(keeping, qtbot, tmp_path):
    from PIL import Image

    studio = keeping()
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "eye.png")
    studio.opening.open(str(tmp_path / "eye.png"))
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_dropped_export_brings_its_set_up_back_and_a_move_copies(keeping, qtbot, run_to_end, tmp_path):
    from PySide6.QtCore import QMimeData, QUrl
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
    assert box.text() == "1 row"
    box.setValue(2)
    assert box.text() == "2 rows"
