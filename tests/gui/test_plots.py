"""Plots and labels that can be read: room for curves, names outside of them, halves that are named, one colour scale."""

import dataclasses

import numpy as np
import pytest
from PySide6.QtWidgets import QMessageBox
from specs import LONG, QUICK

import qcs_gui.library.export
from qcs_gui.model import State


@pytest.mark.slow
def test_curves_have_room_and_are_named_outside_of_it(open_studio, run_to_end, qtbot):
    studio = open_studio(QUICK)
    run_to_end(studio)
    studio.window.resize(1280, 720)
    studio.window.actions_by_name["diagnostics"].setChecked(True)
    curves = studio.window.curves
    plot, legend = curves.plots["PSNR (dB)"], curves.legends["PSNR (dB)"]
    qtbot.waitUntil(plot.isVisible)
    assert plot.height() >= 120
    assert "one estimate" in legend.text() and "mean" in legend.text()
    assert legend.geometry().bottom() <= plot.geometry().top()
    assert "misfit" not in curves.legends["Noise level and error"].text(), "only what there is"


@pytest.mark.slow
def test_the_halves_of_a_split_are_named(open_studio, run_to_end, click):
    studio = open_studio(QUICK)
    run_to_end(studio)
    picture = studio.window.stage.picture
    click(studio.window.stage.split_button)
    assert [n.toPlainText() for n in picture.names] == ["Mean", "Truth"] and all(n.isVisible() for n in picture.names)
    assert picture.names[0].pos().x() == 0 and picture.names[1].pos().x() == 28
    click(studio.window.stage.split_button)
    assert not any(n.isVisible() for n in picture.names)


@pytest.mark.slow
def test_small_pictures_have_the_colours_of_the_large_one(open_studio, run_to_end):
    studio = open_studio(QUICK)
    run_to_end(studio)
    stage = studio.window.stage
    for key, thumb in (("truth", stage.truth_thumb), ("measurement", stage.measured_thumb)):
        stage.store.set_map(key, "magma")
        studio.panels.show(studio.panels.shown)
        large = studio.menu.image(key)
        assert thumb.image == large
    stage.store.set_map("denoised", "viridis")
    studio.panels.show(studio.panels.shown)
    assert stage.strip._look[0] == "viridis"


@pytest.mark.slow
def test_one_sample_has_no_spread_and_says_so(open_studio, run_to_end):
    studio = open_studio(QUICK.replace(samples=1))
    run_to_end(studio)
    assert studio.window.stage.store.title("std") == "Spread: needs two samples"
    assert studio.window.stage.store.pixels["std"] is None


@pytest.mark.parametrize("installed", [True, False])
def test_a_film_is_offered_as_what_can_be_written(monkeypatch, installed):
    monkeypatch.setattr(
        qcs_gui.library.export.importlib.util, "find_spec", lambda name: object() if installed else None
    )
    assert ("mp4" in qcs_gui.library.export.film_filters()) is installed


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["Keep the estimate so far", "Cancel the run", "Go on"])
def test_a_long_run_is_not_thrown_away_unasked(open_studio, qtbot, click, answer):
    studio = open_studio(LONG)
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 1, timeout=30000)
    click(studio.window.pause_button)
    studio.panels.newest = dataclasses.replace(studio.panels.newest, elapsed=95.0)
    click(studio.window.cancel_button)
    box = studio.runs.question
    assert isinstance(box, QMessageBox) and box.isVisible() and "95 s" in box.text()
    assert studio.session.state == State.PAUSED, "nothing has happened yet"
    click(next(b for b in box.buttons() if b.text() == answer))
    if answer == "Go on":
        assert studio.session.state == State.PAUSED
        studio.runs._cancel()
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=30000)
    assert (studio.session.result is not None) is (answer == "Keep the estimate so far")
    if studio.session.result is not None:
        assert np.isfinite(studio.session.result.mean).all()
