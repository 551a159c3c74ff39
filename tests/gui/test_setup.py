"""Image and settings by real clicks; greyed choices; files."""

import json

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QScrollBar,
)

from engine.images import load_image, read_recipe
from engine.runs.spec import RunSpec


def drop(window, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, action, button, key = (
        QPoint(200, 200),
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dragEnterEvent(QDragEnterEvent(where, action, data, button, key))
    window.dropEvent(QDropEvent(QPointF(where), action, data, button, key))


@pytest.mark.slow
def test_bundled_digit_is_loaded_and_estimated_at_the_start(open_studio):
    studio = open_studio()
    assert studio.session.pixels.shape == (1, 28, 28)
    assert studio.window.image.sample_combo.currentData() == "sample:digit-3"
    assert " s and " in studio.window.estimate_label.text()
    assert "dB" in studio.window.snr.text()
    assert studio.window.run_button.isEnabled()


@pytest.mark.slow
def test_open_button_loads_a_picture(open_studio, qtbot, click, tmp_path, monkeypatch):
    studio = open_studio()
    Image.fromarray(np.full((40, 60, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "grey.png"), ""))
    click(studio.window.image.open_button)
    qtbot.waitUntil(lambda: studio.session.spec.image.endswith("grey.png"), timeout=10000)
    assert np.allclose(studio.session.pixels, 128 / 255, atol=1e-3)
    assert "cropped and resized to 28 x 28" in studio.window.image.image_label.text()


@pytest.mark.slow
def test_drop_and_choose_a_sample(open_studio, qtbot, tmp_path):
    studio = open_studio()
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "eye.png")
    drop(studio.window, tmp_path / "eye.png")
    qtbot.waitUntil(lambda: studio.session.spec.image.endswith("eye.png"), timeout=10000)
    assert np.allclose(studio.window.board.panels["truth"].pixels[0], np.eye(28))
    combo = studio.window.image.sample_combo
    combo.setFocus()
    qtbot.keyClicks(combo, "digit-7")
    combo.activated.emit(combo.currentIndex())
    qtbot.waitUntil(lambda: studio.session.spec.image == "sample:digit-7", timeout=10000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text.png", "nan.tif", "missing.png", "bad.json"])
def test_a_bad_file_is_one_message_and_loses_nothing(open_studio, qtbot, tmp_path, name):
    import tifffile

    studio = open_studio()
    before = studio.session.pixels
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "bad.json").write_text('{"imgae": 1}')
    tifffile.imwrite(tmp_path / "nan.tif", np.full((9, 9), np.nan, "f4"))
    drop(studio.window, tmp_path / name)
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=10000)
    assert "\n" not in studio.window.problem.sentence.text()
    assert studio.session.pixels is before
    assert studio.window.run_button.isEnabled()


