"""``python -m qcs_gui.screenshots --out DIR``: the window in each of its states, at the sizes of a projector, a laptop and a
large screen, dark and light; offscreen, as the README and reviews show it. Says what is cut off, if anything, and ends with 1."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qcs_gui.studio import Studio

__all__ = ["SIZES", "STATES", "main", "states"]

SIZES = ((1280, 720), (1600, 1000), (2560, 1440))
STATES = (
    "empty", "gallery", "forming", "paused", "done", "replay", "split", "wall", "uncertainty", "curves", "grid", "drawing",
    "presenting", "sweep", "swept", "comparing", "history",
)  # fmt: skip
"""In the order in which :func:`states` goes through them."""


def main(arguments: list[str] | None = None) -> int:
    """Writes STATE-WIDTHxHEIGHT-THEME.png for each."""
    parser = argparse.ArgumentParser(prog="python -m qcs_gui.screenshots", description=__doc__)
    parser.add_argument("--out", required=True, help="folder for the pictures")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine")
    parser.add_argument("--states", default=",".join(STATES), help="which of them, by commas")
    parsed = parser.parse_args(arguments)
    wanted = [s for s in parsed.states.split(",") if s]
    unknown = [s for s in wanted if s not in STATES]
    if unknown:
        parser.error(f"there is no state {', '.join(unknown)}; known are {', '.join(STATES)}")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        os.environ["QCS_STUDIO_DATA"] = data
        return _take(out, parsed.threads, wanted)


def states(studio: Studio, wanted: tuple[str, ...] | list[str] = STATES) -> Iterator[str]:
    """Brings a window that was started into each of the states, and yields its name. It may be resized meanwhile."""
    from engine.sweeps.definition import ready_sweeps
    from qcs_gui.driving import settle, wait_until
    from qcs_gui.model import State

    window, session, stage = studio.window, studio.session, studio.window.stage
    actions = window.actions_by_name

    def done() -> bool:
        return session.state == State.IDLE and session.result is not None

    def reached(name: str) -> bool:
        settle(0.1)
        return name in wanted

    if reached("empty"):
        yield "empty"
    if "gallery" in wanted:
        window.show_page(window.gallery)
        if reached("gallery"):
            yield "gallery"
        window.show_page(stage)
    if set(wanted) <= {"empty", "gallery"}:
        return
    window.pace.setCurrentIndex(1)
    actions["run"].trigger()
    wait_until(lambda: studio.panels.newest is not None and studio.panels.newest.step > studio.panels.newest.steps // 4)
    actions["pause"].trigger()
    session.set_state(State.RUNNING)  # only seen so: it waits while its pictures are taken
    if reached("forming"):
        yield "forming"
    session.set_state(State.PAUSED)
    if reached("paused"):
        yield "paused"
    actions["pause"].trigger()
    wait_until(done, 300)
    window.pace.setCurrentIndex(0)
    settle(1.0)  # the cross-fade
    if reached("done"):
        yield "done"
    window.timeline.setValue(window.timeline.maximum() // 3)
    if reached("replay"):
        yield "replay"
    stage.timeline.follow()
    stage.show_split(True)
    if reached("split"):
        yield "split"
    stage.show_split(False)
    stage.show_wall(True)
    if reached("wall"):
        yield "wall"
    stage.show_wall(False)
    height, width = session.shape()[1:]
    studio.uncertainty.choose((height // 3, width // 2))
    actions["uncertainty"].setChecked(True)
    if reached("uncertainty"):
        yield "uncertainty"
    actions["uncertainty"].setChecked(False)
    actions["diagnostics"].setChecked(True)
    if reached("curves"):
        yield "curves"
    actions["diagnostics"].setChecked(False)
    stage.show_grid(True)
    if reached("grid"):
        yield "grid"
    stage.show_grid(False)
    studio.pictures.draw()
    if reached("drawing"):
        yield "drawing"
    assert studio.pictures.dialog is not None
    studio.pictures.dialog.reject()
    stage.follow()
    studio.presentation.full_screen = False
    actions["present"].setChecked(True)
    if reached("presenting"):
        yield "presenting"
    actions["present"].setChecked(False)
    if "sweep" in wanted or "swept" in wanted:
        studio.sweeps.open_file(ready_sweeps()["scaled-gd"])
        wait_until(studio.sweeps.page.start_button.isEnabled, 60)
        if reached("sweep"):
            yield "sweep"
        if "swept" in wanted:
            studio.sweeps.start()
            wait_until(lambda: not studio.sweeps.running, 600)
            if reached("swept"):
                yield "swept"
        window.show_page(stage)
    if "comparing" in wanted or "history" in wanted:
        studio.compare.run_algorithms(["turbo", "plug-and-play"])
        wait_until(lambda: window.pages.currentWidget() is window.compare, 600)
        wait_until(lambda: not window.compare.busy.text(), 600)
        if reached("comparing"):
            yield "comparing"
    if "history" in wanted:
        actions["history"].setChecked(True)
        window.show_page(stage)
        wait_until(lambda: window.history.list.count() > 0, 20)
        if reached("history"):
            yield "history"


def _take(out: Path, threads: int, wanted: list[str]) -> int:
    from PySide6.QtWidgets import QApplication

    from engine.runs.spec import RunSpec
    from qcs_gui.driving import settle, started, wait_until
    from qcs_gui.studio import Studio
    from qcs_gui.widgets.measuring import clipped

    app = QApplication.instance() or QApplication(["qcs-gui"])
    studio = Studio(RunSpec(samples=16), threads=threads, remember=False, keep=True)
    window, lost = studio.window, 0
    started(studio)
    for state in states(studio, wanted):
        for _ in ("dark", "light"):
            for width, height in SIZES:
                window.resize(width, height)
                settle(0.15)
                wait_until(lambda: not clipped(window), 1.0)  # what is still being laid out is not cut off
                name = f"{state}-{width}x{height}-{studio.context.theme}"
                window.grab().save(str(out / f"{name}.png"))
                cut = clipped(window)
                lost += len(cut)
                print(name, *cut, sep="\n    ", flush=True)
            studio.switch_theme()
    studio.close()
    app.processEvents()
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
