"""``qcs-gui``: opens the window. Arguments are read before Qt is, and Qt before torch."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

SYSTEM_PACKAGES = (
    "libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3 "
    "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qcs-gui", description="The window of QCS Studio.")
    parser.add_argument("runfile", nargs="?", default="", help="run file, kept run (.qcs) or picture to open")
    parser.add_argument(
        "--diagnose", action="store_true", help="print versions, platform and what works here, and exit"
    )
    parser.add_argument("--version", action="store_true", help="print version, commit and build of torch, and exit")
    parser.add_argument("--smoke-test", action="store_true", help="run the default job in the window, report and exit")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.add_argument(
        "--screenshot", default="", metavar="FILE.png", help="with --smoke-test: save a picture of the window"
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="CPU threads of the engine; 0 leaves one core to the window"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Opens the window; returns the exit status."""
    multiprocessing.freeze_support()  # a frozen program that reads a foreign file starts itself again
    started = time.monotonic()
    parsed = _parser().parse_args(arguments)
    if parsed.version:
        from engine import about_build

        print(about_build())
        return 0
    if parsed.diagnose:
        from qcs_gui.diagnose import diagnose

        report = diagnose()
        print(json.dumps(report, indent=2) if parsed.json else "\n".join(f"{k}: {v}" for k, v in report.items()))
        return 0 if report["window"] == "works" else 1
    has_screen = sys.platform != "linux" or any(
        os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )
    if not has_screen:
        if not parsed.smoke_test:
            print(
                "qcs-gui: there is no screen (DISPLAY is not set); start it in a desktop session, or use 'qcs run'.",
                file=sys.stderr,
            )
            return 2
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
    try:
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        print(f"qcs-gui: Qt cannot start ({error}); on Debian install: {SYSTEM_PACKAGES}", file=sys.stderr)
        return 2

    from engine.errors import InputError
    from engine.runs.document import read_facts
    from qcs_gui.keeping import read_run_file

    spec, result = None, ""
    try:
        if parsed.runfile.endswith(".qcs"):
            result = parsed.runfile
            read_facts(result)  # a damaged one is said here, before a window comes up
        elif parsed.runfile and not parsed.runfile.lower().endswith(".json"):
            if not Path(parsed.runfile).exists():
                raise InputError(f"'{parsed.runfile}' does not exist; give a run file, a kept run or a picture.")
            result = parsed.runfile
        elif parsed.runfile:
            spec = read_run_file(Path(parsed.runfile))
    except InputError as error:
        print(f"qcs-gui: {error}", file=sys.stderr)
        return 2

    from qcs_gui.preferences import apply_scale, settings_file
    from qcs_gui.studio import Studio

    if not parsed.smoke_test:
        apply_scale(settings_file())
    app = QApplication.instance() or QApplication(["qcs-gui"])
    studio = Studio(spec, parsed.threads, remember=not parsed.smoke_test, result=result)
    studio.start()
    if parsed.smoke_test:
        from qcs_gui.smoke import smoke_test

        report = smoke_test(studio, started, parsed.screenshot)
        print(json.dumps(report) if parsed.json else "\n".join(f"{k}: {v}" for k, v in report.items()))
        return 0 if "error" not in report else 1
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    status = app.exec()
    studio.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
