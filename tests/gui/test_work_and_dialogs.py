"""Work that ends while something else has happened meanwhile, dialogs that come and go, and what undo and New leave."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint
from PySide6.QtWidgets import QDialog, QFileDialog, QMenu
from test_setup import drop

import engine.runs.document
import engine.runs.expectation
import qcs_gui.setup.own
from engine.runs import open_run
from engine.runs.job import load_truth
from engine.runs.spec import RunSpec
from engine.sensing.own import Completion
from qcs_gui.setup.canvas import DrawPanel


@pytest.fixture
def studio(open_studio):
    return open_studio()


@pytest.fixture
def own(tmp_path):
    """Measurements of a digit, as somebody else's program writes them."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 784)) / np.sqrt(300)
    y = np.sign(matrix @ load_truth(RunSpec())[0].ravel() + 0.05 * rng.normal(size=300))
    np.savez(tmp_path / "own.npz", y=y, A=matrix, noise=0.05, shape=[28, 28])
    return tmp_path / "own.npz"


def take_own(studio, qtbot, click, path):
    drop(studio.window, path)
    qtbot.waitUntil(studio.own.dialog.use_button.isEnabled, timeout=10000)
    click(studio.own.dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)


def choose(form, name):
    form.combo.setCurrentIndex(form.combo.findData(name))


@pytest.mark.slow
def test_saving_one_result_does_not_count_for_the_next(studio, qtbot, run_to_end, monkeypatch, tmp_path):
    first = run_to_end(studio)
    gate, real = threading.Event(), engine.runs.document.save_run

    def slow(path, result):
        gate.wait(20)
        return real(path, result)

    monkeypatch.setattr(engine.runs.document, "save_run", slow)
    studio.documents.save(tmp_path / "first.qcs")
    studio.window.seed.setValue(5)
    second = run_to_end(studio)
    gate.set()
    qtbot.waitUntil(lambda: "first.qcs" in studio.window.statusBar().currentMessage(), timeout=10000)
    assert studio.session.result is second and not studio.session.result_saved
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **_: asked.append(a) or ("", ""))
    studio.window.actions_by_name["save_result"].trigger()
    assert len(asked) == 1  # the second has no file yet
    assert open_run(tmp_path / "first.qcs").spec.seed == first.spec.seed == 0
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "second.qcs"), ""))
    studio.window.actions_by_name["save_result"].trigger()
    qtbot.waitUntil(lambda: studio.session.result_saved, timeout=10000)
    asked.clear()
    studio.window.actions_by_name["save_result"].trigger()  # again, and to its own file
    assert not asked and open_run(tmp_path / "second.qcs").spec.seed == 5


@pytest.mark.slow
def test_dialogs_and_menus_go_when_they_are_closed(studio, qtbot):
    window = studio.window
    asked = ("open_measurement", "draw", "compare_algorithms", "preferences")

    def settle():
        qtbot.wait(20)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def there():
        return [*window.findChildren(QDialog), *window.findChildren(DrawPanel)]

    def open_and_close():
        for name in asked:
            before = set(there())
            window.actions_by_name[name].trigger()
            settle()  # a panel in a layout is shown with the next events
            new = [d for d in there() if d not in before and not d.isHidden()]
            assert len(new) == 1, name
            new[0].reject()
            settle()
        studio.menu.pop_up("truth", QPoint(5, 5))
        for menu in window.findChildren(QMenu):
            if menu.isVisible():
                menu.close()
        settle()

    settle()
    dialogs, menus = len(there()), len(window.findChildren(QMenu))
    for _ in range(3):
        open_and_close()
    assert len(there()) == dialogs
    assert len(window.findChildren(QMenu)) == menus


@pytest.mark.slow
def test_a_measurement_file_is_read_when_typing_ends_and_the_last_look_counts(studio, qtbot, monkeypatch, own):
    looks, gate, real = [], threading.Event(), qcs_gui.setup.own._read

    def read(file, completion, spec, keep):
        looks.append((file, completion))
        if len(looks) == 1:
            gate.wait(20)
        return real(file, completion, spec, keep)

    monkeypatch.setattr(qcs_gui.setup.own, "_read", read)
    studio.window.actions_by_name["open_measurement"].trigger()
    dialog = studio.own.dialog
    for end in range(1, len(str(own)) + 1):
        dialog.file.line.setText(str(own)[:end])
    qtbot.waitUntil(lambda: bool(looks), timeout=10000)
    assert looks == [(str(own), Completion(meaning=looks[0][1].meaning))]
    dialog.noise_source.setCurrentIndex(1)
    dialog.noise.setValue(0.07)
    qtbot.wait(400)
    assert len(looks) == 1  # the second waits for the first, whose answer is of no more use
    shown = []
    monkeypatch.setattr(dialog, "show_verdict", lambda *a: shown.append(a))
    gate.set()
    qtbot.waitUntil(lambda: len(looks) == 2 and bool(shown), timeout=10000)
    assert len(shown) == 1 and "noise 0.07" in shown[0][0]
    dialog.reject()


