"""The page about a prior, by its real widgets."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
)
from specs import QUICK

from engine.priors.choice import FilePrior
from engine.priors.library import priors
from qcs_gui.model import State
from qcs_gui.priors.card_text import card_text, variants_of
from qcs_gui.priors.prior_dialog import ERROR, ESTIMATE, ITERATE


def threads():
    return [t for t in threading.enumerate() if t.name == "prior page"]


@pytest.fixture
def page(open_studio, qtbot):
    studio = open_studio()
    studio.window.actions_by_name["prior_page"].trigger()
    page = studio.prior_page.page
    qtbot.waitUntil(lambda: "PSNR" in page.verdict.text(), timeout=60000)
    yield studio, page
    studio.prior_page.close()
    assert not threads()


def look_at(page, name):
    page.combo.setCurrentIndex(page.combo.findData(name))


@pytest.mark.slow
def test_the_menu_opens_the_card_of_the_windows_prior(page):
    studio, page = page
    facts = page.card.facts()
    assert page.isVisible()
    assert not page.isModal()
    assert page.combo.currentData() == "mnist"
    assert "MNIST" in page.card.title.text()
    assert page.card.licence.text() == "Licence: Images and weights: CC BY-SA 3.0"
    assert page.card.licence.objectName() != "warning"
    assert facts["Parameters"] == "2,106,916"
    assert facts["Image size"] == "28 x 28, grey"
    assert "0.005 to 60" in facts["Noise levels"]
    assert page.card.command.toPlainText().startswith("qcs train ")
    assert len(page.card.plot.curve.getData()[0]) == 16
    assert "RMSE" in page.card.plot.toolTip()
    assert not page.use_button.isEnabled()
    assert not page.files.isVisible()
    page.card.copy_button.click()
    assert studio.app.clipboard().text().startswith("qcs train ")


@pytest.mark.slow
def test_other_priors_can_be_looked_at_and_a_restricted_licence_warns(page):
    studio, page = page
    look_at(page, "natural")
    assert page.card.licence.text().startswith("Restricted use: ")
    assert page.card.licence.objectName() == "warning"
    assert page.card.facts()["Image size"].startswith("any size, grey")
    look_at(page, "gaussian")
    assert page.card.licence.isHidden()
    assert page.card.training.isHidden()
    assert page.card.plot.isHidden()
    assert all(page.card.facts().values())
    assert studio.session.spec.prior.name == "mnist"


@pytest.mark.slow
def test_samples_are_drawn_live_and_numbered_on(page, qtbot, click):
    _, page = page
    page.levels.setValue(4)
    page.count.setValue(3)
    click(page.draw_button)
    assert page.stop_button.isEnabled()
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Done"), timeout=60000)
    first = page.sheet.samples
    assert first.shape == (3, 1, 28, 28)
    assert np.isfinite(first).all()
    assert "samples 1 to 3" in page.drawn.text()
    assert page.progress.value() == page.progress.maximum()
    page.shown.setCurrentText(ESTIMATE)
    assert np.array_equal(page.sheet.samples, first)  # the last denoising is the sample
    click(page.draw_button)
    qtbot.waitUntil(lambda: "samples 4 to 6" in page.drawn.text(), timeout=60000)
    assert not np.allclose(page.sheet.samples, first)
    assert page.draw_button.isEnabled() and not page.stop_button.isEnabled()


@pytest.mark.slow
def test_iterates_come_before_the_end_and_stop_keeps_what_is_shown(page, qtbot, click):
    _, page = page
    page.levels.setValue(1000)
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Step "), timeout=60000)
    click(page.stop_button)
    assert page.drawn.text().startswith("Stopped at step ")
    assert len(page.sheet.samples) == 16  # eight iterates over eight estimates
    page.shown.setCurrentText(ITERATE)
    shown = page.sheet.samples
    assert len(shown) == 8
    assert np.abs(shown).max() > 5
    page.levels.setValue(3)
    qtbot.wait(200)
    assert page.sheet.samples is shown
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Done"), timeout=60000)


def test_the_slider_changes_the_noise_but_not_its_pattern(page, qtbot):
    studio, page = page
    clean, low = studio.session.pixels, page.sigma()
    assert np.array_equal(page.trio.pixels[2], clean)
    before, text = page.trio.pixels[0], page.verdict.text()
    page.slider.setValue(page.slider.value() + 300)
    high = page.sigma()
    assert high > low
    qtbot.waitUntil(lambda: f"sigma {high:.3g}:" in page.verdict.text(), timeout=60000)
    assert page.verdict.text() != text
    after = page.trio.pixels[0]
    assert np.allclose((after - clean) / high, (before - clean) / low, atol=1e-4)
    error = page.trio.pixels[1] - clean
    assert np.square(error).mean() < np.square(after - clean).mean() / 4
    assert page.card.plot.point.getData()[0][0] == pytest.approx(np.log10(high))
    page.third.setCurrentText(ERROR)
    assert np.allclose(page.trio.pixels[2], error)


def test_only_the_newest_place_of_the_slider_is_computed(page, qtbot, monkeypatch):
    studio, page = page
    computed = []
    real = studio.prior_page.demo._demonstrator

    def count(request):
        computed.append(request.sigma)
        return real(request)

    studio.prior_page.demo._demonstrator = count
    for value in range(100, 200):
        page.slider.setValue(value)
    qtbot.waitUntil(lambda: f"sigma {page.sigma():.3g}:" in page.verdict.text(), timeout=60000)
    assert computed[-1] == page.sigma() and len(computed) < 10  # of a hundred


def test_another_picture_is_denoised_when_the_window_loads_it(page, qtbot):
    studio, page = page
    before = page.trio.pixels[2]
    studio.pictures.load("sample:digit-7")
    qtbot.waitUntil(lambda: page.trio.pixels[2] is not before, timeout=60000)
    assert np.array_equal(page.trio.pixels[2], studio.session.pixels)


@pytest.mark.slow
def test_a_large_picture_is_denoised_in_its_middle(page, qtbot):
    studio, page = page
    look_at(page, "gaussian")
    qtbot.waitUntil(lambda: "28 x 28, grey" in page.verdict.text(), timeout=60000)
    rng = np.random.default_rng(0)
    studio.session.set_image(rng.random((3, 300, 400), np.float32), "large.png")
    qtbot.waitUntil(lambda: "The middle 256 x 256 of 400 x 300, colour" in page.verdict.text(), timeout=60000)
    assert page.trio.pixels[1].shape == (3, 256, 256)


def test_without_a_picture_the_demo_says_so(page, qtbot):
    studio, page = page
    studio.session.set_measurement(studio.session.spec, (1, 28, 28))
    assert "no picture" in page.verdict.text()
    assert page.trio.pixels == [None, None, None]
    qtbot.wait(100)
    assert "no picture" in page.verdict.text()


def test_use_this_prior_is_the_same_as_choosing_it_in_the_form(page, click, qtbot):
    studio, page = page
    form = studio.window.prior_form
    form.combo.setCurrentIndex(form.combo.findData("mixture"))
    by_hand, note = studio.session.spec, studio.window.estimate_label.text()
    assert page.combo.currentData() == "mixture"  # the page follows the window ...
    form.combo.setCurrentIndex(form.combo.findData("mnist"))
    look_at(page, "mixture")
    assert "another prior" in page.says.text()
    click(page.use_button)
    assert studio.session.spec == by_hand
    assert studio.window.estimate_label.text()[:9] == note[:9] == "This run:"
    assert form.name() == "mixture"
    assert not page.use_button.isEnabled()
    look_at(page, "natural")
    studio.window.seed.setValue(5)
    assert page.combo.currentData() == "natural"  # ... until another one is chosen on it
    qtbot.waitUntil(lambda: "28 x 28" in page.verdict.text(), timeout=60000)


def test_a_prior_that_cannot_be_taken_says_why(page, click):
    studio, page = page
    spec = studio.session.spec.replace(prior=priors().parse("gaussian"), measurement="own.npz")
    studio.session.set_measurement(spec, (1, 32, 32))
    look_at(page, "mnist")
    click(page.use_button)
    assert studio.session.spec.prior.name == "gaussian"
    assert "32 x 32" in page.says.text()


def test_closing_leaves_no_thread_and_the_page_opens_again(page, qtbot, click):
    studio, page = page
    page.levels.setValue(1000)
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Step "), timeout=60000)
    page.reject()
    qtbot.waitUntil(lambda: not threads(), timeout=60000)
    page.levels.setValue(2)
    studio.window.actions_by_name["prior_page"].trigger()
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Done"), timeout=60000)
    assert threads()


def test_closing_the_window_ends_a_drawing(open_studio, qtbot, click):
    studio = open_studio()
    studio.window.actions_by_name["prior_page"].trigger()
    page = studio.prior_page.page
    page.levels.setValue(1000)
    click(page.draw_button)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Step "), timeout=60000)
    assert studio.close()
    assert not threads()
    assert not page.isVisible()


@pytest.mark.slow
def test_a_run_goes_on_while_samples_are_drawn(page, qtbot, click, run_to_end):
    studio, page = page
    alone = run_to_end(studio)
    page.levels.setValue(10)
    click(page.draw_button)
    click(studio.window.run_button)
    page.slider.setValue(250)
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=60000)
    qtbot.waitUntil(lambda: page.drawn.text().startswith("Done"), timeout=60000)
    assert studio.session.spec == QUICK
    assert np.array_equal(studio.session.result.mean, alone.mean)


@pytest.mark.slow
def test_a_broken_prior_is_one_sentence(page, qtbot, click, monkeypatch):
    studio, page = page

    def fail(*_):
        raise RuntimeError("no such network")

    monkeypatch.setattr(FilePrior, "load", fail)
    click(page.draw_button)
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=60000)
    assert "no such network" in studio.window.problem.sentence.text()
    assert page.drawn.text() == "The drawing failed."
    assert page.draw_button.isEnabled()


@pytest.mark.slow
def test_colours_follow_the_theme(page):
    studio, page = page
    before = page.sheet.backgroundBrush().color().name()
    studio.switch_theme()
    assert page.sheet.backgroundBrush().color().name() != before


@pytest.mark.slow
def test_every_widget_of_the_page_has_a_name_and_a_tool_tip(page):
    _, page = page
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QPlainTextEdit)
    for widget in [w for kind in kinds for w in page.findChildren(kind)]:
        internal = isinstance(widget, QScrollBar) or isinstance(widget.parent(), QTabBar)
        if not internal and "qt_" not in widget.objectName():
            assert QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name), widget
            assert widget.toolTip(), widget.accessibleName()


def test_card_and_work_need_neither_qt_nor_torch_to_be_imported():
    code = "import sys; sys.modules['PySide6'] = None; import qcs_gui.priors.card_text, qcs_gui.priors.prior_computations; "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)


def test_every_file_of_a_prior_has_its_card():
    one = priors().parse("mnist")
    path, facts = one.main()
    colour = facts | {"image_shape": [3, 32, 32], "card": {"name": "both", "licence": "CC BY-NC 4.0", "parameters": 7}}
    both = type(one)
    two = type("Both", (both,), {"variants": {1: (path, facts), 3: (path, colour)}})()
    assert variants_of(two) == {1: "Grey", 3: "Colour"}
    assert card_text(two, 1).title == "MNIST digits, 28 x 28"
    card = card_text(two, 3)
    assert (card.licence, card.licence_warns) == ("Restricted use: CC BY-NC 4.0", True)
    assert dict(card.rows)["Parameters"] == "7"
    assert not card.quality
    assert "not stated" in card_text(type("Bare", (both,), {"variants": {1: (path, facts | {"card": {}})}})()).licence
