"""The stage: views by button and key, split, grid, ranges, menus, curves, replay, uncertainty."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from specs import LONG, QUICK

from qcs_gui.stage.view_store import VIEWS, ViewStore, fitting
from qcs_gui.view_state import restore_view, view_state


@pytest.fixture
def done(open_studio, run_to_end):
    studio = open_studio(QUICK.replace(samples=8))
    run_to_end(studio)
    return studio


@pytest.mark.slow
def test_views_by_button_key_and_thumb(done, qtbot, click):
    stage = done.window.stage
    for number, key in enumerate(VIEWS, start=1):
        click(stage.view_buttons[key])
        assert stage.picture.key == key
        assert stage.view_buttons[key].isChecked()
    qtbot.keyClick(done.window, Qt.Key.Key_5)
    qtbot.waitUntil(lambda: stage.picture.key == "mean")
    assert np.array_equal(stage.picture.panel.pixels, done.session.result.mean)
    qtbot.mouseClick(stage.truth_thumb, Qt.MouseButton.LeftButton)
    assert stage.picture.key == "truth"
    assert stage.amount_label.text().replace("\N{NO-BREAK SPACE}", " ") == "200 bits = 25 bytes"


@pytest.mark.slow
def test_digits_typed_into_a_field_choose_no_view(done, qtbot):
    stage = done.window.stage
    stage.show_view("truth")
    done.window.seed.setFocus()
    qtbot.keyClicks(done.window.seed, "5")
    assert stage.picture.key == "truth"


@pytest.mark.slow
def test_split_shows_both_sides_of_the_line(done, click):
    picture = done.window.stage.picture
    done.window.show_view("mean")
    click(done.window.stage.split_button)
    assert picture.other == "truth" and picture.right.isVisible()
    assert picture.right.image.shape == (28, 14)
    picture.line.setValue(20)
    assert picture.right.image.shape == (28, 8)
    assert np.allclose(picture.right.image, done.session.result.truth[0][:, 20:])
    click(done.window.stage.split_button)
    assert not picture.right.isVisible()


@pytest.mark.slow
def test_grid_enlarges_by_a_double_click(done, click):
    stage = done.window.stage
    click(stage.grid_button)
    assert stage.is_grid
    stage.board.panels["std"].box.double_clicked.emit()
    assert not stage.is_grid and stage.picture.key == "std"
    stage.board.show_panels(["mean", "error"])
    assert stage.board.shown == ("mean", "error")


@pytest.mark.slow
def test_nothing_on_a_plot_can_be_turned_by_accident(done, qtbot):
    curves = done.window.curves
    done.window.actions_by_name["diagnostics"].setChecked(True)
    qtbot.wait(50)
    plot = curves.plots["PSNR (dB)"]
    before = plot.viewRange()
    assert plot.getPlotItem().getViewBox().state["mouseEnabled"] == [False, False]
    assert not plot.getPlotItem().menuEnabled()
    assert not done.window.stage.picture.panel.bar.interactive
    assert plot.viewRange() == before
    assert curves.plots["PSNR (dB)"].isVisible()


@pytest.mark.slow
def test_a_click_on_a_curve_goes_to_that_step(done):
    frames = done.panels.keyframes.frames
    done.window.curves.clicked.emit(frames[1].step)
    assert done.panels.shown is frames[1]
    done.window.actions_by_name["live_end"].trigger()
    assert done.panels.shown is frames[-1]


@pytest.mark.slow
def test_a_run_is_played(done, qtbot, click):
    timeline = done.window.stage.timeline
    timeline.rate.setCurrentText("20 / s")
    click(timeline.play_button)
    assert done.window.timeline.value() == 0
    qtbot.waitUntil(lambda: done.window.timeline.value() == done.window.timeline.maximum(), timeout=5000)
    qtbot.waitUntil(lambda: not timeline.play_button.isChecked(), timeout=2000)
    timeline.loop.setChecked(True)
    click(timeline.play_button)
    qtbot.waitUntil(lambda: done.window.timeline.value() == done.window.timeline.maximum(), timeout=5000)
    qtbot.waitUntil(lambda: done.window.timeline.value() < done.window.timeline.maximum(), timeout=2000)
    click(timeline.play_button)


@pytest.mark.slow
def test_a_click_on_the_timeline_jumps(done, qtbot):
    slider = done.window.timeline
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    assert abs(slider.value() - slider.maximum() / 2) <= 1


@pytest.mark.slow
def test_pixels_pairs_and_calibration(done, qtbot):
    panel = done.window.stage.uncertainty
    done.window.stage.picture.clicked.emit(10, 14)
    assert panel.isVisible()
    assert "row 10, column 14" in panel.pixel_label.text() and "truth" in panel.pixel_label.text()
    done.uncertainty.choose((20, 14), second=True)
    assert "with probability" in panel.pixel_label.text()
    assert "90 %" in panel.sentence.text()
    store = done.window.stage.store
    assert store.pixels["interval"].shape == (1, 28, 28)
    panel.threshold.setValue(90)
    expected = (done.session.result.samples[:, 0] > 0.9).mean(0)
    assert np.allclose(store.pixels["probability"][0], expected)


@pytest.mark.slow
def test_methods_without_samples_say_why(open_studio, run_to_end):
    studio = open_studio(QUICK.replace(algorithm="plug-and-play steps=2"))
    run_to_end(studio)
    panel = studio.window.stage.uncertainty
    assert "one estimate and no posterior samples" in panel.sentence.text()
    assert panel.coverage_plot.isHidden()
    assert studio.window.stage.store.pixels["interval"] is None


@pytest.mark.slow
def test_the_menu_copies_and_recolours(done, tmp_path):
    menu = done.menu.build("std")
    texts = [a.text() for a in menu.actions()]
    assert "Copy image" in texts and "Save image ..." in texts
    done.menu.copy("std")
    image = done.app.clipboard().image()
    assert (image.width(), image.height()) == (28, 28)
    done.window.stage.store.set_map("std", "magma")
    assert done.window.stage.store.map("std") == "magma"
    done.menu.save("mean", tmp_path / "m.png")
    assert (tmp_path / "m.png").stat().st_size > 60
    done.window.actions_by_name["reset_contrast"].trigger()
    assert done.window.stage.store.map("std") == "viridis"


def test_ranges_fit_the_data_until_they_are_fixed():
    store = ViewStore()
    small, large = np.full((1, 4, 4), 0.04, np.float32), np.full((1, 4, 4), 0.3, np.float32)
    store.set_image("std", small)
    assert store.range("std") == (0.0, 0.05)
    store.set_image("std", large)
    assert store.range("std") == (0.0, 0.3)
    store.fix(True)
    store.set_image("std", small.copy())
    assert store.range("std") == (0.0, 0.3)
    store.fix(False)
    assert store.range("std") == (0.0, 0.05)
    assert fitting("error", -large) == (-0.3, 0.3)


@pytest.mark.slow
def test_the_view_is_kept_and_restored(done):
    window = done.window
    window.show_view("error")
    window.stage.store.set_map("error", "magma")
    window.stage.board.show_panels(["truth", "mean"])
    window.actions_by_name["diagnostics"].setChecked(True)
    state = view_state(window)
    window.show_view("truth")
    window.stage.store.reset_contrast()
    window.actions_by_name["diagnostics"].setChecked(False)
    restore_view(window, state)
    assert window.stage.picture.key == "error"
    assert window.stage.board.shown == ("truth", "mean")
    assert window.stage.store.map("error") == "magma"
    assert window.actions_by_name["diagnostics"].isChecked()
    restore_view(
        window, {"view": 3, "panels": "x", "splitter": [1], "levels": {"std": "a"}, "fixed": True, "colours": 1}
    )


@pytest.mark.slow
def test_escape_in_a_field_does_not_cancel(open_studio, qtbot, click):
    studio = open_studio(LONG)
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 0, timeout=30000)
    seed = studio.window.seed
    seed.setFocus()
    seed.lineEdit().setText("77")
    qtbot.keyClick(seed, Qt.Key.Key_Escape)
    assert seed.lineEdit().text() == "0"
    assert studio.session.state == "running"
    studio.window.run_button.setFocus()
    qtbot.keyClick(studio.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: studio.session.state == "ready", timeout=20000)
