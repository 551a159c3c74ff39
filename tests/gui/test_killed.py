"""kill -9 at random moments of running, saving and comparing: the next start finds its session, and every kept run is whole."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from engine.runs.document import open_run
from engine.runs.library import Library
from qcs_gui.keeping import SessionFile

KILLS = int(os.environ.get("QCS_TEST_KILLS", "2"))
WORKER = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from qcs_gui.driving import started, wait_until
from qcs_gui.model import State
from qcs_gui.studio import Studio
studio = Studio(threads=1, remember=True)
started(studio)
wait_until(lambda: studio.session.result is not None, 20 if len(sys.argv) > 1 else 0.1)
studio.session.set_spec(studio.session.spec.replace(algorithm="turbo rounds=3 levels=4", samples=3))
print("ready", studio.session.spec.seed, studio.session.result is not None, flush=True)
for seed in range(1, 1000):
    studio.window.seed.setValue(seed)
    before = studio.session.result
    studio.window.run_button.click()
    wait_until(lambda: studio.session.state == State.IDLE and studio.session.result is not before)
    print("run", flush=True)
    if seed % 3 == 0:
        studio.compare.show([studio.session.result, before or studio.session.result])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_at_any_moment_nothing_is_lost(tmp_path, request):
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "QT_QPA_PLATFORM": "offscreen"}
    rng, kept = random.Random(0), 0
    for _ in range(KILLS):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, *["again"] * (kept > 0)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert worker.stdout is not None
        request.addfinalizer(worker.kill)
        request.addfinalizer(worker.stdout.close)
        words = worker.stdout.readline().split()
        assert words and words[0] == "ready"
        if kept:
            assert words[1] != "0", "the set-up of the last session came back"
            assert words[2] == "True", "and so did the run that was open"
        assert worker.stdout.readline().strip() == "run"
        assert worker.stdout.readline().strip() == "run"  # the first is kept by now
        time.sleep(1.1 + rng.uniform(0.0, 1.5))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        library = Library()
        entries = library.list()
        assert len(entries) > kept
        kept = len(entries)
        for entry in entries:
            assert open_run(entry.path).mean.shape == (1, 28, 28)
        session = SessionFile().read()
        assert session is not None and session.spec is not None and session.run
