"""``qcs-gui --diagnose``: what is installed, where things lie, and whether a window and the engine work here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import tempfile
from typing import Any

__all__ = ["diagnose"]

PACKAGES = ("PySide6-Essentials", "pyqtgraph", "torch", "numpy", "scipy", "Pillow")


def diagnose() -> dict[str, Any]:
    """Plain values; nothing here raises."""
    from engine import __version__, commit

    report: dict[str, Any] = {
        "qcs_studio": __version__, "commit": commit(), "python": sys.version.split()[0], "system": platform.platform(),
        "cores": os.cpu_count(), "display": os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "none",
    }  # fmt: skip
    for name in PACKAGES:
        try:
            report[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            report[name] = "missing"
    report["window"] = _attempt(_window)
    report["engine"] = _attempt(_engine)
    report["library"] = _attempt(_library)
    return report


def _attempt(work: Any) -> str:
    try:
        return str(work())
    except BaseException as error:  # a diagnosis goes on whatever is broken
        return f"does not work: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _window() -> str:
    if sys.platform == "linux" and not any(
        os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication, QLabel

    app = QApplication.instance() or QApplication(["qcs-gui"])
    label = QLabel("test")
    label.show()
    app.processEvents()
    assert not label.grab().isNull(), "nothing was painted"
    return "works"


def _engine() -> str:
    import torch

    device = f"cuda ({torch.cuda.get_device_name(0)})" if torch.cuda.is_available() else "cpu"
    from engine.runs.job import reconstruct
    from engine.runs.spec import RunSpec

    spec = RunSpec(samples=1, algorithm="turbo rounds=4 levels=8")
    reconstruct(spec.replace(algorithm="turbo rounds=1 levels=2"))  # what is loaded at the first is not counted
    result = reconstruct(spec)
    return f"works on {device}, {result.network_calls / max(result.seconds, 1e-9):.0f} network calls a second"


def _library() -> str:
    from engine.runs.library import Library

    library = Library()
    library.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=library.folder):
        pass
    return f"{len(library.list())} runs in {library.folder}"
