"""How the window behaves while the engine works: ``python -m studies.window --json``.

``speed``: heartbeat (how late a 10 ms timer of the GUI thread fires) and engine speed with the window against without;
``live``: updates a second and the time from stroke to picture; ``stress``: the same heartbeat while a run streams and views,
sizes, exports and the timeline are played with; ``grid``: the same while nine runs stream into a comparison; ``cycles``: runs
begun and cancelled, threads, timers and memory; ``start``: seconds to the window, to the first frame, of ``qcs --help``.
Figures belong to the machine, so none of this is a test.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from engine.runs.spec import RunSpec
from qcs_gui.driving import settle, started, wait_until
from qcs_gui.model import State
from qcs_gui.stage.run import default_threads
from qcs_gui.stage.view_store import VIEWS
from qcs_gui.studio import Studio

__all__ = ["main"]

BEAT_MS, PAIRS = 10, 3
PARTS = ("speed", "live", "stress", "grid", "cycles", "start")
LONG = "qcs-sgm levels=232"


class Heart:
    """Lags of a timer of the GUI thread, in milliseconds."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.lags.append(max(0.0, 1e3 * (now - self._last) - BEAT_MS))
        self._last = now

    def __enter__(self) -> Heart:
        self._last = time.perf_counter()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def summary(self) -> dict[str, float]:
        return {f"p{p}": round(float(np.percentile(self.lags, p)), 1) for p in (50, 99, 100)}


def _headless_rate(spec: RunSpec, pixels: np.ndarray, threads: int, most: float = 1e9) -> float:
    """Steps per second of the bare engine, over at most so many seconds."""
    import torch

    from engine.runs.job import prepare

    torch.set_num_threads(threads)
    job, start, steps = prepare(spec, pixels), time.perf_counter(), 0
    for _ in job.stream():
        steps += 1
        if time.perf_counter() - start > most:
            break
    return steps / (time.perf_counter() - start)


def _idle(studio: Studio) -> Callable[[], bool]:
    return lambda: studio.session.state == State.IDLE


def _begin(studio: Studio, frames: int = 1) -> None:
    before = studio.panels.frames_shown
    studio.window.run_button.click()
    wait_until(lambda: studio.panels.frames_shown >= before + frames)


def speed(studio: Studio, threads: int) -> dict[str, Any]:
    """In turns without and with the window, so that both meet the same moods of the machine."""
    spec = RunSpec(algorithm="qcs-sgm levels=20", samples=16, device="cpu")
    studio.session.set_spec(spec)
    assert studio.session.pixels is not None
    bare, live, heart = [], [], Heart()
    for _ in range(PAIRS):
        bare.append(_headless_rate(spec, studio.session.pixels, threads))
        with heart:
            _begin(studio)
            wait_until(_idle(studio))
        frame = studio.panels.newest
        assert frame is not None and studio.session.result is not None
        live.append(frame.steps / studio.session.result.seconds)
    without, within = float(np.median(bare)), float(np.median(live))
    return {
        "heartbeat_lag_ms": heart.summary(), "frames_shown": studio.panels.frames_shown,
        "engine_steps_per_second": {"without_window": without, "in_window": within, "kept": within / without},
    }  # fmt: skip


def grid(studio: Studio) -> dict[str, Any]:
    """Nine runs over measurements and bits form in their places."""
    from engine.runs.grid import grid as grid_of
    from engine.runs.grid import variables

    spec = RunSpec(algorithm="turbo levels=24", samples=8, device="cpu")
    studio.session.set_spec(spec)
    known, heart = {v.key: v for v in variables(spec, studio.session.shape())}, Heart()
    rows, quantizers = (known["operator.measurements"], [100, 200, 400]), ["one-bit", "uniform bits=2", "none"]
    with heart:
        studio.compare.run_specs(grid_of(spec, rows, (known["quantizer"], quantizers)))
        wait_until(lambda: studio.session.state == State.IDLE and len(studio.window.compare.results) == 9, 600)
    return {"heartbeat_lag_ms": heart.summary(), "runs": len(studio.window.compare.results)}


