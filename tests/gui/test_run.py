"""Runs by real clicks."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from specs import LONG, QUICK

from engine.algorithms.splitting.contrast import NOTE
from engine.runs.job import reconstruct
from engine.runs.spec import RunSpec
from qcs_gui.model import State
from qcs_gui.stage.result import doubts_about


def started(studio, qtbot, click):
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 0, timeout=30000)


def idle(studio, qtbot):
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=20000)


@pytest.mark.slow
def test_run_shows_everything_and_equals_the_command_line(open_studio, run_to_end):
    studio = open_studio()
    result = run_to_end(studio)
    panels = studio.window.board.panels
    for key in ("truth", "measurement", "iterate", "denoised", "mean", "std", "error"):
        assert panels[key].pixels is not None, key
    assert np.array_equal(panels["mean"].pixels, result.mean)
    assert np.allclose(panels["error"].pixels, result.mean - result.truth)
    assert studio.window.strip.count == 3
    for key in ("sigma", "psnr", "psnr_mean", "consistency", "predicted_rmse", "actual_rmse"):
        assert len(studio.window.curves.curves[key].getData()[0]) > 0, key
    assert studio.window.progress.value() == 1000
    assert "PSNR" in studio.window.result_label.text()
    assert np.allclose(reconstruct(QUICK).samples, result.samples, atol=1e-3)


def test_run_again_gives_the_same(open_studio, run_to_end):
    studio = open_studio()
    first = run_to_end(studio)
    assert np.array_equal(run_to_end(studio).samples, first.samples)


def test_pause_resume_finish(open_studio, qtbot, click):
    studio = open_studio(LONG)
    started(studio, qtbot, click)
    window = studio.window
    assert not window.run_button.isEnabled()
    click(window.pause_button)
    assert window.pause_button.text() == "Resume"
    qtbot.wait(300)
    step = studio.panels.newest.step
    qtbot.wait(300)
    assert studio.panels.newest.step == step
    click(window.pause_button)
    qtbot.waitUntil(lambda: studio.panels.newest.step > step, timeout=10000)
    click(window.finish_button)
    idle(studio, qtbot)
    result = studio.session.result
    assert result.status == "finished early"
    assert len(result.samples) == 2
    assert not window.more_button.isEnabled()
    assert window.run_button.isEnabled()


def test_finish_while_paused(open_studio, qtbot, click):
    studio = open_studio(LONG)
    started(studio, qtbot, click)
    click(studio.window.pause_button)
    click(studio.window.finish_button)
    idle(studio, qtbot)
    assert studio.session.result.status == "finished early"


@pytest.mark.slow
def test_cancel_restores_what_was_there(open_studio, run_to_end, qtbot, click):
    studio = open_studio()
    before = run_to_end(studio)
    studio.session.set_spec(LONG)
    shown = studio.panels.frames_shown
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > shown, timeout=30000)
    click(studio.window.cancel_button)
    idle(studio, qtbot)
    assert studio.session.result is before
    assert np.allclose(studio.window.board.panels["mean"].pixels, before.mean, atol=1e-6)
    assert studio.window.timeline.maximum() == len(studio.panels.keyframes.frames) - 1
    assert studio.window.progress.value() == 1000


@pytest.mark.slow
def test_cancel_of_the_first_run_leaves_empty_panels(open_studio, qtbot, click):
    studio = open_studio(LONG)
    started(studio, qtbot, click)
    click(studio.window.cancel_button)
    idle(studio, qtbot)
    assert studio.session.result is None
    assert studio.window.board.panels["mean"].pixels is None
    assert studio.window.run_button.isEnabled()


@pytest.mark.slow
def test_samples_can_be_added(open_studio, run_to_end, qtbot, click):
    studio = open_studio()
    first = run_to_end(studio)
    click(studio.window.more_button)
    idle(studio, qtbot)
    result = studio.session.result
    assert len(result.samples) == 6
    assert np.array_equal(result.samples[:3], first.samples)
    assert not np.allclose(result.samples[3:], first.samples, atol=1e-2)
    assert np.allclose(result.samples, reconstruct(QUICK.replace(samples=6)).samples, atol=1e-3)
    assert studio.window.strip.count == 6
    studio.window.strip.select(5)
    panels = studio.window.board.panels
    assert np.array_equal(panels["denoised"].pixels, result.samples[5])
    assert np.array_equal(panels["std"].pixels, result.std)
    assert np.allclose(panels["error"].pixels, result.mean - result.truth)


@pytest.mark.slow
def test_finishing_added_samples_early_keeps_the_result_as_it_was(open_studio, run_to_end, qtbot, click, monkeypatch):
    studio = open_studio()
    first = run_to_end(studio)
    monkeypatch.setattr(type(studio.runs.control), "proceed", lambda self: False)  # as if Finish came at once
    click(studio.window.more_button)
    idle(studio, qtbot)
    result = studio.session.result
    assert np.array_equal(result.samples, first.samples)
    assert result.status == "done"
    assert "none was kept" in result.notes[-1]


@pytest.mark.slow
def test_a_sample_is_one_click_away(open_studio, run_to_end, qtbot):
    studio = open_studio()
    result = run_to_end(studio)
    strip = studio.window.strip
    position = strip.mapFromScene(strip.box.mapViewToScene(strip.item.mapToView(strip.item.boundingRect().center())))
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert strip.index == 1
    assert np.allclose(studio.window.board.panels["denoised"].pixels, result.samples[1])


@pytest.mark.slow
def test_timeline_looks_back_while_it_runs(open_studio, qtbot, click):
    studio = open_studio(LONG)
    started(studio, qtbot, click)
    qtbot.waitUntil(lambda: len(studio.panels.keyframes.frames) > 5, timeout=30000)
    timeline = studio.window.timeline
    timeline.setValue(1)
    looked_at = studio.panels.keyframes.frames[1]
    frames = studio.panels.frames_shown
    qtbot.waitUntil(lambda: studio.panels.frames_shown > frames + 2, timeout=30000)
    assert studio.panels.shown is looked_at
    timeline.setValue(timeline.maximum())
    qtbot.waitUntil(lambda: studio.panels.shown.step > looked_at.step + 5, timeout=30000)
    click(studio.window.cancel_button)
    idle(studio, qtbot)


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [RuntimeError("boom\nlines"), MemoryError(), SystemExit(3), KeyboardInterrupt(), ValueError()]
)
def test_any_engine_failure_ends_in_a_usable_window(open_studio, run_to_end, monkeypatch, error, qtbot):
    studio = open_studio()
    calls = {"broken": True}
    load = type(QUICK.prior).load

    def broken(self, device="cpu", shape=None):
        if calls["broken"]:
            raise error
        return load(self, device, shape)

    monkeypatch.setattr(type(QUICK.prior), "load", broken)
    run_to_end(studio)
    problem = studio.window.problem
    assert problem.isVisible()
    assert problem.sentence.text()
    assert "\n" not in problem.sentence.text()
    qtbot.mouseClick(problem.copy_button, Qt.MouseButton.LeftButton)
    assert problem.sentence.text() in studio.app.clipboard().text()
    qtbot.mouseClick(problem.close_button, Qt.MouseButton.LeftButton)
    calls["broken"] = False
    assert run_to_end(studio) is not None


@pytest.mark.slow
def test_close_while_running_asks_and_then_ends_all(open_studio, qtbot, click, monkeypatch):
    studio = open_studio(LONG)
    started(studio, qtbot, click)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    assert not studio.window.close()
    assert studio.session.state == State.RUNNING
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    assert studio.window.close()
    assert not studio.runs.worker._thread.is_alive()


@pytest.mark.slow
def test_frames_of_an_old_run_are_dropped(open_studio, run_to_end):
    from dataclasses import replace

    studio = open_studio()
    run_to_end(studio)
    frame, shown = studio.panels.newest, studio.panels.frames_shown
    studio.runs.mailbox.put(replace(frame, run=frame.run - 1))
    studio.runs.poll()
    assert studio.panels.frames_shown == shown


@pytest.mark.slow
def test_copy_as_command_gives_the_same_arrays_to_the_bit(open_studio, run_to_end, tmp_path):
    import shlex

    from engine.cli.main import main

    studio = open_studio()
    result = run_to_end(studio)
    studio.window.actions_by_name["copy_command"].trigger()
    words = shlex.split(studio.app.clipboard().text())[1:]
    words[words.index("--out") + 1] = str(tmp_path / "out")
    assert main([*words, "--threads", "1", "--no-save"]) == 0
    with np.load(tmp_path / "out" / "result.npz") as found:
        for name in ("samples", "mean", "std", "truth"):
            assert np.array_equal(found[name], getattr(result, name)), name


def test_samples_added_twice_and_to_a_run_that_began_later_are_all_new(open_studio, run_to_end, qtbot, click):
    studio = open_studio(QUICK.replace(first_sample=2, samples=2))
    run_to_end(studio)
    for _ in range(2):
        click(studio.window.more_button)
        idle(studio, qtbot)
    result = studio.session.result
    assert len(result.samples) == 6
    assert np.allclose(result.samples, reconstruct(QUICK.replace(first_sample=2, samples=6)).samples, atol=1e-3)


def test_a_guess_of_the_contrast_is_said_under_the_picture(open_studio, click, run_to_end):
    studio = open_studio(
        RunSpec(
            image="sample:photo-cat", prior="natural", size="32", operator="inpainting", quantizer="one-bit", samples=2,
            algorithm="split-gibbs anneal=3 hold=3",
        )
    )  # fmt: skip
    result = run_to_end(studio)
    assert NOTE in result.notes
    said = studio.window.stage.note_label.text()
    assert NOTE in said and result.notes[-1] in said
    # what was done to a file stands beside its name; a run of the command line has it among its notes
    opened = replace(result, notes=("cropped and resized from 256 x 256 to 32 x 32", *result.notes[-1:]))
    assert doubts_about(opened)[-1:] == [result.notes[-1]] and "cropped" not in " ".join(doubts_about(opened))
