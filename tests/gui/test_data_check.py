"""*Check my data*: what is wrong with own measurements is said and mended by clicks."""

import numpy as np
import pytest
from test_setup import drop

from engine.doctor import Report
from engine.doctor.case import Case
from engine.doctor.hypotheses import Finding
from engine.sensing.files import load_measurement, read_pieces


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """Smooth pictures through a random matrix, in counts of 5,000."""
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:12, :12] / 12
    matrix = rng.normal(size=(144, 144)) / 12
    y = 5000 * (matrix @ (0.5 + 0.4 * np.sin(5 * row + 3 * column)).ravel() + 0.01 * rng.normal(size=144))
    np.savez(tmp_path / "counts.npz", y=y, A=matrix, shape=[12, 12], noise=50.0)
    return tmp_path / "counts.npz"


def test_a_file_is_checked_and_mended_by_two_clicks(open_studio, qtbot, click, counts):
    studio = open_studio()
    drop(studio.window, counts)
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.check.button.isEnabled, timeout=20000)
    assert not dialog.check.mend_button.isVisible()
    click(dialog.check.button)
    qtbot.waitUntil(dialog.check.mend_button.isVisible, timeout=60000)
    assert "in other units" in dialog.check.says.text()
    click(dialog.check.mend_button)
    qtbot.waitUntil(lambda: "mended" in dialog.file.line.text(), timeout=20000)
    assert not dialog.check.mend_button.isVisible()  # of the mended file nothing is known yet
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=20000)
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=20000)
    used = studio.session.spec.measurement
    assert float(read_pieces(used)["gain"]) == pytest.approx(5000, rel=0.3)
    assert load_measurement(used).values.abs().max() < 5
    studio.window.actions_by_name["check_data"].trigger()
    assert studio.own.dialog.file.line.text() == used


def test_a_check_ends_with_its_dialog(open_studio, qtbot, click, counts, monkeypatch):
    studio = open_studio()
    begun = []

    def endless(pieces, progress):
        while True:
            begun.append(1)
            progress(0.5, "all of it")

    monkeypatch.setattr("engine.doctor.check", endless)
    drop(studio.window, counts)
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.check.button.isEnabled, timeout=20000)
    click(dialog.check.button)
    qtbot.waitUntil(lambda: "50%" in dialog.check.says.text(), timeout=20000)
    dialog.reject()
    qtbot.waitUntil(lambda: not studio.own.check._worker.busy, timeout=20000)
    found = Finding("kind", "it is wrong", Case.of({"y": np.ones(3)}), 1.0, 0.1, "bits", 0.0, 1.0)
    monkeypatch.setattr("engine.doctor.check", lambda *_, **__: Report((found,), {}, 0.0, 1.0, 0.1, 1.0))
    drop(studio.window, counts)
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.check.button.isEnabled, timeout=20000)
    click(dialog.check.button)
    qtbot.waitUntil(lambda: "It is wrong (bits" in dialog.check.says.text(), timeout=20000)


def test_the_gain_can_be_left_to_the_run(open_studio, qtbot, click, counts):
    studio = open_studio()
    drop(studio.window, counts)
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=20000)
    dialog.units["gain"].setText("much")
    qtbot.waitUntil(lambda: "gain=much is not valid" in dialog.says.text(), timeout=20000)
    dialog.units["gain"].setText("auto")
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=20000)
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=20000)
    assert str(read_pieces(studio.session.spec.measurement)["gain"]) == "auto"