@pytest.mark.slow
def test_a_failed_prediction_is_said(studio, qtbot, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no table of fixed points")

    window = studio.window
    monkeypatch.setattr(engine.runs.expectation, "expect", broken)
    studio.session.set_spec(studio.session.spec.replace(seed=3))
    qtbot.waitUntil(lambda: "no table of fixed points" in window.estimate_label.text(), timeout=10000)
    assert window.run_button.isEnabled()  # and stops nothing
    monkeypatch.undo()
    studio.session.set_spec(studio.session.spec.replace(seed=4))
    qtbot.waitUntil(lambda: "no table" not in window.estimate_label.text(), timeout=10000)


@pytest.mark.slow
def test_one_undo_takes_a_preset_back_and_its_rows_are_its_own(studio, qtbot):
    spec, picture = studio.session.spec, studio.session.original
    preset = RunSpec(
        image="sample:photo-cat", prior="natural", operator="gaussian measurements=1000", algorithm="turbo rounds=3",
        seed=9, size="64", device="cpu",
    )  # fmt: skip
    studio.pictures.load(preset.image, preset)
    qtbot.waitUntil(lambda: studio.session.spec.image == preset.image, timeout=20000)
    assert studio.session.spec.operator == preset.operator and studio.session.spec.seed == 9
    studio.window.actions_by_name["undo"].trigger()
    assert studio.session.spec == spec and studio.session.original is picture
    assert not studio.window.actions_by_name["undo"].isEnabled()
    studio.window.actions_by_name["redo"].trigger()
    assert studio.session.spec.seed == 9 and studio.session.spec.image == preset.image


@pytest.mark.slow
def test_a_trained_prior_is_used_for_own_measurements(studio, qtbot, click, own):
    take_own(studio, qtbot, click, own)
    choose(studio.window.prior_form, "gaussian")
    file = studio.session.spec.measurement
    studio.window.actions_by_name["train_prior"].trigger()
    dialog = studio.training.dialog
    studio.training._trained = "mnist"
    dialog.use_button.show()
    click(dialog.use_button)
    assert not dialog.isVisible()
    assert studio.session.spec.prior.name == "mnist" and studio.session.spec.measurement == file


@pytest.mark.slow
def test_new_leaves_neither_the_old_measurement_nor_its_truth(studio, qtbot, click, run_to_end, own):
    window, store = studio.window, studio.window.stage.store
    window.seed.setValue(5)
    run_to_end(studio)
    assert store.pixels["measurement"] is not None
    assert window.stage.measured_thumb.image is not None and window.stage.truth_thumb.image is not None
    window.actions_by_name["new"].trigger()
    for key in ("measurement", "truth", "mean", "error"):
        assert store.pixels.get(key) is None, key
    for thumb in (window.stage.measured_thumb, window.stage.truth_thumb):
        assert thumb.image is None
    qtbot.waitUntil(lambda: studio.session.spec.seed == 0 and store.pixels["truth"] is not None, timeout=10000)
    assert np.array_equal(store.pixels["truth"], studio.session.pixels) and store.title("truth") == "Truth"
    take_own(studio, qtbot, click, own)
    run_to_end(studio)
    window.actions_by_name["new"].trigger()
    assert window.stage.measured_thumb.image is None
    assert not studio.session.spec.measurement
    qtbot.waitUntil(lambda: studio.session.pixels is not None, timeout=10000)
    assert window.operator_form.isEnabled() and store.title("truth") == "Truth"
    assert "own.npz" not in window.image.image_label.text()


@pytest.mark.slow
def test_new_forgets_measurements_that_are_still_being_read(studio, qtbot, click, monkeypatch, own):
    drop(studio.window, own)
    qtbot.waitUntil(studio.own.dialog.use_button.isEnabled, timeout=10000)
    gate, real = threading.Event(), qcs_gui.setup.own._read

    def slow(*arguments, **named):
        gate.wait(20)
        return real(*arguments, **named)

    monkeypatch.setattr(qcs_gui.setup.own, "_read", slow)
    click(studio.own.dialog.use_button)
    studio.window.actions_by_name["new"].trigger()
    gate.set()
    qtbot.waitUntil(lambda: "reading" not in studio.window.image.image_label.text(), timeout=10000)
    qtbot.wait(100)
    assert not studio.session.spec.measurement and studio.session.pixels is not None


@pytest.mark.slow
def test_every_dialog_begins_in_the_folder_of_the_last_file(studio, click, monkeypatch, tmp_path):
    begun = []

    def give(name):
        return lambda _, title, at, *__, **___: begun.append((title, at)) or (name, "")

    monkeypatch.setattr(QFileDialog, "getOpenFileName", give(str(tmp_path / "none.json")))
    studio.window.actions_by_name["open_run"].trigger()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", give(""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", give(""))
    for name in ("open_image", "save_measurement", "save_run", "open_result"):
        studio.window.actions_by_name[name].trigger()
    choose(studio.window.operator_form, "matrix")
    from qcs_gui.widgets.boxes import FileField

    click(studio.window.operator_form.findChild(FileField).button)
    assert len(begun) == 6
    assert {str(tmp_path), str(tmp_path / "measurement.npz"), str(tmp_path / "run.json")} == {at for _, at in begun[1:]}
