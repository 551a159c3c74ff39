"""Results that are saved and opened again, and methods without posterior samples, in the window."""

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from specs import QUICK

from engine.runs import open_run, reconstruct
from qcs_gui.model import State


@pytest.fixture
def studio(open_studio):
    return open_studio()


LASSO = QUICK.replace(prior="pixels", algorithm="lasso penalty=0.05 iterations=30")


def ran(qtbot, studio, spec):
    studio.session.set_spec(spec)
    studio.window.run_button.click()
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and studio.session.result is not None, timeout=30000)
    return studio.session.result


def choose(monkeypatch, name, what):
    monkeypatch.setattr(QFileDialog, f"get{what}FileName", lambda *_: (str(name), ""))


@pytest.mark.slow
def test_a_saved_result_opens_with_its_arrays_curves_and_frames(qtbot, studio, tmp_path, monkeypatch):
    result = ran(qtbot, studio, QUICK)
    choose(monkeypatch, tmp_path / "mine", "Save")  # the ending is added
    studio.window.actions_by_name["save_result"].trigger()
    qtbot.waitUntil((tmp_path / "mine.qcs").is_file)
    qtbot.waitUntil(lambda: studio.session.result_saved)
    studio.session.set_result(None)
    studio.panels.clear()
    choose(monkeypatch, tmp_path / "mine.qcs", "Open")
    studio.window.actions_by_name["open_result"].trigger()
    qtbot.waitUntil(lambda: studio.session.result is not None)
    opened = studio.session.result
    assert np.array_equal(opened.samples, result.samples) and opened.history == result.history
    assert studio.session.spec == result.spec and np.array_equal(studio.session.pixels, result.truth)
    assert studio.window.timeline.maximum() == len(opened.keyframes) - 1 > 3
    assert "Done" in studio.window.result_label.text()
    studio.window.timeline.setValue(0)
    assert studio.panels.shown.step == 1
    assert studio.session.extends_result  # samples can be added to it


@pytest.mark.slow
def test_a_damaged_result_is_one_sentence_and_leaves_what_is_shown(qtbot, studio, tmp_path):
    result = ran(qtbot, studio, QUICK)
    (tmp_path / "bad.qcs").write_bytes(b"PK not a run")
    studio.documents.open(str(tmp_path / "bad.qcs"))
    qtbot.waitUntil(lambda: "damaged" in studio.window.problem.sentence.text())
    assert studio.session.result is result


@pytest.mark.parametrize("drop", [False, True])
def test_results_of_earlier_versions_open(qtbot, studio, tmp_path, drop):
    result = reconstruct(QUICK)
    result.write(tmp_path)
    if drop:
        studio.window.dropped.emit([str(tmp_path / "result.npz")])
    else:
        studio.documents.open(str(tmp_path / "result.json"))
    qtbot.waitUntil(lambda: studio.session.result is not None)
    assert np.array_equal(studio.session.result.mean, result.mean)
    assert studio.session.result.metrics() == pytest.approx(result.metrics())


def test_one_estimate_has_no_std_and_says_so(qtbot, studio, tmp_path):
    result = ran(qtbot, studio, LASSO)
    assert result.std is None and len(result.samples) == 0
    panels = studio.window.board.panels
    assert panels["std"].title.text == "No std: one estimate" and panels["mean"].title.text == "Estimate"
    assert "one estimate" in studio.window.result_label.text() and "samples" not in studio.window.result_label.text()
    assert not studio.window.samples.isEnabled() and not studio.window.more_button.isEnabled()
    assert not studio.window.actions_by_name["export_std"].isEnabled()
    studio.documents.save(tmp_path / "lasso.qcs")
    qtbot.waitUntil((tmp_path / "lasso.qcs").is_file)
    assert open_run(tmp_path / "lasso.qcs").rows_are == "one estimate"


@pytest.mark.slow
def test_an_algorithm_for_another_kind_of_prior_says_so_and_offers_the_right_one(studio, click):
    window, combo = studio.window, studio.window.prior_form.combo
    combo.setCurrentIndex(combo.findData("wavelet"))  # turbo was chosen by hand
    assert "turbo takes a denoiser prior" in window.estimate_label.text() and not window.run_button.isEnabled()
    click(window.advice_button)
    assert studio.session.spec.algorithm.name == "lasso" and studio.session.spec.prior.name == "wavelet"
    assert window.run_button.isEnabled()
    combo.setCurrentIndex(combo.findData("mnist"))  # follows from now on
    assert studio.session.spec.algorithm.name == "turbo"


@pytest.mark.slow
def test_a_failed_result_is_called_so(qtbot, studio):
    noise = "qcs-sgm levels=2 repeats=1 sigma_first=1 sigma_last=0.5 final_denoising=false"
    worse = QUICK.replace(prior="mnist", operator="gaussian", algorithm=noise)
    result = ran(qtbot, studio, worse)
    assert "is larger than that of" in result.failed
    assert studio.window.result_label.text().startswith("Failed")
