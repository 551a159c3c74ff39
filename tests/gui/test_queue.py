"""The queue: in its order, behind the window's own runs, and there again after a restart."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from specs import QUICK

from engine.runs.library import Library
from qcs_gui.model import State
from qcs_gui.queue.controller import in_words
from qcs_gui.queue.store import MOST_TRIES, Store

LONG = QUICK.replace(algorithm="qcs-sgm levels=232 repeats=30")


def test_the_queue_is_read_back_as_it_was(tmp_path):
    store = Store(tmp_path / "queue.json")
    store.add([QUICK, QUICK.replace(seed=1)], QUICK.prior)
    first = store.next()
    store.begin(first.number)
    again = Store(tmp_path / "queue.json")
    assert [q.spec() for q in again.waiting] == [QUICK, QUICK.replace(seed=1)]
    assert again.waiting[0].tries == 1 and again.waiting[0].prior() == QUICK.prior
    assert again.next().number != first.number, "what broke off comes after what did not"
    (tmp_path / "a.qcs").touch(), (tmp_path / "b.qcs").touch()
    assert again.ended(first.number, str(tmp_path / "a.qcs")) == []
    assert not again.offers()
    again.ended(again.next().number, str(tmp_path / "b.qcs"))
    group, documents = next(iter(Store(tmp_path / "queue.json").offers().items()))
    assert [d[-5:] for d in documents] == ["a.qcs", "b.qcs"]
    again.forget(group)
    assert not Store(tmp_path / "queue.json").offers() and again.next() is None


def test_what_takes_the_program_with_it_is_held_back(tmp_path):
    store = Store(tmp_path / "queue.json")
    store.add([QUICK], None)
    store.add([QUICK.replace(seed=1)], None)
    for _ in range(MOST_TRIES):
        store.begin(store.waiting[0].number)
    again = Store(tmp_path / "queue.json")
    assert "never ended" in again.waiting[0].problem and again.next().spec().seed == 1
    again.retry()
    assert again.next().spec().seed == 0


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"waiting": [{"number": 1}], "done": {}}', '{"waiting": 3, "done": 4}']
)
def test_a_damaged_queue_never_blocks_a_start(tmp_path, content):
    path = tmp_path / "queue.json"
    path.write_text(content)
    assert Store(path).waiting == [] and path.with_suffix(".damaged.json").exists()


def test_a_run_of_another_machine_is_held_back_with_its_reason(tmp_path):
    path = tmp_path / "queue.json"
    store = Store(path)
    store.add([QUICK], None)
    path.write_text(path.read_text().replace('"prior": "mnist', '"prior": "nowhere'))
    assert "nowhere" in Store(path).waiting[0].problem


def test_a_run_is_one_line():
    assert in_words(QUICK) == "digit 3, 200 measurements, Gaussian, 1 bit, Turbo"


@pytest.mark.slow
def test_queued_runs_go_behind_the_windows_own_and_into_the_history(keeping, qtbot, click, run_to_end):
    studio = keeping()
    view, actions = studio.window.history.queue, studio.window.actions_by_name
    actions["history"].trigger()
    assert view.isHidden()
    studio.queue.add([LONG])
    assert studio.queue.running and not view.isHidden() and view.list.count() == 1
    before = studio.session.result
    qtbot.waitUntil(lambda: view.progress.value() > 0, timeout=30000)
    assert studio.session.result is before, "the stage is left alone"
    click(studio.window.run_button)
    assert studio.queue.control.paused
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE, timeout=60000)
    assert not studio.queue.control.paused
    view.list.item(0).setSelected(True)
    click(view.remove_button)
    qtbot.waitUntil(lambda: not studio.queue.running, timeout=30000)
    assert view.isHidden()
    click(view.hold_button) if view.isVisible() else studio.queue.hold()
    studio.window.seed.setValue(4)
    actions["queue_run"].trigger()
    assert not studio.queue.running and "paused" in view.title.text()
    click(view.hold_button)
    studio.queue.add([QUICK.replace(seed=5), QUICK.replace(seed=6)])
    qtbot.waitUntil(lambda: not studio.queue.running, timeout=60000)
    assert sorted(e.seed for e in Library().list()) == [0, 4, 5, 6]
    qtbot.waitUntil(lambda: studio.window.history.list.count() == 4, timeout=10000)
    assert not view.offer.isHidden()
    click(view.compare_button)
    qtbot.waitUntil(lambda: len(studio.window.compare.results) == 2, timeout=20000)
    assert view.isHidden()


@pytest.mark.slow
def test_a_run_that_cannot_be_made_is_held_back_and_the_next_goes_on(keeping, qtbot, tmp_path):
    from engine.images import save_png

    studio = keeping()
    import numpy as np

    path = save_png(tmp_path / "gone.png", np.zeros((1, 28, 28), np.float32))
    studio.queue.hold()
    studio.queue.add([QUICK.replace(image=str(path))])
    studio.queue.add([QUICK.replace(seed=2)])
    path.unlink()
    studio.queue.hold()
    qtbot.waitUntil(lambda: [e.seed for e in Library().list()] == [2] and not studio.queue.running, timeout=60000)
    assert [bool(q.problem) for q in studio.queue.store.waiting] == [True]
    assert "gone.png" in studio.window.history.queue.list.item(0).text()


KILLS = int(os.environ.get("QCS_TEST_KILLS", "2"))
WORKER = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from qcs_gui.driving import started, wait_until
from qcs_gui.studio import Studio
from engine.runs.spec import RunSpec
studio = Studio(threads=1, remember=True)
started(studio)
if len(sys.argv) > 1:
    spec = RunSpec(algorithm="turbo rounds=3 levels=4", samples=2)
    studio.queue.add([spec.replace(seed=s) for s in range(1, int(sys.argv[1]) + 1)])
print("ready", len(studio.queue.store.waiting), flush=True)
done = wait_until(lambda: not studio.queue.store.waiting, 300)
print("empty" if done else "left", flush=True)
studio.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_at_any_moment_the_queue_goes_on(tmp_path, request):
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "QT_QPA_PLATFORM": "offscreen"}
    rng, count = random.Random(1), 4 * KILLS
    for kill in range(KILLS + 1):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, *[str(count)] * (kill == 0)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        request.addfinalizer(worker.kill)
        request.addfinalizer(worker.stdout.close)
        assert worker.stdout.readline().startswith("ready")
        if kill == KILLS:
            assert worker.stdout.readline().strip() == "empty"
            assert worker.wait(60) == 0
        else:
            time.sleep(rng.uniform(0.2, 3.0))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        worker.stdout.close()
    assert {e.seed for e in Library().list()} == set(range(1, count + 1)), "every run was made"
