"""Mailbox, worker, timeline store, pins; without a window."""

import sys
import threading
import time
from functools import partial
from importlib.metadata import version

import numpy as np
import pytest
import torch
from PySide6.QtCore import QObject, Signal

from engine.control import Cancelled
from engine.errors import InputError
from qcs_gui.background.frames import Frame, Keyframes
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Worker


def polled(worker):
    end = time.monotonic() + 20
    while worker.busy and time.monotonic() < end:
        worker.poll()
        time.sleep(0.01)
    assert not worker.busy


def test_mailbox_keeps_the_newest_only():
    box = Mailbox(most_per_second=1000)
    assert box.take() is None
    for i in range(5):
        box.put(i)
    assert box.take() == 4
    assert box.take() is None
    assert box.dropped == 4
    box.wanted = False
    assert not box.due()


def test_mailbox_is_due_at_its_rate():
    box = Mailbox(most_per_second=20)
    box.put(0)
    assert not box.due()
    time.sleep(0.06)
    assert box.due()


def test_work_goes_on_where_it_is_polled_and_every_end_is_heard_of():
    failures, values, threads = [], [], []
    worker = Worker("engine", failures.append)

    def fail(error):
        raise error

    def take(value):
        values.append(value)
        threads.append(threading.current_thread())

    errors = [InputError("Say this."), RuntimeError("x"), MemoryError(), SystemExit(), KeyboardInterrupt(), Cancelled()]
    for error in errors:
        worker.submit(partial(fail, error), take)
    worker.submit(lambda: 42, take)
    polled(worker)
    assert [f.cancelled for f in failures] == [False] * 5 + [True]
    assert failures[0].sentence == "Say this." and not failures[0].details
    assert "RuntimeError" in failures[1].details
    assert values == [42] and threads == [threading.main_thread()]
    own = []
    worker.submit(partial(fail, InputError("Mine.")), take, own.append)
    polled(worker)
    assert own[0].sentence == "Mine." and len(failures) == 6
    assert worker.close(5) and worker.gone


def test_what_is_forgotten_does_not_begin_and_is_not_heard_of():
    worker, gate, begun, heard = Worker("engine"), threading.Event(), [], []
    running = threading.Event()

    def work(name):
        begun.append(name)
        running.set()
        gate.wait(10)
        return name

    first = worker.submit(partial(work, "first"), heard.append)
    second = worker.submit(partial(work, "second"), heard.append)
    third = worker.submit(partial(work, "third"), heard.append)
    assert running.wait(10)
    first.withdraw()  # too late: it has begun
    second.withdraw()
    gate.set()
    polled(worker)
    assert begun == heard == ["first", "third"]
    assert second.ended and third.ended
    gate.clear()
    running.clear()
    fourth = worker.submit(partial(work, "fourth"), heard.append)
    assert running.wait(10)
    fourth.forget()
    gate.set()
    polled(worker)
    assert begun[-1] == "fourth" and heard[-1] == "third"
    assert worker.close(5)


def test_a_continuation_that_raises_leaves_the_others():
    worker, heard = Worker("engine"), []
    worker.submit(lambda: 0, lambda value: 1 / value)
    worker.submit(lambda: 2, heard.append)
    with pytest.raises(ZeroDivisionError):
        polled(worker)
    polled(worker)
    assert heard == [2]
    assert worker.close(5)


def test_a_dead_thread_is_noticed_and_replaced():
    failures, values = [], []
    worker = Worker("engine", failures.append)
    gate = threading.Event()
    worker.submit(gate.wait, values.append)
    worker._tasks.put(None)  # the thread ends after this task ...
    worker.submit(lambda: 1, values.append)  # ... so this one would wait for ever
    gate.set()
    polled(worker)
    assert values == [True] and "ended unexpectedly" in failures[0].sentence
    worker.submit(lambda: 2, values.append)
    polled(worker)
    assert values == [True, 2]
    assert worker.close(5)


def frame(step, final=False):
    image = np.zeros((2, 1, 16, 16), np.float32)
    return Frame(1, step, 1000, "sampling", image, image, image[0], image[0], final, 1.0)


def test_timeline_stays_within_its_budget_and_keeps_the_ends():
    frames = Keyframes(budget=50 * frame(0).nbytes)
    for step in range(1, 1001):
        frames.add(frame(step, final=step == 1000))
    steps = [f.step for f in frames.frames]
    assert len(steps) <= 51
    assert steps[0] == 1
    assert steps[-1] == 1000
    assert steps == sorted(steps)
    assert max(np.diff(steps)) < 70


