"""Small things that a new user stumbled over, one test each."""

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication

from engine.algorithms.base import ESTIMATE
from qcs_gui.stage.result import details_line, result_line


@pytest.fixture
def photo(tmp_path):
    """A coloured photograph-like picture, 90 x 60."""
    across = np.linspace(0, 255, 90, dtype=np.float32)[None, :, None]
    down = np.linspace(0, 255, 60, dtype=np.float32)[:, None, None]
    pixels = np.concatenate([across + 0 * down, down + 0 * across, 0 * (across + down) + 90], axis=2)
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.mark.slow
def test_the_window_opens_with_a_picture_named_on_the_command_line(open_studio, qtbot, photo):
    studio = open_studio(result=str(photo))
    qtbot.waitUntil(lambda: studio.session.original.shape == (3, 60, 90), timeout=30000)
    assert not studio.window.problem.isVisible()


@pytest.mark.slow
def test_closing_is_what_enter_does_in_a_problem(open_studio, qtbot, tmp_path):
    studio = open_studio()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    studio.opening.open(str(broken))
    qtbot.waitUntil(studio.window.problem.isVisible, timeout=30000)
    studio.window.problem.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is studio.window.problem.close_button, timeout=5000)


class _Told:
    """The least that a result line is made of."""

    failed, status, rows_are, seconds, network_calls, samples = "", "done", ESTIMATE, 1.0, 3, (0,)
    score = None

    def metrics(self):
        return {"consistency": 0.995}


def test_what_is_consistent_is_named():
    assert "99.5% of the cells kept by the estimate" in details_line(_Told())
    assert "1 sample" not in result_line(_Told())
