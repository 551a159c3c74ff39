"""``python -m qcs_gui.screenshots --out DIR``: pictures of the window in use, offscreen, as the README and reviews show them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Writes the pictures; those at scale 2 come from a second process, since the scale is fixed at the start of Qt."""
    parser = argparse.ArgumentParser(prog="python -m qcs_gui.screenshots", description=__doc__)
    parser.add_argument("--out", required=True, help="folder for the pictures")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine")
    parser.add_argument("--scaled", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        os.environ["QCS_STUDIO_DATA"] = data
        _take(out, parsed.threads, parsed.scaled)
    if not parsed.scaled:
        command = [
            sys.executable,
            "-m",
            "qcs_gui.screenshots",
            "--out",
            str(out),
            "--scaled",
            "--threads",
            str(parsed.threads),
        ]
        return subprocess.run(command, env={**os.environ, "QT_SCALE_FACTOR": "2"}, check=False).returncode
    return 0


def _take(out: Path, threads: int, scaled: bool) -> None:
    from PySide6.QtWidgets import QApplication

    from engine.runs.spec import RunSpec
    from qcs_gui.driving import settle, started, wait_until
    from qcs_gui.model import State
    from qcs_gui.studio import Studio

    app = QApplication.instance() or QApplication(["qcs-gui"])
    studio = Studio(RunSpec(samples=16), threads=threads, remember=False, keep=True)
    window, session = studio.window, studio.session
    actions = window.actions_by_name
    started(studio)

    def picture(name: str) -> None:
        settle()
        window.grab().save(str(out / f"{name}.png"))
        print(name, flush=True)

    def done() -> bool:
        return session.state == State.IDLE and session.result is not None

    def run() -> None:
        window.run_button.click()
        wait_until(lambda: session.state != State.IDLE, 5)
        wait_until(done)

    window.resize(1600, 1000)
    if scaled:
        window.resize(1280, 720)
        run()
        picture("scale-2")
        studio.close()
        return
    picture("first-view")
    window.show_page(window.gallery)
    picture("gallery")
    window.pace.setCurrentIndex(1)
    window.run_button.click()
    wait_until(lambda: studio.panels.newest is not None and studio.panels.newest.step > 30)
    window.show_view("iterate")
    picture("running")
    wait_until(done)
    window.pace.setCurrentIndex(0)
    studio.uncertainty.choose((9, 12))
    studio.uncertainty.choose((20, 14), second=True)
    window.show_view("mean")
    picture("finished")
    window.show_view("std")
    picture("calibration")
    actions["uncertainty"].setChecked(False)
    window.stage.show_grid(True)
    actions["diagnostics"].setChecked(True)
    picture("grid")
    actions["diagnostics"].setChecked(False)
    window.show_view("denoised")
    window.timeline.setValue(window.timeline.maximum() // 3)
    picture("replay")
    window.stage.timeline.follow()
    window.show_view("mean")
    window.stage.show_split(True)
    picture("split")
    window.stage.show_split(False)
    studio.compare.run_algorithms(["turbo", "guided", "diffpir", "plug-and-play"])
    wait_until(lambda: window.pages.currentWidget() is window.compare, 900)
    picture("comparison")
    actions["history"].setChecked(True)
    window.show_page(window.stage)
    wait_until(lambda: window.history.list.count() >= 5, 20)
    picture("history")
    actions["history"].setChecked(False)
    studio.switch_theme()
    picture("light")
    window.resize(1280, 720)
    picture("1280x720-light")
    studio.switch_theme()
    picture("1280x720")
    window.resize(1000, 680)
    picture("1000x680")
    studio.close()
    app.processEvents()


if __name__ == "__main__":
    sys.exit(main())
