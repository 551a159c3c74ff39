"""Live mode, drawings, pace."""

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from engine.runs.library import Library
from qcs_gui.model import State
from qcs_gui.preferences import PreferencesDialog


def wait_idle(studio, qtbot, condition=lambda: True):
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and condition(), timeout=60000)


@pytest.mark.slow
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
    qtbot.waitUntil(lambda: not studio.runs.worker.busy, timeout=60000)


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


@pytest.mark.slow
def test_a_run_can_be_slowed_and_its_time_is_the_engines(keeping, qtbot, click):
    studio = keeping()
    studio.window.pace.setCurrentText("At least 6 s")
    import time

    start = time.monotonic()
    click(studio.window.run_button)
    wait_idle(studio, qtbot, lambda: studio.session.result is not None)
    took = time.monotonic() - start
    assert took > 4
    assert studio.session.result.seconds < 0.7 * took
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.session.state == State.RUNNING, timeout=60000)
    start = time.monotonic()
    click(studio.window.cancel_button)
    wait_idle(studio, qtbot)
    assert time.monotonic() - start < 2


@pytest.mark.slow
def test_a_live_picture_is_never_taken_for_the_result(keeping, qtbot, click, run_to_end):
    studio = keeping()
    result = run_to_end(studio)
    actions = studio.window.actions_by_name
    click(studio.window.live_button)
    qtbot.waitUntil(lambda: len(studio.live.latencies) > 0, timeout=20000)
    assert not np.array_equal(studio.window.board.panels["mean"].pixels, result.mean)
    assert not any(actions[n].isEnabled() for n in ("export_mean", "export_all", "export_film", "save_result"))
    click(studio.window.live_button)
    assert np.array_equal(studio.window.board.panels["mean"].pixels, result.mean)
    assert "Done" in studio.window.result_label.text()
    assert actions["export_mean"].isEnabled() and actions["save_result"].isEnabled()
    qtbot.waitUntil(lambda: not studio.runs.worker.busy, timeout=60000)


def test_a_drawing_given_up_leaves_the_picture_as_it_was(keeping, qtbot, click):
    studio = keeping()
    before = studio.session.pixels
    click(studio.window.live_button)
    studio.pictures.draw()
    qtbot.mouseClick(studio.pictures.dialog.canvas, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.session.stroke is not None, timeout=60000)
    assert studio.session.pixels is before, "a run's recipe names this one"
    assert studio.session.live_pixels().shape == (1, 28, 28)
    studio.pictures.dialog.reject()
    assert studio.session.stroke is None and studio.session.live_pixels() is before
    click(studio.window.live_button)
    qtbot.waitUntil(lambda: not studio.runs.worker.busy, timeout=60000)


@pytest.mark.parametrize("able", [False, True])
def test_fast_previews_are_in_bfloat16_where_there_is_one_and_runs_are_not(
    keeping, qtbot, click, run_to_end, monkeypatch, able
):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: able, raising=False)
    studio = keeping()

    def answer():
        studio.live.ask()
        asked = -studio.live._number  # an answer to what was asked before may come first
        qtbot.waitUntil(lambda: studio.panels.newest is not None and studio.panels.newest.run == asked, timeout=20000)
        return studio.panels.newest

    click(studio.window.live_button)
    plain = answer()
    assert plain.precision == "float32" and "bfloat16" not in studio.window.result_label.text()
    studio.preferences_dialog.ask()
    dialog = studio.window.findChild(PreferencesDialog)
    assert not dialog.fast.isChecked()
    dialog.fast.setChecked(True)
    dialog.accept()
    assert studio.preferences["fast_previews"]
    quick = answer()
    assert quick.precision == ("bfloat16" if able else "float32")
    assert ("bfloat16" in studio.window.result_label.text()) is able
    assert np.array_equal(quick.mean, plain.mean) is not able
    assert np.abs(quick.mean - plain.mean).mean() < 0.01
    click(studio.window.live_button)
    qtbot.waitUntil(lambda: not studio.runs.worker.busy, timeout=60000)
    assert run_to_end(studio).facts["precision"] == "float32"