class Source(QObject):
    fired = Signal()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True is immortal from Python 3.12 on")
def test_signals_do_not_steal_references():
    """PySide6 6.12.0 drops one reference to True per emit, which kills Python 3.11 sooner or later."""
    source = Source()
    before = sys.getrefcount(True)
    for _ in range(200):
        source.fired.emit()
    assert sys.getrefcount(True) > before - 50


def test_pinned_versions_are_the_installed_ones():
    assert version("PySide6-Essentials") == "6.11.3"
    assert version("shiboken6") == "6.11.3"
    assert version("pyqtgraph") == "0.14.0"


def test_what_was_measured_is_counted_in_whole_bytes():
    from engine.runs.job import measure
    from engine.runs.spec import RunSpec
    from qcs_gui.background.frames import measurement_pictures

    def words(operator, quantizer="one-bit"):
        spec = RunSpec(operator=operator, quantizer=quantizer)
        return measurement_pictures(measure(spec, torch.full((1, 1, 28, 28), 0.5))).words

    assert words("gaussian measurements=200") == "200 bits = 25 bytes"
    assert words("gaussian measurements=1") == "1 bit = 1 byte"
    assert words("gaussian measurements=9", "uniform bits=3") == "27 bits = 4 bytes"
    assert words("gaussian measurements=1", "none") == "1 real value"


def test_codes_of_pixels_lie_where_the_pixels_are():
    from engine.runs.job import measure
    from engine.runs.spec import RunSpec
    from qcs_gui.background.frames import measurement_pictures

    truth = torch.rand((1, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    spec = RunSpec(operator="inpainting", quantizer="uniform bits=8", noise=0.0, prior="mnist")
    shown = measurement_pictures(measure(spec, truth)).codes
    there = np.isfinite(shown)
    assert 300 < there.sum() < 500
    assert np.abs(shown - truth[0].numpy())[there].max() < 0.02


def test_changes_of_one_setting_are_one_only_while_a_slider_is_dragged(monkeypatch):
    from types import SimpleNamespace

    from engine.runs.spec import RunSpec
    from qcs_gui import undo

    now = [100.0]
    monkeypatch.setattr(undo, "time", SimpleNamespace(monotonic=lambda: now[0]))
    stack, spec = undo.UndoStack(), RunSpec()

    def change(after, **settings):
        now[0] += after
        stack.changed(undo.SetupState(spec.replace(**settings), None))

    change(0)
    for noise in (0.1, 0.2, 0.3):
        change(0.3, noise=noise)  # a drag
    change(3.0, noise=0.4)  # another, later
    change(0.1, noise=0.4, seed=5)  # at once, but another setting
    back = []
    while stack.can_undo:
        state = stack.undo()
        back.append((state.spec.noise, state.spec.seed))
    assert back == [(0.4, spec.seed), (0.3, spec.seed), (spec.noise, spec.seed)]


@pytest.mark.parametrize("pace", ["Full speed", "At least 6 s", "At least 20 s"])
def test_a_slowed_run_is_spread_evenly_over_its_time(monkeypatch, pace):
    from types import SimpleNamespace

    from specs import QUICK

    from engine.control import Control
    from qcs_gui.background import frames
    from qcs_gui.background.frames import RunRequest, execute
    from qcs_gui.main_window import PACES

    seconds = {"Full speed": 0.0, "At least 6 s": 6.0, "At least 20 s": 20.0}[pace]
    assert PACES[pace] == seconds
    now, ends = [50.0], []

    class Audience(Control):
        def linger(self, wait):
            now[0] += wait  # a clock on which only waiting takes time
            ends.append(now[0] - 50)

    monkeypatch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: now[0]))
    execute(RunRequest(1, QUICK, None, 0, pace=seconds), Audience(), Mailbox())
    steps = QUICK.algorithm.steps_for(QUICK.samples)
    assert ends == pytest.approx([seconds * step / steps for step in range(1, steps)] if seconds else [])


@pytest.mark.parametrize(
    ("count", "shape"), [(200, (10, 20)), (196, (14, 14)), (3072, (48, 64)), (211, (15, 15)), (1, (1, 1))]
)
def test_bits_fill_their_grid_where_one_is_filled(count, shape):
    from qcs_gui.background.frames import _grid

    laid = _grid(np.ones(count, np.float32))
    assert laid.shape == (1, *shape) and np.nansum(laid) == count
