"""A window per test, with its threads joined at the end."""

import threading

import pytest

pytest.importorskip("PySide6.QtWidgets")

from PySide6.QtCore import Qt
from specs import QUICK

from qcs_gui.model import State
from qcs_gui.studio import Studio


@pytest.fixture
def open_studio(qtbot):
    """A window per call, which keeps its finished runs in the library with ``keep``."""
    opened = []

    def make(spec=QUICK, keep=False, result=""):
        studio = Studio(spec, threads=1, remember=False, keep=keep, result=result)
        opened.append(studio)
        studio.start()
        qtbot.waitUntil(lambda: studio.session.pixels is not None and bool(studio.session.device), timeout=60000)
        return studio

    yield make
    for studio in opened:
        assert studio.close(), "a thread of the window did not end"
        studio.window.may_close = lambda: True
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    assert not [t for t in threading.enumerate() if t.name in ("engine", "files", "predictions")]


@pytest.fixture
def keeping(open_studio):
    """A window that keeps its runs."""
    return lambda spec=QUICK: open_studio(spec, keep=True)


@pytest.fixture
def click(qtbot):
    def press(button):
        assert button.isEnabled(), f"{button.text()} is greyed"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return press


@pytest.fixture
def run_to_end(qtbot, click):
    def run(studio):
        click(studio.window.run_button)
        qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=60000)
        return studio.session.result

    return run
