"""Own measurements through the dialog; the advice on algorithms; saving what was measured."""

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from test_setup import drop

from engine.algorithms import ALGORITHMS
from engine.runs.advice import recommend
from engine.runs.job import load_truth
from engine.runs.spec import RunSpec
from engine.sensing.files import load_measurement
from engine.sensing.operators import OPERATORS
from qcs_gui.model import State
from qcs_gui.widgets.boxes import FileField


@pytest.fixture
def own(tmp_path):
    """What somebody's ten lines write: A, signs, shape, noise."""
    rng = np.random.default_rng(0)
    truth = load_truth(RunSpec())[0].ravel()
    matrix = rng.normal(size=(300, 784)) / np.sqrt(300)
    y = np.sign(matrix @ truth + 0.05 * rng.normal(size=300))
    np.savez(tmp_path / "own.npz", y=y, A=matrix, noise=0.05, shape=[28, 28])
    np.savez(tmp_path / "bare.npz", y=y)
    np.save(tmp_path / "A.npy", matrix)
    return tmp_path


def test_dropped_measurements_are_imported_and_reconstructed(open_studio, qtbot, click, run_to_end, own):
    studio = open_studio()
    drop(studio.window, own / "own.npz")
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    assert "300 measurements, one bit each, of a 28 x 28 grey picture; noise 0.05" in dialog.says.text()
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)
    assert studio.session.pixels is None
    assert not studio.window.operator_form.isEnabled()
    assert studio.window.board.panels["truth"].pixels is None
    result = run_to_end(studio)
    assert result.truth is None
    assert "psnr_mean" not in result.metrics()
    truth = load_truth(RunSpec())[0]
    assert np.vdot(result.mean, truth) / np.linalg.norm(result.mean) / np.linalg.norm(truth) > 0.85
    assert "--measurement" in studio.session.spec.as_command()
    studio.pictures.load("sample:digit-1")  # back to a picture
    qtbot.waitUntil(lambda: studio.session.pixels is not None, timeout=10000)
    assert studio.window.operator_form.isEnabled()
    assert not studio.session.spec.measurement


def test_what_a_file_lacks_is_added_in_the_dialog(open_studio, qtbot, click, own, monkeypatch, tmp_path):
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    studio = open_studio()
    click(studio.window.image.own_button)
    dialog = studio.own.dialog
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(own / "bare.npz"), ""))
    click(dialog.file.button)
    qtbot.waitUntil(lambda: "shape" in dialog.says.text(), timeout=10000)
    assert not dialog.use_button.isEnabled()
    for box, value in zip(dialog.shape, (1, 28, 28), strict=True):
        box.setValue(value)
    qtbot.waitUntil(lambda: "sensing matrix" in dialog.says.text(), timeout=10000)
    dialog.matrix_source.setCurrentIndex(1)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(own / "A.npy"), ""))
    click(dialog.matrix.button)
    qtbot.waitUntil(lambda: "noise to be estimated" in dialog.says.text(), timeout=10000)
    dialog.noise_source.setCurrentIndex(1)
    dialog.noise.setValue(0.07)
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)
    kept = load_measurement(studio.session.spec.measurement)  # complete, and where the recipe can name it
    assert kept.noise == 0.07
    assert kept.operator.rows == 300


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text.npz", "v73.mat", "words.csv"])
def test_a_bad_measurement_file_is_one_sentence_in_the_dialog(open_studio, qtbot, tmp_path, name):
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "v73.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(600, b"\0"))
    (tmp_path / "words.csv").write_text("a,b\n")
    studio = open_studio()
    drop(studio.window, tmp_path / name)
    dialog = studio.own.dialog
    qtbot.waitUntil(lambda: name in dialog.says.text(), timeout=10000)
    assert "\n" not in dialog.says.text()
    assert not dialog.use_button.isEnabled()
    dialog.reject()
    assert studio.session.pixels is not None


def test_save_measurement_writes_what_qcs_run_reads(open_studio, qtbot, monkeypatch, tmp_path):
    studio = open_studio()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "m"), ""))
    studio.window.actions_by_name["save_measurement"].trigger()
    qtbot.waitUntil(lambda: "Saved" in studio.window.statusBar().currentMessage(), timeout=10000)
    seen = load_measurement(tmp_path / "m.npz")
    assert seen.operator.rows == 200
    assert seen.truth is None


def choose(form, name):
    form.combo.setCurrentIndex(form.combo.findData(name))


