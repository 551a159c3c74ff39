"""Presentation mode, the size of the interface, and that everything written can be read in every state at every size."""

import contextlib
import os

import pytest
from PySide6.QtCore import QPointF, QSettings, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from specs import QUICK

from engine.runs.presets import presets
from qcs_gui.preferences import Preferences, PreferencesDialog, apply_scale
from qcs_gui.screenshots import SIZES, states
from qcs_gui.widgets.measuring import clipped


@pytest.mark.slow
def test_an_audience_sees_the_stage_alone_in_large_letters(open_studio, qtbot, run_to_end, monkeypatch):
    studio = open_studio(QUICK)
    window, stage = studio.window, studio.window.stage
    window.resize(1280, 720)
    run_to_end(studio)
    before = stage.result_label.font().pixelSize(), stage.amount_label.font().pixelSize()
    studio.presentation.full_screen = False
    qtbot.keyClick(window, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: stage.presenting)
    for widget in (
        window.run_button,
        window.menuBar(),
        window.statusBar(),
        stage.view_bar,
        stage.timeline,
        stage.strip,
    ):
        assert not widget.isVisible()
    for widget in (stage.picture, stage.truth_thumb, stage.measured_thumb, stage.result_label, stage.amount_label):
        assert widget.isVisible()
    qtbot.waitUntil(lambda: stage.result_label.font().pixelSize() >= 1.5 * before[0])
    assert stage.amount_label.font().pixelSize() > before[1]
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: stage.timeline.playing)
    assert stage.picture.key == "iterate"
    qtbot.waitUntil(lambda: not stage.timeline.playing and stage.picture.key == "mean", timeout=20000)
    picture = stage.picture
    picture._moved(picture.panel.box.mapViewToScene(QPointF(14.5, 20.5)))
    assert picture.pointer.isVisible() and f"{result_at(studio, 20, 14):.2f}" in picture.told.toPlainText()
    chosen = []
    monkeypatch.setattr(studio.presentation, "choose", chosen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(window, key)
    names = [p.name for p in studio.presentation.scenes()]
    assert chosen == [names[0], names[1], names[0], names[-1]]
    assert stage.scene_label.text() == {p.name: p.title for p in presets()}[names[-1]]
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not stage.presenting)
    assert window.run_button.isVisible() and stage.timeline.isVisible() and not stage.scene_label.isVisible()
    assert window.actions_by_name["cancel"].shortcut().toString() == "Esc"
    assert not picture.pointing


def result_at(studio, row, column):
    return float(studio.session.result.mean[0, row, column])


def test_space_runs_what_was_not_run_yet(open_studio, qtbot):
    studio = open_studio(QUICK)
    studio.presentation.full_screen = False
    studio.window.actions_by_name["present"].setChecked(True)
    qtbot.keyClick(studio.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: studio.session.result is not None, timeout=60000)


def test_the_interface_has_a_size(tmp_path, monkeypatch, qtbot):
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    preferences = Preferences(settings)
    dialog = PreferencesDialog(None, preferences)
    qtbot.addWidget(dialog)
    assert dialog.scale.value() == 100
    dialog.scale.setValue(150)
    preferences.set(**dialog.chosen())
    monkeypatch.delenv("QT_SCALE_FACTOR", raising=False)
    apply_scale(settings)
    assert os.environ["QT_SCALE_FACTOR"] == "1.5"
    monkeypatch.setenv("QT_SCALE_FACTOR", "2")
    apply_scale(settings)
    assert os.environ["QT_SCALE_FACTOR"] == "2", "the user's shell goes first"
    settings.setValue("scale", 9000)
    assert Preferences(settings)["scale"] == 100


@pytest.mark.slow
def test_everything_written_can_be_read_in_every_state_at_every_size(open_studio, qtbot):
    studio = open_studio(QUICK.replace(samples=8))
    lost = {}
    wanted = [
        "empty", "forming", "paused", "done", "replay", "split", "wall", "uncertainty", "curves", "grid", "drawing", "presenting",
        "sweep",
    ]  # fmt: skip
    seen = []
    for state in states(studio, wanted):
        seen.append(state)
        for width, height in SIZES:
            studio.window.resize(width, height)
            with contextlib.suppress(qtbot.TimeoutError):  # what is still being laid out is not cut off
                qtbot.waitUntil(lambda: not clipped(studio.window), timeout=2000)
            assert (studio.window.width(), studio.window.height()) == (width, height), "it fits into less than that"
            if cut := clipped(studio.window):
                lost[f"{state} at {width} x {height}"] = cut
    assert not lost
    assert seen == wanted


def test_what_is_cut_off_is_found(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(300, 200)
    fine, narrow, low, beyond = (
        QLabel("fine", window),
        QPushButton("much too long", window),
        QLabel("a b c d e", window),
        QLabel("over", window),
    )
    fine.setGeometry(10, 10, 100, 30)
    narrow.setGeometry(10, 50, 40, 30)
    low.setWordWrap(True)
    low.setGeometry(10, 90, 20, 20)
    beyond.setGeometry(280, 10, 100, 30)
    window.show()
    found = " ".join(clipped(window))
    assert "fine" not in found and "much too long" in found and "a b c d e" in found and "over" in found
