"""What the stage shows by itself, from before a run to its end, and that the number beside a picture is that picture's."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from specs import LONG, QUICK

from engine.runs.metrics import psnr
from qcs_gui.model import State
from qcs_gui.stage.result import disagree
from qcs_gui.stage.view_store import VIEWS


def said(studio):
    return studio.window.stage.result_label.text()


def number_said(studio):
    return float(said(studio).split(" dB")[0].split()[-1])


def test_before_a_run_the_picture_stands_on_the_stage_and_what_to_do(open_studio):
    studio = open_studio()
    stage = studio.window.stage
    assert stage.picture.key == "truth" and np.array_equal(stage.picture.panel.pixels, studio.session.pixels)
    assert said(studio) == "Press Run: 200 bits are taken of this picture, and it is rebuilt from them alone."
    assert "200" in stage.amount_label.text() and "25" in stage.amount_label.text()
    assert not stage.timeline.isVisible() and not stage.strip.isVisible()
    studio.window.operator_form.findChild(type(studio.window.noise), "2  Sensing.measurements").setValue(80)
    assert "80 bits" in said(studio)


@pytest.mark.slow
def test_it_forms_on_the_iterate_and_ends_on_the_mean_each_with_its_number(open_studio, qtbot, click):
    studio = open_studio(LONG)
    stage = studio.window.stage
    stage.show_view("error")  # of the time before this run
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 3, timeout=30000)
    assert stage.picture.key == "iterate" and "forms the picture" in said(studio)
    click(studio.window.pause_button)
    assert said(studio).startswith("Paused at step ")
    assert number_said(studio) == pytest.approx(psnr(stage.picture.panel.pixels, studio.session.pixels), abs=0.06)
    click(studio.window.pause_button)
    click(studio.window.finish_button)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=30000)
    result = studio.session.result
    assert stage.picture.key == "mean" and np.array_equal(stage.picture.panel.pixels, result.mean)
    assert stage.picture.fading.isVisible() and stage.picture.fading.image.shape == (28, 28)
    assert number_said(studio) == pytest.approx(psnr(result.mean, result.truth), abs=0.06)
    studio.window.strip.select(1)
    assert stage.picture.key == "denoised" and "sample 2" in said(studio)
    assert number_said(studio) == pytest.approx(psnr(result.samples[1], result.truth), abs=0.06)
    stage.show_view("error")
    assert "PSNR" not in said(studio) and "error 0." in said(studio)


@pytest.mark.slow
def test_a_view_that_was_chosen_while_it_runs_stays_until_the_next_run(open_studio, qtbot, click, run_to_end):
    studio = open_studio(LONG)
    stage = studio.window.stage
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 2, timeout=30000)
    click(stage.view_buttons["denoised"])
    click(studio.window.finish_button)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=30000)
    assert stage.picture.key == "denoised" and not stage.follow_button.isChecked()
    click(stage.follow_button)
    assert stage.picture.key == "mean"
    stage.show_view("truth")
    studio.session.set_spec(QUICK)
    run_to_end(studio)
    assert stage.picture.key == "mean" and stage.follow_button.isChecked()


@pytest.mark.slow
def test_a_key_that_is_held_shows_the_truth(open_studio, run_to_end, qtbot):
    studio = open_studio()
    result, stage = run_to_end(studio), studio.window.stage
    qtbot.keyPress(studio.window, Qt.Key.Key_T)
    assert np.array_equal(stage.picture.panel.pixels, result.truth) and stage.picture.key == "mean"
    qtbot.keyRelease(studio.window, Qt.Key.Key_T)
    assert np.array_equal(stage.picture.panel.pixels, result.mean)


@pytest.mark.slow
def test_samples_that_differ_end_on_the_wall_and_a_click_shows_one(open_studio, run_to_end, qtbot):
    studio = open_studio(
        QUICK.replace(image="sample:digit-5", operator="gaussian measurements=40", algorithm="turbo", samples=8)
    )
    result, stage = run_to_end(studio), studio.window.stage
    assert disagree(result.samples)
    assert stage.is_wall and stage.wall.count == 8 and not stage.strip.isVisible()
    assert "8 pictures that fit the same 40 bits" in said(studio)
    wall = stage.wall
    qtbot.waitUntil(lambda: wall.item.pixelVectors()[0] is not None)
    middle = wall.box.mapViewToScene(wall.item.mapToView(wall.item.boundingRect().topLeft() + QPoint(10, 10)))
    qtbot.mouseClick(wall.viewport(), Qt.MouseButton.LeftButton, pos=wall.mapFromScene(middle))
    assert not stage.is_wall and stage.picture.key == "denoised"
    assert np.array_equal(stage.picture.panel.pixels, result.samples[0])
    qtbot.keyClick(studio.window, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: stage.is_wall)


def test_samples_agree_or_not():
    generator = np.random.default_rng(0)
    one = generator.random((1, 1, 16, 16))
    assert not disagree(one + 0.1 * generator.random((8, 1, 16, 16)))
    assert disagree(generator.random((8, 1, 16, 16)))
    assert not disagree(generator.random((2, 1, 16, 16))), "two are no crowd"


@pytest.mark.slow
def test_replaying_goes_through_the_same_scenes(open_studio, run_to_end):
    studio = open_studio()
    run_to_end(studio)
    stage, timeline = studio.window.stage, studio.window.timeline
    timeline.setValue(1)
    assert stage.picture.key == "iterate" and said(studio).startswith("Step ")
    timeline.setValue(timeline.maximum())
    assert stage.picture.key == "mean" and said(studio).startswith("Done")


@pytest.mark.slow
def test_another_picture_is_shown_in_the_place_of_the_last_result(open_studio, run_to_end, qtbot):
    studio = open_studio()
    run_to_end(studio)
    stage = studio.window.stage
    studio.pictures.load("sample:digit-7")
    qtbot.waitUntil(lambda: studio.session.spec.image == "sample:digit-7", timeout=10000)
    assert stage.picture.key == "truth" and np.array_equal(stage.picture.panel.pixels, studio.session.pixels)
    assert said(studio).startswith("Press Run") and not stage.details_label.isVisible()
    stage.show_view("mean")
    assert said(studio).startswith("Done")


def test_one_draws_beside_what_comes_of_it(open_studio, qtbot):
    studio = open_studio()
    studio.window.resize(1280, 720)
    studio.pictures.draw()
    panel, picture = studio.pictures.dialog, studio.window.stage.picture
    qtbot.waitUntil(panel.isVisible)
    assert panel.window() is studio.window
    right = panel.mapTo(studio.window, panel.rect().topRight()).x()
    assert right < picture.mapTo(studio.window, QPoint(0, 0)).x()
    qtbot.waitUntil(lambda: picture.width() > 300)
    qtbot.mouseClick(panel.canvas, Qt.MouseButton.LeftButton)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.canvas.pixels().max() == 0, "its own undo, not the set-up's"
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Escape)
    assert studio.pictures.dialog is None and not panel.isVisible()


def test_every_view_has_its_button(open_studio):
    assert set(open_studio().window.stage.view_buttons) == set(VIEWS)
