"""How the window behaves while the engine works: ``python -m qcs_gui.benchmark``.

Heartbeat (how late a 10 ms timer of the GUI thread fires), engine speed with all panels live against the same job
without a window, and memory over many runs. Figures belong to the machine, so none of this is a test.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from typing import Any

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from engine.runs.spec import RunSpec
from qcs_gui.model import State
from qcs_gui.stage.run import default_threads
from qcs_gui.studio import Studio

__all__ = ["main"]

BEAT_MS = 10
PAIRS = 5


def _wait(condition) -> None:
    loop, timer = QEventLoop(), QTimer(interval=50)
    timer.timeout.connect(lambda: loop.quit() if condition() else None)
    timer.start()
    loop.exec()
    timer.stop()


def _headless_rate(spec: RunSpec, pixels: np.ndarray, threads: int) -> float:
    """Steps per second of the bare engine."""
    import torch

    from engine.runs.job import prepare

    torch.set_num_threads(threads)
    job, start = prepare(spec, pixels), time.perf_counter()
    steps = sum(1 for _ in job.stream())
    return steps / (time.perf_counter() - start)


def _run(studio: Studio) -> tuple[float, list[float]]:
    """One run in the window: steps per second and the lag of every heartbeat in milliseconds."""
    lags: list[float] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        lags.append(max(0.0, (now - last) * 1e3 - BEAT_MS))
        last = now

    heart = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    heart.timeout.connect(beat)
    _wait(lambda: studio.session.state == State.IDLE and studio.window.run_button.isEnabled())
    heart.start()
    last = time.perf_counter()
    studio.window.run_button.click()
    _wait(lambda: studio.session.state == State.IDLE)
    heart.stop()
    frame = studio.panels.newest
    assert frame is not None
    return frame.steps / frame.elapsed, lags


def measure(runs: int, threads: int) -> dict[str, Any]:
    """All figures, as plain data."""
    app = QApplication.instance() or QApplication(["qcs-gui"])
    spec = RunSpec(algorithm="qcs-sgm levels=20", samples=16, device="cpu")
    studio = Studio(spec, threads=threads, remember=False)
    studio.start()
    _wait(lambda: studio.session.pixels is not None and bool(studio.session.device))
    assert studio.session.pixels is not None
    bare_rates, rates, lags = [], [], []
    for _ in range(PAIRS):  # in turns, so that both meet the same moods of the machine
        bare_rates.append(_headless_rate(spec, studio.session.pixels, threads))
        rate, lag = _run(studio)
        rates.append(rate)
        lags += lag
    beats, bare, live = np.array(lags), float(np.median(bare_rates)), float(np.median(rates))
    studio.session.set_spec(spec.replace(algorithm="turbo", samples=16))
    process, sizes = psutil.Process(), []
    for _ in range(runs + 3):
        _run(studio)
        gc.collect()
        sizes.append(process.memory_info().rss / 1e6)
    report = {
        "samples": 16, "torch_threads": threads, "cores": os.cpu_count(),
        "heartbeat_lag_ms": {f"p{p}": float(np.percentile(beats, p)) for p in (50, 99, 100)},
        "engine_steps_per_second": {"without_window": bare, "in_window": live, "kept": live / bare},
        "memory_mb": {"after_3_runs": sizes[2], f"after_{runs + 3}_runs": sizes[-1], "growth": sizes[-1] - sizes[2]},
        "frames_shown": studio.panels.frames_shown, "ms_per_frame": 1e3 * studio.panels.seconds_per_frame,
        "platform": app.platformName(),
    }  # fmt: skip
    studio.close()
    studio.window.close()
    return report


def main() -> int:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m qcs_gui.benchmark", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="runs for the memory figure")
    parser.add_argument("--threads", type=int, default=default_threads(), help="torch threads, with and without window")
    parsed = parser.parse_args()
    if sys.platform == "linux" and not any(
        os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    print(json.dumps(measure(parsed.runs, parsed.threads), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
