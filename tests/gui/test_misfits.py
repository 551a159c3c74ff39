"""What cannot run is said before Run; what belongs to an earlier run is told apart from the next one."""

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from engine.images import save_png
from engine.runs.spec import RunSpec
from qcs_gui.widgets.boxes import ListBox


def choose(form, name):
    form.combo.setCurrentIndex(form.combo.findData(name))


def wheel(widget):
    where = QPointF(widget.rect().center())
    event = QWheelEvent(
        where, QPointF(widget.mapToGlobal(where.toPoint())), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    widget.wheelEvent(event)
    return event.isAccepted()


def test_scrolling_past_a_list_chooses_nothing(open_studio):
    studio = open_studio()
    before = studio.session.spec
    lists = studio.window.findChildren(ListBox)
    assert len(lists) >= 8
    for box in lists:
        box.setFocus()
        chosen = box.currentIndex()
        assert not wheel(box)  # the column scrolls instead
        assert box.currentIndex() == chosen
    assert studio.session.spec == before


def test_the_number_of_measurements_stays_when_the_matrix_changes(open_studio):
    studio = open_studio()
    form = studio.window.operator_form
    box = form.findChild(object, "2  Sensing.measurements")
    box.setValue(300)
    choose(form, "ill-conditioned")
    assert str(studio.session.spec.operator).startswith("ill-conditioned measurements=300")
    choose(form, "inpainting")
    choose(form, "dct")  # what was not set by hand is the new choice's own
    assert studio.session.spec.operator.measurements == 200


def test_more_orthogonal_rows_than_pixels_stop_run(open_studio, click):
    studio = open_studio()
    window = studio.window
    choose(window.operator_form, "dct")
    box = window.operator_form.findChild(object, "2  Sensing.measurements")
    box.setValue(785)
    assert "at most 784" in window.estimate_label.text()
    assert not window.run_button.isEnabled()
    box.setValue(784)
    assert window.run_button.isEnabled()


def test_a_matrix_beyond_memory_stops_run(open_studio):
    studio = open_studio()
    studio.setup.follow_advice()
    box = studio.window.operator_form.findChild(object, "2  Sensing.measurements")
    box.setValue(10**8)
    assert "GB" in studio.window.estimate_label.text()
    assert not studio.window.run_button.isEnabled()


def test_rows_follow_a_smaller_size_and_a_smaller_prior(open_studio, qtbot):
    spec = RunSpec(image="sample:photo-camera", operator="dct measurements=8192", prior="gaussian", size="128x128")
    studio = open_studio(spec)
    window, session = studio.window, studio.session
    assert session.pixels.shape[1:] == (128, 128)
    window.image.size_combo.lineEdit().setText("64")
    window.image.size_combo.lineEdit().editingFinished.emit()
    assert session.pixels.shape[1:] == (64, 64)
    assert session.spec.operator.measurements == 2048  # still half of the pixels
    choose(window.prior_form, "mnist")
    assert session.spec.operator.measurements == 392
    assert session.spec.size is None
    assert window.image.size_combo.currentText() == "auto"
    assert window.run_button.isEnabled()


def test_the_snr_is_that_of_what_is_measured(open_studio):
    studio = open_studio()
    session = studio.session
    known = session.snr_db()
    studio.window.offset.setValue(0.9)  # far from the digits' mean: a larger signal
    assert session.spec.measured_offset == 0.9
    assert session.snr_db() > known + 3


def test_a_new_picture_is_told_from_the_truth_of_the_run_shown(open_studio, run_to_end, qtbot, click):
    studio = open_studio()
    result = run_to_end(studio)
    window, session = studio.window, studio.session
    truth = window.board.panels["truth"]
    assert truth.title.text == "Truth"
    studio.pictures.load("sample:digit-7")
    qtbot.waitUntil(lambda: session.spec.image == "sample:digit-7", timeout=10000)
    assert truth.title.text == "Next run: this picture"
    assert np.array_equal(truth.pixels, session.pixels)
    assert not window.more_button.isEnabled()  # more samples would be of the earlier picture
    window.timeline.setValue(0)
    assert truth.title.text == "Truth of the run shown"
    assert np.array_equal(truth.pixels, result.truth)
    click(window.image.original_button)
    assert truth.title.text.startswith("Original")
    window.timeline.setValue(window.timeline.maximum())
    assert truth.title.text.startswith("Original")
    click(window.image.original_button)
    run_to_end(studio)
    assert truth.title.text == "Truth"
    assert window.more_button.isEnabled()


def test_dropped_folders_and_networks_open_the_dialog_for_them(open_studio, tmp_path):
    studio = open_studio()
    save_png(tmp_path / "a.png", np.zeros((1, 8, 8), np.float32))
    studio.opening.open(str(tmp_path))
    assert studio.training.dialog.isVisible()
    assert studio.training.dialog.panel.values()["images"] == str(tmp_path)
    studio.training.dialog.close()
    studio.opening.open(str(tmp_path / "net.pth"))
    assert studio.imports.dialog.isVisible()
    assert studio.imports.dialog.panel.values()["file"].endswith("net.pth")
    studio.imports.dialog.close()


def test_other_endings_are_not_written_as_pictures(open_studio, run_to_end, qtbot, tmp_path):
    studio = open_studio()
    run_to_end(studio)
    studio.exports.export("mean", tmp_path / "mean.jpg")
    qtbot.waitUntil(lambda: studio.window.problem.isVisible(), timeout=10000)
    assert ".png" in studio.window.problem.sentence.text()
    assert not (tmp_path / "mean.jpg").exists()
    studio.window.problem.close()