def live(studio: Studio, seconds: float) -> dict[str, Any]:
    """Draws on the canvas without pause while live mode is on, one mouse event every 15 ms."""
    studio.session.set_spec(RunSpec(device="cpu"))
    window = studio.window
    window.live_button.setChecked(True)
    studio.pictures.draw()
    dialog = studio.pictures.dialog
    assert dialog is not None
    canvas, latencies = dialog.canvas, studio.live.latencies
    wait_until(lambda: len(latencies) > 1, 20)
    latencies.clear()
    strokes: list[float] = []
    begun, count = time.perf_counter(), 0

    def draw() -> None:
        nonlocal count
        count += 1
        at = QPointF(140 + 80 * np.sin(count / 9), 140 + 90 * np.sin(count / 14 + 1))
        kind = QMouseEvent.Type.MouseButtonPress if count % 60 == 1 else QMouseEvent.Type.MouseMove
        start = time.perf_counter()
        left = Qt.MouseButton.LeftButton
        event = QMouseEvent(kind, at, canvas.mapToGlobal(at), left, left, Qt.KeyboardModifier.NoModifier)
        if count % 60 == 1:
            canvas.clear()
        QApplication.sendEvent(canvas, event)
        strokes.append(1e3 * (time.perf_counter() - start))

    pen = QTimer(interval=15)
    pen.timeout.connect(draw)
    with Heart() as heart:
        pen.start()
        settle(seconds)
        pen.stop()
    elapsed = time.perf_counter() - begun
    found = 1e3 * np.array(latencies)
    dialog.reject()
    window.live_button.setChecked(False)
    return {
        "live_updates_per_second": round(len(found) / elapsed, 2),
        "live_latency_ms_median": round(float(np.median(found)), 1),
        "live_latency_ms_p95": round(float(np.percentile(found, 95)), 1),
        "stroke_ms_p99": round(float(np.percentile(strokes, 99)), 2), "heartbeat_lag_ms": heart.summary(),
        "dropped_requests": studio.live.source.dropped,
    }  # fmt: skip


def stress(studio: Studio, threads: int, seconds: float) -> dict[str, Any]:
    """Everything at once while a long run streams; engine speed against the bare engine at the same number of threads."""
    spec = RunSpec(algorithm=LONG, samples=16, device="cpu")
    studio.session.set_spec(spec)
    assert studio.session.pixels is not None
    bare = _headless_rate(spec, studio.session.pixels, threads, most=min(seconds / 3, 10.0))
    window, stage, keys, count = studio.window, studio.window.stage, list(VIEWS), 0
    folder = Path(tempfile.mkdtemp())

    def play() -> None:
        nonlocal count
        count += 1
        turn = count % 12
        if turn == 0:
            window.resize(1000 + 37 * (count % 17), 680 + 23 * (count % 13))
        elif turn == 3:
            stage.show_grid(not stage.is_grid)
        elif turn == 5:
            window.timeline.setValue(count % max(1, window.timeline.maximum()))
        elif turn == 7:
            stage.timeline.follow()
        elif turn == 9:
            stage.picture.panel.box.scaleBy(0.9 if count % 24 < 12 else 1.1)
        elif turn == 11:
            studio.menu.save(stage.picture.key, folder / "view.png")
        else:
            window.show_view(keys[count % len(keys)])

    _begin(studio, 3)
    step, begun = studio.panels.newest.step, time.perf_counter()  # type: ignore[union-attr]
    player = QTimer(interval=100)
    player.timeout.connect(play)
    with Heart() as heart:
        player.start()
        settle(seconds)
        player.stop()
    rate = (studio.panels.newest.step - step) / (time.perf_counter() - begun)  # type: ignore[union-attr]
    studio.window.cancel_button.click()
    asked = time.perf_counter()
    wait_until(_idle(studio))
    return {
        "seconds": seconds, "heartbeat_lag_ms": heart.summary(), "engine_kept": round(rate / bare, 3),
        "cancel_to_idle_ms": round(1e3 * (time.perf_counter() - asked), 1),
    }  # fmt: skip