@pytest.mark.slow
def test_draw_by_hand_and_run(open_studio, qtbot, click, run_to_end):
    studio = open_studio()
    click(studio.window.image.draw_button)
    dialog = studio.pictures.dialog
    canvas = dialog.canvas
    assert not dialog.use_button.isEnabled()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 40))
    for y in range(40, 240, 10):
        qtbot.mouseMove(canvas, QPoint(60 + y // 4, y))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, 240))
    assert canvas.pixels().max() == 1
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "drawing" in studio.session.spec.image, timeout=10000)
    pixels = studio.session.pixels[0]
    centre = (pixels.sum(1) * (np.arange(28) + 0.5)).sum() / pixels.sum()
    assert centre == pytest.approx(14, abs=1)
    result = run_to_end(studio)
    assert np.array_equal(result.truth[0], pixels)
    assert np.allclose(load_image(studio.session.spec.image).pixels[0], pixels)  # the recipe names a file that is there


@pytest.mark.slow
def test_forms_follow_the_settings(open_studio, qtbot):
    studio = open_studio()
    window = studio.window
    form = window.quantizer_form
    form.combo.setCurrentIndex(form.combo.findData("uniform"))
    assert studio.session.spec.quantizer.name == "uniform"
    bits = form.findChild(QAbstractSpinBox, "3  Quantizer.bits")
    bits.setFocus()
    bits.selectAll()
    qtbot.keyClicks(bits, "3")
    qtbot.keyClick(bits, Qt.Key.Key_Return)
    assert studio.session.spec.quantizer.bits == 3
    step = form.findChild(QAbstractSpinBox, "3  Quantizer.step")
    assert step.text() == "auto"
    step.setValue(0.25)
    assert studio.session.spec.quantizer.step == 0.25
    window.noise.setValue(0.2)
    window.samples.setValue(5)
    window.seed.setValue(9)
    spec = studio.session.spec
    assert (spec.noise, spec.samples, spec.seed) == (0.2, 5, 9)


@pytest.mark.slow
def test_every_choice_can_be_shown_and_read_back(open_studio):
    studio = open_studio()
    window = studio.window
    for form in (window.operator_form, window.quantizer_form, window.prior_form, window.algorithm_form):
        form.show_choice(form.family.parse(form.name()))
        for i in [*range(1, form.combo.count()), 0]:
            form.combo.setCurrentIndex(i)
            assert form.choice() == form.family.parse(form.name())


@pytest.mark.slow
def test_preset_fills_the_form(open_studio):
    studio = open_studio()
    form = studio.window.algorithm_form
    form.combo.setCurrentIndex(form.combo.findData("qcs-sgm"))
    form.preset.activated.emit(form.preset.findText("paper"))
    assert studio.session.spec.algorithm.step == 2.0


@pytest.mark.slow
def test_what_does_not_fit_is_greyed_with_the_reason(open_studio):
    studio = open_studio()
    window = studio.window
    rows = window.operator_form.findChild(QAbstractSpinBox, "2  Sensing.measurements")
    rows.setValue(9000)
    model = window.algorithm_form.combo.model()
    turbo = window.algorithm_form.combo.findData("turbo")
    assert not model.item(turbo).isEnabled()
    assert "eigenbasis" in model.item(turbo).toolTip()
    assert "eigenbasis" in window.algorithm_form.warning.text()
    assert not window.run_button.isEnabled()
    window.algorithm_form.combo.setCurrentIndex(window.algorithm_form.combo.findData("guided"))
    assert window.run_button.isEnabled()
    rows.setValue(200)
    assert model.item(turbo).isEnabled()


@pytest.mark.slow
def test_memory_is_told_before_run(open_studio):
    studio = open_studio()
    window = studio.window
    window.algorithm_form.combo.setCurrentIndex(window.algorithm_form.combo.findData("guided"))
    window.operator_form.findChild(QAbstractSpinBox, "2  Sensing.measurements").setValue(9_000_000)
    assert "GB" in window.estimate_label.text()


@pytest.mark.slow
def test_exports_and_run_file(open_studio, run_to_end, qtbot, tmp_path, monkeypatch):
    studio = open_studio()
    actions = studio.window.actions_by_name
    assert not actions["export_mean"].isEnabled()
    result = run_to_end(studio)
    for what, name in (("mean", "m.png"), ("std", "s.tif"), ("samples", "x.png"), ("mean", "all.npz")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=name: (str(tmp_path / name), ""))
        actions[f"export_{what}"].trigger()
        qtbot.waitUntil((tmp_path / name).exists, timeout=10000)
    assert np.allclose(load_image(tmp_path / "m.png").pixels, np.clip(result.mean, 0, 1), atol=0.51 / 255)
    assert RunSpec.from_json(read_recipe(tmp_path / "m.png")) == result.spec
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "everything"), ""))
    actions["export_all"].trigger()
    qtbot.waitUntil((tmp_path / "everything" / "result.json").exists, timeout=10000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "run.json"), ""))
    actions["save_run"].trigger()
    qtbot.waitUntil((tmp_path / "run.json").exists, timeout=10000)
    assert RunSpec.from_dict(json.loads((tmp_path / "run.json").read_text())) == studio.session.spec
    studio.window.seed.setValue(77)
    drop(studio.window, tmp_path / "run.json")
    qtbot.waitUntil(lambda: studio.session.spec.seed == 0, timeout=10000)
    assert studio.window.seed.value() == 0
    actions["copy_command"].trigger()
    assert studio.app.clipboard().text().startswith("qcs run --image sample:digit-3")


@pytest.mark.slow
def test_export_to_a_bad_place_is_one_message_and_keeps_the_result(
    open_studio, run_to_end, qtbot, tmp_path, monkeypatch
):
    studio = open_studio()
    run_to_end(studio)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "such" / "m.png"), ""))
    studio.window.actions_by_name["export_mean"].trigger()
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=10000)
    assert "Cannot write" in studio.window.problem.sentence.text()
    assert studio.session.result is not None


