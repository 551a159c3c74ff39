"""The prior page, the stage and the training dialog for priors that are no denoisers."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from engine.runs.spec import RunSpec
from qcs_gui.model import State


def test_a_sparsity_prior_shows_its_card_and_says_what_it_has_not(open_studio, qtbot):
    studio = open_studio()
    studio.window.actions_by_name["prior_page"].trigger()
    page = studio.prior_page.page
    qtbot.waitUntil(lambda: page is not None and page.isVisible())
    page.combo.setCurrentIndex(page.combo.findData("wavelet"))
    page.combo.activated.emit(page.combo.currentIndex())
    assert not page.draw_button.isEnabled() and "no samples" in page.drawn.text()
    assert "no denoiser" in page.verdict.text()
    page.combo.setCurrentIndex(page.combo.findData("mnist"))
    page.combo.activated.emit(page.combo.currentIndex())
    assert page.draw_button.isEnabled()


def test_restarts_show_their_loss_and_the_best_is_chosen(open_studio, qtbot, click):
    studio = open_studio(
        RunSpec(
            image="sample:digit-3", prior="vae-mnist", operator="gaussian measurements=100", quantizer="none",
            algorithm="csgm steps=40 rate=0.1", samples=4, device="cpu",
        )
    )  # fmt: skip
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and studio.session.result is not None, timeout=60000)
    frame = studio.panels.newest
    assert len(frame.losses) == 4 and studio.window.strip.index == frame.best
    assert np.array_equal(studio.session.result.mean, studio.session.result.samples[frame.best])
    assert "the best" in studio.panels.store.title("denoised")


def test_a_generator_is_walked_through_and_fitted(open_studio, qtbot, click):
    studio = open_studio(RunSpec(image="sample:digit-3", prior="vae-mnist", samples=1, device="cpu"))
    studio.window.actions_by_name["prior_page"].trigger()
    page = studio.prior_page.page
    qtbot.waitUntil(lambda: page.walk.pictures.pixels[0] is not None, timeout=60000)
    first = page.walk.pictures.pixels[0]
    page.walk.pad.resize(200, 200)
    qtbot.mouseClick(page.walk.pad, Qt.MouseButton.LeftButton, pos=QPoint(150, 60))
    qtbot.waitUntil(lambda: not np.array_equal(page.walk.pictures.pixels[0], first), timeout=60000)
    assert page.walk.pad.across > 0 > page.walk.pad.down
    click(page.walk.fit_button)
    wanted = studio.session.pixels
    qtbot.waitUntil(lambda: float(np.square(page.walk.pictures.pixels[0] - wanted).mean()) < 0.02, timeout=60000)
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.sheet.samples is not None and len(page.sheet.samples) == 8, timeout=60000)
    assert "error" in page.card.facts()["Best latent"]
    assert not page.levels.isEnabled() and not page.shown.isEnabled()  # it draws in one step


@pytest.mark.slow
def test_the_training_dialog_offers_generators(open_studio, qtbot):
    studio = open_studio()
    studio.window.actions_by_name["train_prior"].trigger()
    d = studio.training.dialog
    assert "sigma_min" in d.panel.fields
    d.kind_combo.setCurrentIndex(1)
    assert d.loss_label.text() == "Loss"  # nothing is 1 about it
    assert "latent" in d.panel.fields and d.panel.fields["method"].currentText() == "vae"