def cycles(studio: Studio, count: int) -> dict[str, Any]:
    """Runs begun and cancelled; what is left of threads, timers and memory."""
    studio.session.set_spec(RunSpec(algorithm=LONG, samples=16, device="cpu"))
    process, cancels, sizes = psutil.Process(), [], []
    timers = threads = 0
    for number in range(count):
        _begin(studio)
        start = time.perf_counter()
        studio.window.cancel_button.click()
        wait_until(_idle(studio))
        cancels.append(1e3 * (time.perf_counter() - start))
        if number == 0:  # what is made once, at the first, is no leak
            timers = len(studio.findChildren(QTimer)) + len(studio.window.findChildren(QTimer))
            threads = threading.active_count()
        gc.collect()
        sizes.append(process.memory_info().rss / 1e6)
    after = len(studio.findChildren(QTimer)) + len(studio.window.findChildren(QTimer))
    settled = sizes[min(5, count - 1)]
    return {
        "cycles": count, "cancel_to_idle_ms_max": round(max(cancels), 1), "threads_leaked": threading.active_count() - threads,
        "timers_leaked": after - timers, "memory_growth_mb": round(sizes[-1] - settled, 1),
    }  # fmt: skip


def start(times: int = 3) -> dict[str, Any]:
    """Seconds from nothing to a window, to the first frame, and of the commands that answer without the engine; medians."""

    def median(run: Callable[[], float]) -> float:
        return round(float(np.median([run() for _ in range(times)])), 3)

    def command(*words: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", *words], capture_output=True, check=True)
        return time.perf_counter() - begun

    smokes: list[dict[str, Any]] = []
    for _ in range(times):
        words = [sys.executable, "-m", "qcs_gui", "--smoke-test", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        smokes.append(json.loads(done.stdout.splitlines()[-1]))
    seconds = ("seconds_to_window", "seconds_to_first_frame")
    return {key: round(float(np.median([s[key] for s in smokes])), 3) for key in seconds} | {
        "qcs_help_seconds": median(lambda: command("engine.cli", "--help")),
        "qcs_describe_seconds": median(lambda: command("engine.cli", "describe")),
    }


def measure(parts: list[str], threads: int, seconds: float, runs: int) -> dict[str, Any]:
    """The chosen figures, as plain data."""
    report: dict[str, Any] = {"start": start()} if "start" in parts else {}
    if parts == ["start"]:
        return report
    app = QApplication.instance() or QApplication(["qcs-gui"])
    assert isinstance(app, QApplication)
    studio = Studio(RunSpec(device="cpu"), threads=threads, remember=False)
    started(studio)
    report |= {"torch_threads": threads, "cores": os.cpu_count(), "platform": app.platformName()}
    if "live" in parts:
        report |= live(studio, min(seconds, 20.0))
    if "speed" in parts:
        report["speed"] = speed(studio, threads)
    if "stress" in parts:
        report["stress"] = stress(studio, threads, seconds)
    if "grid" in parts:
        report["grid"] = grid(studio)
    if "cycles" in parts:
        report["cycles"] = cycles(studio, runs)
    studio.close()
    studio.window.close()
    return report


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m studies.window", description=__doc__)
    parser.add_argument("--what", default="all", choices=("all", *PARTS), help="which figures (all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the stress (60)")
    parser.add_argument("--runs", type=int, default=100, help="cycles of run and cancel (100)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="torch threads, with and without window")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parsed = parser.parse_args()
    if sys.platform == "linux" and not any(
        os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    parts = list(PARTS) if parsed.what == "all" else [parsed.what]
    with tempfile.TemporaryDirectory() as data:
        os.environ["QCS_STUDIO_DATA"] = data
        report = measure(parts, parsed.threads, parsed.seconds, parsed.runs)
    print(json.dumps(report, indent=2) if parsed.json else "\n".join(f"{k}: {v}" for k, v in report.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