@pytest.mark.slow
def test_theme_switch_and_zoom(open_studio, run_to_end, click):
    studio = open_studio()
    run_to_end(studio)
    before = studio.window.grab().toImage().pixelColor(3, 100).lightness()
    studio.window.actions_by_name["theme"].trigger()
    assert studio.window.grab().toImage().pixelColor(3, 100).lightness() > before + 100
    board, panels = studio.window.board, studio.window.board.panels
    click(studio.window.stage.grid_button)
    where = QPointF(board.mapFromScene(panels["truth"].box.mapViewToScene(QPointF(14, 14))))
    wheel = QWheelEvent(
        where, board.mapToGlobal(where), QPoint(), QPoint(0, 960), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    studio.app.sendEvent(board.viewport(), wheel)
    zoomed = panels["truth"].box.viewRect()
    assert zoomed.width() < 20
    for key in ("mean", "std", "error", "iterate", "denoised"):
        linked = panels[key].box.viewRect()
        assert linked.center().x() == pytest.approx(zoomed.center().x(), abs=0.5)
        assert linked.height() == pytest.approx(zoomed.height(), rel=0.3)
    studio.window.actions_by_name["reset_zoom"].trigger()
    for panel in (panels[key] for key in board.shown):
        (left, right), (top, bottom) = panel.box.viewRange()
        assert left <= 0.01
        assert top <= 0.01
        assert right >= panel.pixels.shape[2] - 0.01
        assert bottom >= panel.pixels.shape[1] - 0.01


@pytest.mark.slow
def test_pixel_read_out(open_studio, qtbot, click):
    studio = open_studio()
    click(studio.window.stage.grid_button)
    panel = studio.window.board.panels["truth"]
    qtbot.wait(50)
    scene = panel.box.mapViewToScene(QPointF(14.5, 10.5))
    studio.window.board.scene().sigMouseMoved.emit(scene)
    assert f"row 10, column 14: {panel.pixels[0, 10, 14]:.3f}" in studio.window.pixel_label.text()


@pytest.mark.slow
def test_every_control_has_an_accessible_name(open_studio):
    studio = open_studio()
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
    for widget in [w for kind in kinds for w in studio.window.findChildren(kind)]:
        internal = isinstance(widget, QScrollBar) or isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
        if widget.isVisible() and not internal and "qt_" not in widget.objectName():
            name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
            assert name, (type(widget).__name__, widget.objectName())


def test_numbers_mean_the_same_in_every_language(qtbot):
    from PySide6.QtCore import QLocale

    from qcs_gui.widgets.boxes import NumberBox

    QLocale.setDefault(QLocale(QLocale.Language.German))
    try:
        box = NumberBox()
        qtbot.addWidget(box)
        box.setRange(0, 1e5)
        for typed in ("0.1", "0,1"):
            box.setValue(7)
            box.selectAll()
            qtbot.keyClicks(box, typed)
            for _ in range(2):
                qtbot.keyClick(box, Qt.Key.Key_Return)
                assert box.value() == 0.1, typed
    finally:
        QLocale.setDefault(QLocale.c())


@pytest.mark.slow
def test_a_run_file_whose_image_is_gone_changes_nothing(open_studio, qtbot, tmp_path):
    studio = open_studio()
    before = studio.session.spec
    (tmp_path / "run.json").write_text(json.dumps({"image": str(tmp_path / "gone.png"), "seed": 5}))
    drop(studio.window, tmp_path / "run.json")
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=10000)
    assert studio.session.spec == before
    (tmp_path / "run.json").write_text(json.dumps({"measurement": "m.npz"}))
    studio.window.problem.accept()
    drop(studio.window, tmp_path / "run.json")
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=10000)
    assert "m.npz" in studio.window.problem.sentence.text()


@pytest.mark.slow
def test_a_photograph_with_a_digits_prior_is_offered_the_right_one(open_studio, click, qtbot):
    studio = open_studio()
    w, session = studio.window, studio.session
    assert not w.image.fit_button.isVisible()
    studio.pictures.load("sample:photo-cat")
    qtbot.waitUntil(lambda: session.spec.image == "sample:photo-cat", timeout=30000)
    assert session.pixels.shape == (1, 28, 28)
    assert "cropped and resized to 28 x 28" in w.image.image_label.text()
    assert "256 x 256 colour becomes 28 x 28 grey" in w.image.fit_label.text()
    click(w.image.original_button)
    click(w.image.original_button)
    click(w.image.fit_button)
    assert session.spec.prior.name == "natural"
    assert session.pixels.shape == (3, 256, 256)
    assert str(session.spec.operator).startswith("dct measurements=98304")
    assert w.prior_form.name() == "natural"
    assert not w.image.fit_button.isVisible()
    assert "cropped" not in w.image.image_label.text()
    w.image.size_combo.lineEdit().setText("64x48")
    w.image.size_combo.lineEdit().editingFinished.emit()
    assert session.pixels.shape == (3, 48, 64)
    w.image.size_combo.lineEdit().setText("nonsense")
    w.image.size_combo.lineEdit().editingFinished.emit()
    assert "size=nonsense" in w.estimate_label.text()
    assert session.spec.size == "64x48"
    index = w.prior_form.combo.findData("mnist")  # undone by choosing the other prior again
    w.image.size_combo.setCurrentText("auto")
    w.image.size_combo.lineEdit().editingFinished.emit()
    w.prior_form.combo.setCurrentIndex(index)
    assert session.pixels.shape == (1, 28, 28)
    assert session.spec.measured_offset == pytest.approx(0.131)