def test_the_algorithm_follows_the_matrix_until_it_is_chosen(open_studio, click):
    studio = open_studio(RunSpec(device="cpu"))
    window = studio.window
    assert "did best on test pictures" in window.advice.text()
    for name in ("super-resolution", "blur"):
        choose(window.operator_form, name)
        spec = studio.session.spec
        best, reason = recommend(spec.operator, spec.quantizer, spec.prior)
        assert spec.algorithm == ALGORITHMS.parse(best) and best != "turbo"
        assert reason in window.advice.text()
    choose(window.operator_form, "ill-conditioned")
    assert studio.session.spec.algorithm.name == "turbo"
    assert not window.advice_button.isVisible()
    choose(window.algorithm_form, "qcs-sgm")
    choose(window.operator_form, "dct")
    assert studio.session.spec.algorithm.name == "qcs-sgm"  # chosen by hand: it stays
    assert "Suggested here: Turbo" in window.advice.text()
    click(window.advice_button)
    assert studio.session.spec.algorithm.name == "turbo"


def test_turbo_on_a_mask_runs_with_a_warning(open_studio):
    studio = open_studio()
    choose(studio.window.operator_form, "inpainting")
    assert "at random" in studio.window.algorithm_form.warning.text()
    assert studio.window.run_button.isEnabled()


def test_a_file_setting_has_a_button_and_a_missing_file_stops_run(open_studio, click, monkeypatch, own):
    studio = open_studio()
    choose(studio.window.operator_form, "matrix")
    assert "needs file" in studio.window.estimate_label.text()
    assert not studio.window.run_button.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(own / "A.npy"), ""))
    click(studio.window.operator_form.findChild(FileField).button)
    assert studio.session.spec.operator == OPERATORS.parse(f"matrix file={own / 'A.npy'}")
    assert studio.window.run_button.isEnabled()


def test_offset_and_sensing_picture(open_studio, run_to_end):
    studio = open_studio()
    window = studio.window
    assert window.offset.text() == "auto"
    window.offset.setValue(0.25)
    assert studio.session.spec.offset == 0.25
    run_to_end(studio)
    for view, title in (
        ("sensing", "What is measured"),
        ("back", "back-projected"),
        ("codes", "bits"),
    ):
        window.measurement_combo.setCurrentIndex(window.measurement_combo.findData(view))
        assert title in window.board.panels["measurement"].title.text
    message = window.board.panels["message"].pixels
    assert float(np.nanmax(abs(message))) > 0.5
    assert studio.window.curves.curves["message_change"].getData()[0] is not None


@pytest.mark.slow
def test_own_measurements_can_be_cancelled_and_run_twice(open_studio, qtbot, click, run_to_end, own):
    studio = open_studio(RunSpec(algorithm="qcs-sgm levels=200 repeats=50", samples=2, device="cpu"))
    drop(studio.window, own / "own.npz")
    qtbot.waitUntil(studio.own.dialog.use_button.isEnabled, timeout=10000)
    click(studio.own.dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)
    click(studio.window.run_button)
    click(studio.window.cancel_button)
    qtbot.waitUntil(lambda: studio.session.state == "ready", timeout=30000)
    assert studio.session.result is None
    choose(studio.window.algorithm_form, "turbo")
    first, second = run_to_end(studio), run_to_end(studio)
    assert np.array_equal(first.mean, second.mean)


def test_a_limited_angle_scan_begins_with_two_grey_levels_and_says_so(open_studio, qtbot, click, tmp_path):
    np.savez(tmp_path / "scan.npz", y=np.linspace(0, 3, 60).reshape(5, 12), angles=[0, 15, 30, 45, 60], gain=1.0)
    studio = open_studio()
    drop(studio.window, tmp_path / "scan.npz")
    qtbot.waitUntil(studio.own.dialog.use_button.isEnabled, timeout=10000)
    assert "the prior is two-valued, for things of one material" in studio.own.dialog.says.text()
    click(studio.own.dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.prior.name == "two-valued", timeout=30000)
    assert studio.session.spec.algorithm.name == "convex-concave"


@pytest.mark.slow
def test_a_sample_that_an_instrument_measured_is_chosen_and_run_by_its_preset(open_studio, qtbot):
    studio = open_studio()
    combo, session = studio.window.image.sample_combo, studio.session
    combo.setCurrentIndex(combo.findData("sample:tomography"))
    combo.activated.emit(combo.currentIndex())
    qtbot.waitUntil(lambda: session.spec.measurement == "sample:tomography", timeout=20000)
    assert studio.window.image.image_label.text().startswith("tomography: 33,880 measurements")
    assert combo.currentText() == "tomography" and studio.window.run_button.isEnabled()
    assert "'tomography'" in studio.panels._words()
    studio.gallery.choose("lensless-hand")
    qtbot.waitUntil(lambda: session.state == State.RUNNING, timeout=20000)
    assert session.spec.measurement == "sample:lensless-hand" and session.spec.prior.name == "natural"
    studio.window.actions_by_name["cancel"].trigger()
    qtbot.waitUntil(lambda: session.state == State.IDLE, timeout=60000)
