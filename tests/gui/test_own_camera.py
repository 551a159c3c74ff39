"""A camera's picture and the picture of its blur kernel, dropped together."""

import numpy as np
from test_setup import drop

from engine.images import save_png
from engine.sensing.files import load_measurement


def test_a_blurred_picture_and_its_kernel_are_dropped_and_sharpened(open_studio, qtbot, click, monkeypatch, tmp_path):
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    kernel = np.zeros((1, 5, 7))
    kernel[0, 2, 1:6], kernel[0, 3, 1] = 0.2, 0.4
    save_png(tmp_path / "kernel.png", kernel)
    save_png(tmp_path / "seen.png", np.random.default_rng(0).random((1, 24, 30)))
    studio = open_studio()
    drop(studio.window, tmp_path / "kernel.png", tmp_path / "seen.png")
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    assert "720 measurements, real values, of a 36 x 28 grey picture" in dialog.says.text()
    click(dialog.turned)
    dialog.noise_source.setCurrentText("given")
    qtbot.waitUntil(lambda: dialog.use_button.isEnabled() and "noise 0.05" in dialog.says.text(), timeout=10000)
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)
    made = load_measurement(studio.session.spec.measurement).operator.kernel.numpy()
    seen = np.rint(kernel[0] * 255) / np.rint(kernel[0] * 255).sum()
    np.testing.assert_allclose(made, seen[::-1, ::-1], atol=1e-6)
    assert studio.session.spec.algorithm.name == "plug-and-play"
    assert studio.window.run_button.isEnabled()
