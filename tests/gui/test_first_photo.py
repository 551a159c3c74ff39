"""A photograph that is dropped on a window nobody has touched: seen at once, as what it is, without a setting."""

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from engine.runs.fit import begin_with, is_untouched, nearest_size
from engine.runs.spec import RunSpec


def drop(window, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, no = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(300, 300), copy, data, left, no))


@pytest.fixture
def photo(tmp_path):
    """Twelve megapixels, as a telephone takes them."""
    small = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    path = tmp_path / "holiday.jpg"
    Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.mark.slow
def test_twelve_megapixels_are_reconstructed_without_a_setting(open_studio, qtbot, click, photo):
    studio = open_studio(RunSpec(device="cpu"))
    drop(studio.window, photo)
    qtbot.waitUntil(lambda: studio.session.spec.image == str(photo), timeout=60000)
    spec, session = studio.session.spec, studio.session
    assert spec.prior.name == "natural" and 1 <= spec.samples <= 4
    assert session.shape() == (3, 192, 256) and session.pixels.shape == (3, 192, 256)
    assert not studio.window.image.fit_label.isVisible() and not studio.setup.problem
    assert studio.window.stage.picture.key == "truth"
    assert "73,728 bits" in studio.window.result_label.text()
    click(studio.window.run_button)
    qtbot.waitUntil(lambda: studio.panels.frames_shown > 0, timeout=60000)
    assert studio.panels.newest.mean.shape == (3, 192, 256)
    click(studio.window.cancel_button)
    qtbot.waitUntil(lambda: studio.session.state == "ready", timeout=60000)


@pytest.mark.slow
def test_what_somebody_has_set_stays(open_studio, qtbot, photo):
    studio = open_studio(RunSpec(device="cpu"))
    studio.window.noise.setValue(0.2)
    drop(studio.window, photo)
    qtbot.waitUntil(lambda: studio.session.spec.image == str(photo), timeout=60000)
    assert studio.session.spec.prior.name == "mnist" and studio.session.spec.noise == 0.2
    assert studio.window.image.fit_button.isVisible()


@pytest.mark.slow
def test_a_second_photograph_is_set_up_as_the_first(open_studio, qtbot, photo, tmp_path):
    studio = open_studio(RunSpec(device="cpu"))
    tall = tmp_path / "tall.png"
    Image.open(photo).resize((300, 600)).save(tall)
    for path, shape in ((photo, (3, 192, 256)), (tall, (3, 256, 128))):
        drop(studio.window, path)
        qtbot.waitUntil(lambda path=path: studio.session.spec.image == str(path), timeout=60000)
        assert studio.session.shape() == shape
    studio.window.actions_by_name["undo"].trigger()
    assert studio.session.shape() == (3, 192, 256)


def test_a_set_up_suits_its_picture():
    plain = RunSpec()
    assert begin_with((1, 28, 28), plain) == plain and begin_with((1, 30, 28), plain) == plain
    small = begin_with((3, 32, 32), plain)
    assert small.prior.name == "cifar10"
    large = begin_with((1, 3000, 4000), plain)
    assert large.size == "256x192" and large.operator.measurements == 256 * 192 // 2 and large.samples <= 4
    assert is_untouched(large, (1, 3000, 4000)) and not is_untouched(large)
    assert is_untouched(plain.replace(seed=3)) and not is_untouched(plain.replace(noise=0.1))


def test_the_nearest_size_that_divides():
    spec = RunSpec(prior="natural", operator="super-resolution factor=4")
    assert nearest_size(spec, (3, 192, 256)) is None
    assert nearest_size(spec, (3, 191, 255)) == (252, 188)
    walsh = RunSpec(prior="natural", operator="patterns transform=walsh measurements=100")
    assert nearest_size(walsh, (1, 100, 200)) == (128, 64)


@pytest.mark.slow
def test_a_size_that_does_not_divide_is_cropped_by_one_click(open_studio, qtbot, click, tmp_path):
    Image.fromarray(np.zeros((50, 51), np.uint8) + 90).save(tmp_path / "odd.png")
    studio = open_studio(RunSpec(image=str(tmp_path / "odd.png"), prior="natural", operator="dct measurements=500"))
    form = studio.window.operator_form
    form.combo.setCurrentIndex(form.combo.findData("super-resolution"))
    assert "does not divide" in studio.window.estimate_label.text() and not studio.window.run_button.isEnabled()
    assert studio.window.crop_button.text() == "Crop the picture to 50 x 50"
    click(studio.window.crop_button)
    assert studio.session.spec.operator.name == "super-resolution" and studio.session.shape() == (1, 50, 50)
    assert studio.window.run_button.isEnabled() and not studio.window.crop_button.isVisible()
